package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
)

// problemDetails is the body of every error: RFC 9457, with a code that never changes.
type problemDetails struct {
	Type string `json:"type" doc:"Where the problem is described" format:"uri-reference" example:"/docs#too_long"`
	rewards.Problem
}

// fail answers with the problem of an error, and logs the cause of a fault.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem := rewards.ProblemOf(err)
	s.explain(r.Context(), requestID(w), problem)
	header := w.Header()
	if problem.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(problem.RetryAfter.Seconds()))))
	} else if problem.Status == http.StatusTooManyRequests {
		header.Set("Retry-After", "1")
	}
	if problem.Code == rewards.CodeUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="assay"`)
	}
	header.Set("Content-Type", "application/problem+json")
	s.write(w, r, problem.Status, problemDetails{Type: "/docs#" + problem.Code, Problem: *problem})
}

// explain counts a problem of the request of that id and, when it is a fault of ours, logs what no client is told.
func (s *Server) explain(ctx context.Context, id string, problem *rewards.Problem) {
	s.metrics.problem(problem.Code)
	if problem.Status >= 500 && problem.Cause != nil && problem.Code != rewards.CodeDeadline {
		s.log.LogAttrs(ctx, slog.LevelError, "fault", slog.String("code", problem.Code),
			slog.String("detail", problem.Detail), slog.Any("cause", problem.Cause), slog.String("request", id))
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, r, rewards.NewProblem(rewards.CodeNotFound, "no route has the path %q; GET /openapi.json lists the routes", fault.Short(r.URL.Path)))
}
