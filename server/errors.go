package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assay-rm/assay/rewards"
)

// problemDetails is the body of every error: RFC 9457, with a code that never changes.
type problemDetails struct {
	Type string `json:"type" doc:"Where the problem is described" format:"uri-reference" example:"/docs#too_long"`
	rewards.Problem
}

// Retry-After is at least a second, since a client that asks sooner meets the same queue, and at most a minute, since
// none should stay away for longer than it takes to see that it may come back.
const (
	leastRetry   = time.Second
	longestRetry = time.Minute
)

// fail answers with the problem of an error, told in the form of the request's protocol, and logs the cause of a fault.
func (s *Server) fail(x *exchange, r *http.Request, err error) {
	problem := *rewards.ProblemOf(err)
	problem.Detail = brief(problem.Detail)
	s.explain(r.Context(), x.id, &problem)
	if problem.RetryAfter > 0 || problem.Status == http.StatusTooManyRequests {
		after := min(max(problem.RetryAfter, leastRetry), longestRetry)
		x.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if problem.Code == rewards.CodeUnauthorized {
		x.Header().Set("WWW-Authenticate", `Bearer realm="assay"`)
	}
	x.protocol.problem(x, &problem)
}

// longestDetail bounds a sentence that may repeat what a client sent, in bytes.
const longestDetail = 500

// brief cuts a sentence that is too long, between two characters.
func brief(detail string) string {
	if len(detail) <= longestDetail {
		return detail
	}
	return strings.ToValidUTF8(detail[:longestDetail], "") + "…"
}

// problemJSON tells a problem as the native API does.
func problemJSON(x *exchange, problem *rewards.Problem) {
	x.Header().Set("Content-Type", "application/problem+json")
	if err := writeJSON(x, problem.Status, problemDetails{Type: "/docs#" + problem.Code, Problem: *problem}); err != nil {
		panic(err) // a problem is strings and a number
	}
}

// explain counts a problem of the request of that id and, when it is a fault of ours, logs what no client is told.
func (s *Server) explain(ctx context.Context, id string, problem *rewards.Problem) {
	s.metrics.problem(problem.Code)
	if fault(problem) {
		s.logFault(ctx, id, 1, problem)
	}
}

// fault tells a problem that the server's owner should hear of.
func fault(problem *rewards.Problem) bool {
	return problem.Status >= 500 && problem.Cause != nil && problem.Code != rewards.CodeDeadline
}

// logFault logs a fault of the request of that id, and how many like it the request had.
func (s *Server) logFault(ctx context.Context, id string, times int, problem *rewards.Problem) {
	s.log.LogAttrs(ctx, slog.LevelError, "fault", slog.String("code", problem.Code), slog.Int("times", times),
		slog.String("detail", problem.Detail), slog.Any("cause", problem.Cause), slog.String("request", id))
}
