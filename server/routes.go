package server

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/problem"
)

// routes gives every route of every protocol its place, and every other path to the protocol whose prefix it has.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, p := range s.protocols {
		methods := map[string]map[string]http.Handler{} // by path
		for _, route := range p.routes {
			s.schemas.add(route)
			if methods[route.path] == nil {
				methods[route.path] = map[string]http.Handler{}
			}
			entry := s.enter(p, route)
			methods[route.path][route.method] = entry
			if route.method == http.MethodGet {
				methods[route.path][http.MethodHead] = entry
			}
		}
		for pattern, of := range methods {
			mux.Handle(pattern, s.byMethod(p, of))
		}
		mux.Handle(p.prefix, s.notFound(p))
		// Without this the mux would send a client from /v2 to /v2/, in a form of its own.
		if bare := strings.TrimSuffix(p.prefix, "/"); bare != "" && methods[bare] == nil {
			mux.Handle(bare, s.notFound(p))
		}
	}
	s.schemas.seal()
	nowhere := s.notFound(s.native)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !clean(r.URL) {
			nowhere.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// enter leads into a route: the token first, then its handler. What either refuses is told by the route's protocol.
func (s *Server) enter(p *protocol, route route) http.Handler {
	return handling(func(x *exchange, r *http.Request) {
		x.protocol, x.route = p, route.path
		var err error
		if !route.open {
			err = s.authorize(x, r)
		}
		if err == nil {
			err = route.handle(x, r)
		}
		if err != nil {
			s.fail(x, r, err)
		}
	})
}

// byMethod chooses among the routes of one path.
func (s *Server) byMethod(p *protocol, of map[string]http.Handler) http.Handler {
	allowed := slices.Sorted(maps.Keys(of))
	return handling(func(x *exchange, r *http.Request) {
		if route, ok := of[r.Method]; ok {
			route.ServeHTTP(x, r)
			return
		}
		x.protocol = p
		x.Header().Set("Allow", strings.Join(allowed, ", "))
		s.fail(x, r, problem.New(problem.CodeMethodNotAllowed, "%s answers %s, not %s",
			fault.Short(r.URL.Path), strings.Join(allowed, " and "), fault.Short(r.Method)))
	})
}

func (s *Server) notFound(p *protocol) http.Handler {
	return handling(func(x *exchange, r *http.Request) {
		x.protocol = p
		s.fail(x, r, problem.New(problem.CodeNotFound, "no route has the path %q; POST /v1/score scores texts, "+
			"POST /v1/rank orders responses, and GET /openapi.json lists the routes", fault.Short(r.URL.Path)))
	})
}

// handling is a handler behind [Server.observe], which makes the exchange.
func handling(handle func(x *exchange, r *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, ok := w.(*exchange)
		if !ok {
			panic("server: a route outside of observe")
		}
		handle(x, r)
	})
}

// clean tells whether the mux takes a path as it stands. Others, as //v1/score or a relative one, it would redirect or
// refuse in a form of its own.
func clean(u *url.URL) bool {
	p := u.EscapedPath()
	if !strings.HasPrefix(p, "/") {
		return false
	}
	kept := path.Clean(p)
	if kept != "/" && strings.HasSuffix(p, "/") {
		kept += "/"
	}
	return kept == p
}
