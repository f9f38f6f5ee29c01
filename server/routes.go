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
	"github.com/assay-rm/assay/server/web"
)

// routes gives every route of every protocol its place, and every other path to the protocol whose prefix it has.
func (s *Server) routes() http.Handler {
	mux, paths := http.NewServeMux(), s.paths()
	for pattern, methods := range paths {
		handlers := map[string]http.Handler{}
		for method, takers := range methods {
			handlers[method] = s.enter(takers)
			if pattern == web.Root && method == http.MethodGet && len(takers) > 1 { // other servers tell there that they live
				handlers[method] = forBrowsers(handlers[method], s.enter(takers[1:]))
			}
		}
		if get := handlers[http.MethodGet]; get != nil {
			handlers[http.MethodHead] = get
		}
		if pattern == "/" {
			pattern = "/{$}" // this path alone, and not all below it
		}
		mux.Handle(pattern, s.byMethod(first(methods), handlers))
	}
	mux.Handle("/", s.elsewhere())
	s.schemas.seal()
	nowhere := s.notFound(s.native)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !tidy(r.URL) {
			nowhere.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// elsewhere answers a path that no route has, in the form of the protocol with the longest prefix of it. It is not for
// the mux to choose, which lets no prefix stand beside a route that begins with a name in braces.
func (s *Server) elsewhere() http.Handler {
	forms := map[string]http.Handler{}
	for _, p := range s.protocols {
		forms[p.prefix] = s.notFound(p) // the native one has "/", the shortest
	}
	prefixes := slices.SortedFunc(maps.Keys(forms), func(a, b string) int { return len(b) - len(a) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := slices.IndexFunc(prefixes, func(prefix string) bool { return prefix != "" && strings.HasPrefix(r.URL.Path+"/", prefix) })
		forms[prefixes[at]].ServeHTTP(w, r)
	})
}

// taker is a protocol that has a path, and its route of it.
type taker struct {
	protocol *protocol
	route    route
}

// paths are the takers of each path by method, in the order of the protocols. The schemas describe the first.
func (s *Server) paths() map[string]map[string][]taker {
	paths := map[string]map[string][]taker{}
	for _, p := range s.protocols {
		for _, route := range p.routes {
			methods := paths[route.path]
			if methods == nil {
				methods = map[string][]taker{}
				paths[route.path] = methods
			}
			if len(methods[route.method]) == 0 {
				s.schemas.add(route)
			}
			methods[route.method] = append(methods[route.method], taker{p, route})
		}
	}
	return paths
}

// first is the protocol that tells which methods a path has: that of the first route of the first method.
func first(methods map[string][]taker) *protocol {
	return methods[slices.Min(slices.Collect(maps.Keys(methods)))][0].protocol
}

// enter leads into the route of a path: the token first, then its handler. What either refuses is told by the route's
// protocol. Where several protocols have the path, the first answers what has no body, and whose body it is decides
// among the others.
func (s *Server) enter(takers []taker) http.Handler {
	p, route := takers[0].protocol, takers[0].route
	handle := route.handle
	if route.codec != nil {
		c := route.codec
		if len(takers) > 1 {
			c = s.sharing(takers)
		}
		handle = s.ask(c)
	}
	return handling(func(x *exchange, r *http.Request) {
		x.protocol, x.route = p, route.path
		var err error
		if !route.open {
			err = s.authorize(x, r)
		}
		if err == nil {
			err = handle(x, r)
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

// tidy makes the path of a URL one that the mux takes as it stands: clients that join a base and a path write
// //v1/score and /get_reward/, which are served as if written once. It refuses a path with dots or a relative one,
// which the mux would redirect or refuse in a form of its own.
func tidy(u *url.URL) bool {
	p := u.EscapedPath()
	if !strings.HasPrefix(p, "/") {
		return false
	}
	kept := path.Clean(p)
	if kept == p {
		return true
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	plain, err := url.PathUnescape(kept)
	if err != nil {
		return false
	}
	u.Path, u.RawPath = plain, kept
	return true
}
