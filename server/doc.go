// Package server answers HTTP.
//
// [New] makes a [Server] over an [Engine]; [Server.Run] listens until its context ends and then drains: readiness turns false
// first, what was accepted is still answered, and only then it returns. The engine, and the models under it, must live until
// Run has returned.
//
// docs/API.md describes the routes, the limits and the problems, /openapi.json the schemas. Every error of every route is a
// problem-details answer (RFC 9457) whose code and status come from the one table of package problem. A request that cannot be
// read is refused whole; otherwise its items fail one by one inside an answer.
//
// A request passes, in this order: [Server.observe] (id, metrics, access line, panics), the token's check, the route. A route
// of the native API reads and decodes the body once (decode.go), asks the engine, and writes the answer (routes.go). A foreign
// protocol is one file that translates to a question of the engine and back (openrlhf.go).
package server
