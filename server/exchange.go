package server

import (
	"net/http"
	"time"
)

// exchange is one request and its answer: what the layers of the server know of it, from the first to the last. It is also the
// [http.ResponseWriter] of the handlers, and the one place where an answer gets its deadline.
type exchange struct {
	http.ResponseWriter
	id       string        // of the request
	protocol *protocol     // tells its problems
	route    string        // pattern of the route that took it up; empty: none did
	caller   *caller       // who asks
	timeout  time.Duration // for the client to take the answer

	status int // of the answer; 0: not begun
	bytes  int64
}

// newExchange takes a request up. The request that it returns is the one to go on with.
func newExchange(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*exchange, *http.Request) {
	return &exchange{ResponseWriter: w, timeout: timeout}, r
}

// WriteHeader begins the answer. The client has a time from now to take it.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
		control := http.NewResponseController(x.ResponseWriter) // one without deadlines is a test's
		_ = control.SetWriteDeadline(time.Now().Add(x.timeout))
	}
	x.ResponseWriter.WriteHeader(status)
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
