// Command abuse sends a server of our own what no honest client sends, and gives it bundles that no exporter writes. It
// holds the server to the law that each of these costs little and ends by itself.
//
// It starts the server on a free port of the loopback interface: with long times for hostile bodies (body.go,
// bodies_*.go), with a token and short times for slow and rude connections (rude.go, rude_*.go), and with a model whose
// graph runs away on some items (served.go). Hostile bundles (bundle.go, bundles_*.go) are made by code and given to
// verify and to serve. Each attack has a row in a table. The law (law.go, bundle.go):
//
//   - The server's resident memory grows by at most 256 MiB and 24 bytes for each byte sent.
//   - A refusal comes within 2 s, and no status says that the server itself is at fault.
//   - An answer has at most 16 MiB, and one that is a single problem 4 KiB.
//   - A connection is ended by the server within its documented time.
//   - Afterwards goroutines and open files are back to where they were, scores have the same bits as before, and
//     SIGTERM ends the server with status 0.
//   - Given a hostile bundle, verify and serve end within 20 s and 2 GiB, with status 1 and one line of at most 500
//     characters. Honest bundles are accepted, so that a refusal says something.
//   - An item on which a served graph runs away fails alone.
//
// Memory is the kernel's own high-water mark, which is reset before each attack. A server that keeps much of what an
// attack took is replaced by a fresh one before the next, so that memory already taken cannot hide growth; its
// key-value caches, which have a bound of their own, are small. A server that grows over a bound is killed, so that the
// machine survives a server without limits.
//
// The program imports nothing of ours, speaks to loopback addresses only, is bounded in count and time, and ends no
// process but those that it started. Its status is 1 when a law was broken. The short form leaves out what is largest
// or slowest, and allows five times as long, since the machines of CI are busy.
package main
