package server

import (
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/wire"
)

// foreign are the protocols of other servers that the options name: all where they name none.
func (s *Server) foreign() []*protocol {
	var all []*protocol
	for _, p := range protocols.All() {
		if s.options.Protocols != nil && !slices.Contains(s.options.Protocols, p.Name) {
			continue
		}
		accepts := p.Accepts
		if accepts == nil {
			accepts = jsonType
		}
		one := &protocol{prefix: p.Prefix, problem: telling(p.Tell)}
		for _, r := range p.Routes {
			of := route{method: r.Method, path: r.Path, summary: r.Summary, open: r.Open, takes: r.Takes, gives: r.Gives}
			if r.Ask != nil {
				of.codec = s.foreignCodec(&r, one, accepts)
			} else {
				of.handle = s.foreignHandler(&r, accepts)
			}
			one.routes = append(one.routes, of)
		}
		all = append(all, one)
	}
	return all
}

// foreignCodec asks the engine what a protocol makes of a body. Once it has the body, the problems are its own.
func (s *Server) foreignCodec(r *protocols.Route, of *protocol, accepts func(http.Header) error) *codec {
	c := &codec{accepts: accepts}
	c.decode = func(x *exchange, from *http.Request, body []byte) (asked, error) {
		x.protocol = of
		question, err := r.Ask(s.call(x, from, body))
		if err != nil {
			return asked{}, err
		}
		return asked{Request: question.Request, timeout: question.Timeout, known: question.Known, encode: func(x *exchange, given *rewards.Answer) error {
			reply, err := question.Reply(given)
			if err != nil {
				return err
			}
			return writeReply(x, reply)
		}}, nil
	}
	if r.Claims != nil {
		c.claims = r.Claims
	}
	return c
}

// foreignHandler answers without the engine. A body is taken as that of a question is: by its type, with room for it,
// and from a caller who may ask.
func (s *Server) foreignHandler(r *protocols.Route, accepts func(http.Header) error) handler {
	return func(x *exchange, from *http.Request) error {
		var body []byte
		if from.Method != http.MethodGet && from.Method != http.MethodHead && from.ContentLength != 0 {
			if err := accepts(from.Header); err != nil {
				return err
			}
			giveBack, err := s.bodies.room.hold(x, from, s.bodies.most)
			if err != nil {
				return err
			}
			defer giveBack()
			read, err := s.bodies.read(x, from)
			if err != nil {
				return err
			}
			defer s.bodies.release(read)
			if err := x.caller.mayAsk(time.Now()); err != nil {
				return err
			}
			body = read.Bytes()
		}
		reply, err := r.Tell(s.call(x, from, body))
		if err != nil {
			return err
		}
		return writeReply(x, reply)
	}
}

func (s *Server) call(x *exchange, r *http.Request, body []byte) *protocols.Call {
	return &protocols.Call{
		Request: r, ID: x.id, Body: body, Limits: wire.Limits{Items: s.options.MaxItems},
		Engine: &known{server: s, exchange: x, request: r},
	}
}

// known is what protocols may know of the engine.
type known struct {
	server   *Server
	exchange *exchange
	request  *http.Request
	models   []rewards.ModelInfo // nil: not asked for yet
}

func (k *known) Models() []rewards.ModelInfo {
	if k.models == nil {
		k.models = k.server.engine.Models()
	}
	return k.models
}

func (k *known) Stats() []models.Stats { return k.server.engine.Stats() }
func (k *known) Began() time.Time      { return k.server.began }
func (k *known) Version() string       { return k.server.options.Version }

func (k *known) Pieces(model, text string, ids []int64) ([]encode.Piece, bool) {
	return k.server.engine.Pieces(model, text, ids)
}

func (k *known) Decode(model string, ids []int64, plain bool) (string, error) {
	return k.server.engine.Decode(model, ids, plain)
}

func (k *known) Serves(name string) bool {
	for i := range k.Models() { // a ModelInfo is large
		if k.models[i].Manifest.Name == name {
			return true
		}
	}
	return slices.ContainsFunc(k.server.engine.Recipes(), func(r recipes.Served) bool { return r.Name == name })
}

func (k *known) Ready() error {
	if _, p := k.server.ready(k.request.Context(), k.exchange.id); p != nil {
		return p
	}
	return nil
}

// writeReply sends what a protocol answers.
func writeReply(x *exchange, reply protocols.Reply) error {
	maps.Copy(x.Header(), reply.Header)
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	switch body := reply.Body.(type) {
	case nil:
		x.Header().Set("Content-Length", "0")
		x.WriteHeader(status)
		return nil
	case []byte:
		if x.Header().Get("Content-Type") == "" {
			x.Header().Set("Content-Type", "application/json")
		}
		out := &wholeWriter{to: x, status: status}
		_, _ = out.Write(body) // a client that does not take it is no problem of ours
		return nil
	default:
		return writeJSON(x, status, body)
	}
}

// sharing answers a path that several protocols have. The native API has every body that it can decode; then the first
// protocol that claims it, and else the one without claims.
func (s *Server) sharing(takers []taker) *codec {
	var native, last *codec
	var claiming []*codec
	for i := range takers {
		switch c := takers[i].route.codec; {
		case takers[i].protocol == s.native:
			native = c
		case c.claims == nil:
			last = c
		default:
			claiming = append(claiming, c)
		}
	}
	return &codec{accepts: takers[0].route.codec.accepts, decode: func(x *exchange, r *http.Request, body []byte) (question asked, err error) {
		if native != nil {
			if question, err = native.decode(x, r, body); err == nil {
				return question, nil
			}
		}
		call := s.call(x, r, body)
		for _, c := range claiming {
			if c.claims(call) {
				return c.decode(x, r, body)
			}
		}
		switch {
		case native != nil:
			return asked{}, err
		case last != nil:
			return last.decode(x, r, body)
		}
		return asked{}, problem.New(failure.CodeInvalidField, "body: has no field by which one of the protocols of %s would know it", r.URL.Path)
	}}
}
