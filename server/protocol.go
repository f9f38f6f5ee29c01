package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/wire"
)

// protocol is one API's way of speaking: the native one (native.go), or one of package protocols (foreign.go). Each of
// its questions has a codec, {decode, encode}, and all of its routes one way to tell a problem. It gets every problem
// of its routes: a missing token, another method, a path under its prefix that no route has, a body that cannot be
// read, what the engine refuses, and a panic. No protocol knows another, and the server knows none of them by name.
type protocol struct {
	prefix  string // of the paths that are its own, whether a route has them or not, such as "/v2/"; empty: none
	problem func(x *exchange, p *problem.Problem)
	routes  []route
}

// route is a line of a protocol's table. It has either a codec, where it asks the engine, or a handler.
type route struct {
	method, path string // a pattern of [http.ServeMux], without a method: "/v2/models/{model}/infer"
	summary      string
	open         bool // needs no token
	codec        *codec
	handle       handler
	takes, gives any // zero values of the bodies, for the schemas; nil: none
}

// handler answers a request, or gives the error that its protocol is to tell; then it has written nothing.
type handler func(x *exchange, r *http.Request) error

// codec is how a protocol reads a question to the engine, which says how its answer is written.
type codec struct {
	accepts func(header http.Header) error                                 // before the body is read
	decode  func(x *exchange, r *http.Request, body []byte) (asked, error) // the body is lent
	claims  func(c *protocols.Call) bool                                   // as [protocols.Route.Claims]; nil: what no other claims
}

// asked is a question as a protocol decoded it.
type asked struct {
	rewards.Request
	timeout time.Duration   // for the answer; 0: as long as the client waits
	kept    *wire.Kept      // what comes back of the items; nil: nothing
	known   *rewards.Answer // where the engine need not be asked; nil: it is

	encode func(x *exchange, given *rewards.Answer) error // writes the answer
}

// ask is the path of every question, whatever protocol it came by: the body is read and decoded, the engine asked, the
// answer counted and encoded. What a request may ask for, who asks and by when, and what it used is looked at here and
// in no protocol.
func (s *Server) ask(c *codec) handler {
	return func(x *exchange, r *http.Request) error {
		if err := c.accepts(r.Header); err != nil {
			return err
		}
		run, err := runOf(r)
		if err != nil {
			return err
		}
		giveBack, err := s.bodies.room.hold(x, r, s.bodies.most)
		if err != nil {
			return err
		}
		defer giveBack()
		begin := time.Now()
		request, err := c.read(s.bodies, x, r)
		switch {
		case err != nil:
			return err
		case request.known != nil:
			return request.encode(x, request.known)
		}
		s.metrics.body.Observe(time.Since(begin).Seconds())
		stage(r.Context(), "body", begin)
		if n := sizeOf(&request.Request); n > s.options.MaxItems {
			return problem.New(failure.CodeTooManyItems, "the request has %d items, and one request may have %d", n, s.options.MaxItems)
		}
		if request.Recipe != "" && x.caller.noRecipes {
			return noOwnRecipe(x)
		}
		request.Caller = models.Caller{Name: x.caller.name, Bulk: x.caller.bulk}
		ctx := r.Context()
		if request.timeout > 0 {
			timed, cancel := context.WithTimeout(ctx, request.timeout)
			defer cancel()
			ctx = timed
		}
		watched := watch(x, run, &request.Request)
		given, err := s.engine.Ask(ctx, request.Request)
		s.watched(&watched, &given, err)
		if err != nil {
			return err
		}
		s.account(r.Context(), x.id, x.caller, &given)
		s.keepRecord(x, &request, &given)
		told(x.Header(), &given)
		begin = time.Now()
		err = request.encode(x, &given)
		s.metrics.write.Observe(time.Since(begin).Seconds())
		stage(r.Context(), "write", begin)
		return err
	}
}

// told says who answered, beside every answer of every protocol.
func told(header http.Header, given *rewards.Answer) {
	header.Set("X-Assay-Model", given.Model)
	header.Set("X-Assay-Revision", strconv.Itoa(given.Revision))
	header.Set("X-Assay-Digest", given.Digest)
}

// noOwnRecipe is the problem of a caller that brings a recipe and may not.
func noOwnRecipe(x *exchange) error {
	return problem.New(problem.CodeForbidden, "%s may ask for the recipes of the server and bring none; recipes=own in the token file lets it", x.caller.title())
}

// sizeOf is how many items a request has: a pair counts two.
func sizeOf(r *rewards.Request) int {
	n := len(r.Items)
	for i := range r.Groups {
		n += len(r.Groups[i].Responses)
	}
	return n
}

// read reads and decodes a body. Nothing of the body is kept when it returns, since a request may wait long for its
// answer.
func (c *codec) read(from *bodies, x *exchange, r *http.Request) (asked, error) {
	body, err := from.read(x, r)
	if err != nil {
		return asked{}, err
	}
	defer from.release(body)
	if err := x.caller.mayAsk(time.Now()); err != nil {
		return asked{}, err
	}
	return c.decode(x, r, body.Bytes())
}

// account counts an answer to a request of that id, or to a part of a job, and logs the faults among its items in one
// line.
func (s *Server) account(ctx context.Context, id string, who *caller, a *rewards.Answer) {
	var first *problem.Problem
	faults := 0
	for err := range a.Errors() {
		if err == nil {
			continue
		}
		err.Detail = brief(err.Detail)
		p := problem.Of(err)
		s.metrics.problem(p.Code)
		if !isFault(p) {
			continue
		}
		if faults++; first == nil {
			first = p
		}
	}
	if first != nil {
		s.logFault(ctx, id, faults, first)
	}
	s.metrics.answered(a)
	asked, _ := a.Items()
	who.used(asked, a.Usage.Tokens, time.Now())
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
