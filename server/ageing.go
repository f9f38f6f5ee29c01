package server

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// ageSpread is by how much of [Options.MaxAge] connections end sooner or later, so that those that were opened together
// do not all come back together.
const ageSpread = 0.1

// retires is the key of a connection's context under which lies when it retires.
type retires struct{}

// ageing gives a new connection the time at which it retires; it is a hook of [http.Server]. A connection that has
// retired ends with its next answer: HTTP/1.1 says Connection: close there, and HTTP/2 sends GOAWAY, after which what
// is in flight is still answered.
func (s *Server) ageing(ctx context.Context, _ net.Conn) context.Context {
	if s.options.MaxAge == 0 {
		return ctx
	}
	factor := 1 + ageSpread*(2*rand.Float64()-1) //nolint:gosec // it spreads load, and is no secret
	return context.WithValue(ctx, retires{}, time.Now().Add(time.Duration(factor*float64(s.options.MaxAge))))
}

// retired tells whether a request came on a connection that is to end.
func retired(r *http.Request) bool {
	at, ok := r.Context().Value(retires{}).(time.Time)
	return ok && !time.Now().Before(at)
}
