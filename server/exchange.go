package server

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// exchange is one request and its answer: what the layers of the server know of it, from the first to the last. It is
// also the [http.ResponseWriter] of the handlers, and the one place where an answer gets its deadline.
type exchange struct {
	http.ResponseWriter
	id       string        // of the request
	protocol *protocol     // tells its problems
	route    string        // pattern of the route that took it up; empty: none did
	caller   *caller       // who asks
	body     incoming      // of the request
	timeout  time.Duration // for the client to take the answer
	linger   time.Duration // for the client to end a body that is refused
	closes   bool          // HTTP/1: an unread body can be got rid of only with the connection

	status int // of the answer; 0: not begun
	bytes  int64
}

// newExchange takes a request up. The request that it returns is the one to go on with: its body tells when it has
// ended.
func newExchange(w http.ResponseWriter, r *http.Request, timeout, linger time.Duration) (*exchange, *http.Request) {
	x := &exchange{
		ResponseWriter: w,
		body:           incoming{ReadCloser: r.Body, ended: r.ContentLength == 0},
		timeout:        timeout,
		linger:         linger,
		closes:         r.ProtoMajor < 2,
	}
	if r.ProtoMajor >= 2 { // net/http's own deadline, which counts from the headers, would cut what is still being computed
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	}
	with := *r // net/http keeps the request that it gave, and looks at its body afterwards
	with.Body = &x.body
	return x, &with
}

// WriteHeader begins the answer. The client has a time from now to take it. When it may still be sending a body that
// nobody wants, HTTP/1 has to close the connection; on HTTP/2 the stream ends with the answer, and the connection
// stays.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		control := http.NewResponseController(x.ResponseWriter) // one without deadlines is a test's
		_ = control.SetWriteDeadline(time.Now().Add(x.timeout))
		if x.closes && !x.body.ended {
			refuseBody(x.ResponseWriter)
			_ = control.SetReadDeadline(time.Now().Add(x.linger))
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

// refuseBody tells net/http that the rest of the body is not wanted, as reading past a limit does. It then says so in
// the answer, sends all of it, and waits a moment before it closes the connection; closed at once, a connection on
// which the client is still sending would be reset, and the client might never see the answer.
func refuseBody(w http.ResponseWriter) {
	_, _ = http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0).Read(make([]byte, 1))
}

func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// Unwrap gives [http.ResponseController] the deadlines.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// incoming is a request's body. It remembers whether it was read to its end.
type incoming struct {
	io.ReadCloser
	ended bool
}

func (b *incoming) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err == io.EOF
	return n, err
}
