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

	"github.com/go-chi/chi/v5"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/problem"
)

// requestID is the id that observe gave the request that w answers.
func requestID(w http.ResponseWriter) string { return w.Header().Get("X-Request-Id") }

// observe gives every request an id, counts it, writes its access line, and turns a panic into a problem.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		id := r.Header.Get("X-Request-Id")
		if !plain(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		watched := &watchedWriter{ResponseWriter: w}
		defer func() { s.finished(r, watched, id, time.Since(start)) }()
		defer func() {
			if value := recover(); value != nil {
				s.broke(watched, r, value)
			}
		}()
		next.ServeHTTP(watched, r)
	})
}

// broke answers for a handler that panicked. Where the answer had begun, the connection is cut instead, so that no client takes
// a part for the whole.
func (s *Server) broke(w *watchedWriter, r *http.Request, value any) {
	if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(value)
	}
	err := fmt.Errorf("panic: %v\n%s", value, debug.Stack())
	if w.status == 0 {
		s.fail(w, r, err)
		return
	}
	s.explain(r.Context(), requestID(w), problem.Of(err))
	panic(http.ErrAbortHandler)
}

// finished counts a request and writes its access line: at debug when it went well or was one of many that a full queue refuses,
// louder when it did not.
func (s *Server) finished(r *http.Request, w *watchedWriter, id string, took time.Duration) {
	route := "other"
	if known := chi.RouteContext(r.Context()).RoutePattern(); known != "" && w.status != http.StatusMethodNotAllowed {
		route = known
	}
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	s.metrics.finished(route, status, took)
	level := slog.LevelDebug
	switch {
	case status >= 500:
		level = slog.LevelWarn
	case status == http.StatusTooManyRequests:
		s.refused(r.Context())
	case status >= 400:
		level = slog.LevelInfo
	}
	ctx := r.Context()
	if s.log.Enabled(ctx, level) {
		s.log.LogAttrs(ctx, level, "request", slog.String("method", r.Method), slog.String("path", fault.Short(r.URL.Path)),
			slog.Int("status", status), slog.Int64("bytes", w.bytes), slog.Duration("took", took),
			slog.String("remote", r.RemoteAddr), slog.String("request", id))
	}
}

// refused says at most every ten seconds how many requests were refused with 429; under overload they are most of the requests,
// and a line for each would cost more than the refusal.
func (s *Server) refused(ctx context.Context) {
	s.refusals.Add(1)
	now := time.Now().Unix()
	last := s.refusedAt.Load()
	if now-last < 10 || !s.refusedAt.CompareAndSwap(last, now) {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "refusing requests, since a queue is full", slog.Int64("refused", s.refusals.Swap(0)))
}

// plain tells whether a client's id is safe to repeat in a header and a log.
func plain(id string) bool {
	if id == "" || len(id) > 128 {
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

// watchedWriter remembers what was answered.
type watchedWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *watchedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the deadlines.
func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
