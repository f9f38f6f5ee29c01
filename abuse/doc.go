// Command abuse sends a server of our own what no honest client sends, and holds it to the law that each of these costs it
// little and ends by itself.
//
// It starts the server on a free port of the loopback interface, once with long times for hostile bodies (body.go, bodies_*.go)
// and once with a token and short times for slow and rude connections (rude.go, rude_*.go). Each attack has a row in a table:
// what was sent, by how much the server's resident memory grew, how long it took, and what came back. The law (law.go):
//
//   - memory grows by at most 256 MiB and 24 bytes for each byte sent,
//   - a refusal comes within 2 s, and no status says that the server itself is at fault,
//   - an answer has at most 16 MiB,
//   - a connection is ended by the server within its documented time,
//   - afterwards goroutines and open files are back to where they were, scores have the same bits as before, and SIGTERM ends
//     the server with status 0.
//
// Memory is the kernel's own high-water mark, which is reset before each attack. A server that keeps much of what an attack took
// is replaced by a fresh one before the next, so that memory already taken cannot hide growth. A server that grows over a bound
// is killed, so that the machine survives a server without limits.
//
// The program imports nothing of ours, speaks to loopback addresses only, is bounded in count and time, and ends no process but
// those that it started. Its status is 1 when a law was broken.
package main
