package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/assay-rm/assay/rewards"
)

// protocol is one API's way of speaking: the native one (native.go), or a foreign one that some client knows
// (openrlhf.go, for example). Each of its questions has a codec, {decode, encode}, and all of its routes one way to
// tell a problem. It gets every problem of its routes: a missing token, another method, a path under its prefix that no
// route has, a body that cannot be read, what the engine refuses, and a panic. No protocol knows another, and the
// server knows none of them by name.
type protocol struct {
	prefix  string // of the paths that are its own, whether a route has them or not, such as "/v2/"
	problem func(x *exchange, problem *rewards.Problem)
	routes  []route
}

// route is a line of a protocol's table.
type route struct {
	method, path string // a pattern of [http.ServeMux], without a method: "/v2/models/{model}/infer"
	summary      string
	open         bool // needs no token
	handle       handler
	takes, gives any // zero values of the bodies, for the schemas; nil: none
}

// handler answers a request, or gives the error that its protocol is to tell; then it has written nothing.
type handler func(x *exchange, r *http.Request) error

// codec is how a protocol writes one question of the engine, and its answer.
type codec[Q, A any] struct {
	accepts func(contentType string) error                // before the body is read
	decode  func(r *http.Request, body []byte) (Q, error) // the body is lent
	encode  func(x *exchange, given *A) error
}

// request and answer are what the engine's questions have in common.
type (
	request[T any] interface {
		*T
		Size() int
	}
	answer[T any] interface {
		*T
		Account() rewards.Answering
		Problems() []*rewards.Problem
	}
)

// What an item is in the metrics when it did not fail.
const (
	outcomeScored    = "scored"
	outcomeTokenized = "tokenized"
)

// ask is the path of every question, whatever protocol it came by: the body is read and decoded, the engine asked, the
// answer counted and encoded. What a request may ask for, and what it used, is looked at here and in no protocol.
func ask[Q, A any, PQ request[Q], PA answer[A]](s *Server, c codec[Q, A], outcome string, question func(context.Context, Q) (A, error)) handler {
	return func(x *exchange, r *http.Request) error {
		asked, err := c.read(s.bodies, x, r)
		if err != nil {
			return err
		}
		if n := PQ(&asked).Size(); n > s.options.MaxItems {
			return rewards.NewProblem(rewards.CodeTooManyItems, "the request has %d items, and one request may have %d", n, s.options.MaxItems)
		}
		// Here the engine is to be told who asks, x.caller's name and class, once its requests have a field for it.
		given, err := question(r.Context(), asked)
		if err != nil {
			return err
		}
		s.account(r.Context(), x, outcome, PA(&given).Account(), PA(&given).Problems())
		return c.encode(x, &given)
	}
}

// read reads and decodes a body. Nothing of the body is kept when it returns, since a request may wait long for its
// answer.
func (c *codec[Q, A]) read(from *bodies, x *exchange, r *http.Request) (asked Q, err error) {
	if err := c.accepts(r.Header.Get("Content-Type")); err != nil {
		return asked, err
	}
	body, err := from.read(x, r)
	if err != nil {
		return asked, err
	}
	defer from.release(body)
	if err := x.caller.mayAsk(time.Now()); err != nil {
		return asked, err
	}
	return c.decode(r, body.Bytes())
}

// account counts an answer, and logs the faults among its items in one line.
func (s *Server) account(ctx context.Context, x *exchange, outcome string, a rewards.Answering, problems []*rewards.Problem) {
	var first *rewards.Problem
	failed, faults := 0, 0
	for _, problem := range problems {
		if problem == nil {
			continue
		}
		failed++
		problem.Detail = brief(problem.Detail)
		s.metrics.problem(problem.Code)
		if !fault(problem) {
			continue
		}
		if faults++; first == nil {
			first = problem
		}
	}
	if first != nil {
		s.logFault(ctx, x.id, faults, first)
	}
	s.metrics.answered(a, outcome, len(problems), failed)
	x.caller.used(len(problems), a.Usage.Tokens, time.Now())
}

// writeJSON answers with a JSON body. The error is of a body that cannot be encoded; a client that does not take it is
// none.
func writeJSON(w http.ResponseWriter, status int, body any) error {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	out := &wholeWriter{to: w, status: status}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil && !out.begun {
		return err
	}
	return nil
}

// wholeWriter sends an answer whose body comes in one piece. [json.Encoder] writes once, when everything is encoded: so
// nothing half-written carries a status of success, and a large answer is held once.
type wholeWriter struct {
	to     http.ResponseWriter
	status int
	begun  bool
}

func (w *wholeWriter) Write(body []byte) (int, error) {
	w.begun = true
	w.to.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.to.WriteHeader(w.status)
	return w.to.Write(body)
}
