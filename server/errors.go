package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
)

// Retry-After is at least a second, since a client that asks sooner meets the same queue, and at most a minute, since
// none should stay away for longer than it takes to see that it may come back.
const (
	leastRetry   = time.Second
	longestRetry = time.Minute
)

// fail answers with the problem of an error, told in the form of the request's protocol, and logs the cause of a fault.
func (s *Server) fail(x *exchange, r *http.Request, err error) {
	p := *problem.Of(err)
	p.Detail = brief(p.Detail)
	s.explain(r.Context(), x.id, &p)
	if p.RetryAfter > 0 || p.Status == http.StatusTooManyRequests {
		after := min(max(p.RetryAfter, leastRetry), longestRetry)
		x.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
	if p.Code == problem.CodeUnauthorized {
		x.Header().Set("WWW-Authenticate", `Bearer realm="assay"`)
	}
	x.protocol.problem(x, &p)
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

// telling writes problems in a protocol's form.
func telling(form func(p *problem.Problem) protocols.Reply) func(x *exchange, p *problem.Problem) {
	return func(x *exchange, p *problem.Problem) {
		if err := writeReply(x, form(p)); err != nil {
			panic(err) // a problem is strings and a number
		}
	}
}

// explain counts a problem of the request of that id and, when it is a fault of ours, logs what no client is told.
func (s *Server) explain(ctx context.Context, id string, p *problem.Problem) {
	s.metrics.problem(p.Code)
	if isFault(p) {
		s.logFault(ctx, id, 1, p)
	}
}

// isFault tells a problem that the server's owner should hear of.
func isFault(p *problem.Problem) bool {
	return p.Status >= 500 && p.Cause != nil && p.Code != failure.CodeDeadline
}

// logFault logs a fault of the request of that id, and how many like it the request had.
func (s *Server) logFault(ctx context.Context, id string, times int, p *problem.Problem) {
	line := []slog.Attr{slog.String("code", p.Code), slog.Int("times", times), slog.String("detail", p.Detail), slog.Any("cause", p.Cause)}
	s.log.LogAttrs(ctx, slog.LevelError, "fault", append(line, ids(ctx, id)...)...)
}
