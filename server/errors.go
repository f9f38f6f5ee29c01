package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// details is the body of an error: RFC 9457, with a code that never changes.
func details(p *problem.Problem) wire.ProblemDetails {
	return wire.ProblemDetails{Type: "/docs#" + p.Code, Problem: p.Problem}
}

// fail answers with the problem of an error, and logs the cause of a fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.Of(err)
	s.explain(r.Context(), requestID(w), p)
	header := w.Header()
	if p.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	} else if p.Status == http.StatusTooManyRequests {
		header.Set("Retry-After", "1")
	}
	if p.Code == problem.CodeUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="assay"`)
	}
	header.Set("Content-Type", "application/problem+json")
	s.write(w, r, p.Status, details(p))
}

// explain counts a problem of the request of that id and, when it is a fault of ours, logs what no client is told.
func (s *Server) explain(ctx context.Context, id string, p *problem.Problem) {
	s.metrics.problem(p.Code)
	if p.Status >= 500 && p.Cause != nil && p.Code != failure.CodeDeadline {
		s.log.LogAttrs(ctx, slog.LevelError, "fault", slog.String("code", p.Code),
			slog.String("detail", p.Detail), slog.Any("cause", p.Cause), slog.String("request", id))
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, problem.New(problem.CodeNotFound, "no route has the path %q; GET /openapi.json lists the routes", fault.Short(r.URL.Path)))
}
