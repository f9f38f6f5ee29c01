package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/problem"
)

// observe gives every request an id, counts it, writes its access line, and turns a panic into a problem.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		x, r := newExchange(w, s.traced(r), s.options.WriteTimeout, min(linger, s.options.BodyTimeout))
		x.protocol, x.caller = s.native, s.anonymous
		if x.id = r.Header.Get("X-Request-Id"); !plain(x.id) {
			x.id = rand.Text()
		}
		w.Header().Set("X-Request-Id", x.id)
		if retired(r) {
			w.Header().Set("Connection", "close") // net/http makes it GOAWAY on HTTP/2
		}
		defer func() { s.finished(x, r, time.Since(start)) }()
		defer func() {
			if value := recover(); value != nil {
				s.broke(x, r, value)
			}
		}()
		next.ServeHTTP(x, r)
	})
}

// broke answers for a handler that panicked. Where the answer had begun, the connection is cut instead, so that no
// client takes a part for the whole.
func (s *Server) broke(x *exchange, r *http.Request, value any) {
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(value)
	}
	err := fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	if x.status == 0 {
		s.fail(x, r, err)
		return
	}
	s.explain(r.Context(), x.id, problem.Of(err))
	panic(http.ErrAbortHandler)
}

// finished counts a request and writes its access line: at debug when it went well or was one of many that were refused
// for their number, louder when it did not.
func (s *Server) finished(x *exchange, r *http.Request, took time.Duration) {
	route, status := x.route, x.status
	if route == "" {
		route = "other"
	}
	if status == 0 {
		status = http.StatusOK
	}
	s.metrics.finished(route, status, took)
	endTrace(x, r, route, status)
	x.caller.finished(status)
	ctx, level := r.Context(), slog.LevelDebug
	switch {
	case status >= 500:
		level = slog.LevelWarn
	case status == http.StatusTooManyRequests:
		s.refused(ctx)
	case status >= 400:
		level = slog.LevelInfo
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	line := []slog.Attr{
		slog.String("method", fault.Short(r.Method)), slog.String("path", fault.Short(r.URL.Path)), slog.Int("status", status),
		slog.Int64("bytes", x.bytes), slog.Duration("took", took), slog.String("remote", r.RemoteAddr),
	}
	line = append(line, ids(ctx, x.id)...)
	if x.caller.name != "" {
		line = append(line, slog.String("caller", x.caller.name))
	}
	s.log.LogAttrs(ctx, level, "request", line...)
}

// refused says now and then how many requests were refused with 429; under overload they are most of the requests, and
// a line for each would cost more than the refusal.
func (s *Server) refused(ctx context.Context) {
	if count, say := s.refusals.now(); say {
		s.log.LogAttrs(ctx, slog.LevelWarn, "refusing requests, since a queue is full or a caller's tokens are used up",
			slog.Int64("refused", count))
	}
}

// longestID is how many characters a client's request id may have.
const longestID = 80

// plain tells whether a client's id is safe to repeat in a header and a log.
func plain(id string) bool {
	if id == "" || len(id) > longestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}
