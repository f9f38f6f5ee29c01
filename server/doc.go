// Package server answers HTTP.
//
// [New] makes a [Server] over an [Engine]; [Server.Run] listens until its context ends and then drains: readiness turns
// false first, what was accepted is still answered, and only then it returns. The engine, and the models under it, must
// live until Run has returned.
//
// docs/API.md describes the routes, the limits and the problems, /openapi.json the schemas. Every error of every route
// is a problem whose code and status come from the one table of package problem. A request that cannot be read is
// refused whole; otherwise its items fail one by one inside an answer.
//
// A request passes, in this order, and its answer the same way back:
//
//	crowd           is there room for the connection?           connections.go
//	front           HTTP, and a deadline for every state of it  front.go
//	observe         an id, metrics, the access line, panics     observe.go; what is known of a request is its exchange
//	routes          which protocol, which route, which method   routes.go
//	authorize       who asks?                                   auth.go, caller.go
//	ask             the body, the caller's rate, the caps       protocol.go, body.go
//	codec           from the protocol's words to the engine's   native.go, openrlhf.go
//	engine          the answer
//
// A job is the one question that is not answered at once: jobupload.go keeps its rows (package jobs), jobwork.go asks
// the engine about them while the server runs, and jobresult.go writes what came of them.
//
// A protocol is a value: the codecs of its questions, and one way to tell a problem. A foreign one is one file, and
// nothing else in this package knows that it is there, but the list in [New].
package server
