package server

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// route is a line of the one route table.
type route struct {
	method, path string
	summary      string
	open         bool // needs no token
	handle       http.HandlerFunc
	takes, gives any // zero values of the bodies, for the schemas; nil: none
}

func (s *Server) table() []route {
	return []route{
		question(s, "/v1/score", "How good is each item?", native.ScoreRequest, native.ScoreAnswer),
		question(s, "/v1/rank", "Which of these responses is best?", native.RankRequest, native.RankAnswer),
		question(s, "/v1/compare", "Which response is preferred, and how surely?", native.CompareRequest, native.CompareAnswer),
		question(s, "/v1/steps", "Which step goes wrong?", native.StepsRequest, native.StepsAnswer),
		question(s, "/v1/tokenize", "What does the model see?", native.TokenizeRequest, native.TokenizeAnswer),
		{"POST", "/get_reward", "OpenRLHF's remote reward model", false, s.getReward, wire.OpenRLHFRequest{}, wire.OpenRLHFAnswer{}},
		{"GET", "/v1/models", "What is loaded", false, s.models, nil, wire.ModelsAnswer{}},
		{"GET", "/healthz", "The process lives", true, s.healthz, nil, wire.AliveAnswer{}},
		{"GET", "/readyz", "Every model scores, and the server does not drain", true, s.readyz, nil, wire.ReadyAnswer{}},
		{"GET", "/metrics", "Prometheus metrics", false, s.metrics.serve, nil, nil},
		{"GET", "/openapi.json", "These schemas", true, s.schemas.serve, nil, nil},
		{"GET", "/docs", "A page to read and try the routes", true, page("docs.html", "text/html; charset=utf-8"), nil, nil},
		{"GET", "/docs/docs.js", "", true, page("docs.js", "text/javascript; charset=utf-8"), nil, nil},
		{"GET", "/docs/docs.css", "", true, page("docs.css", "text/css; charset=utf-8"), nil, nil},
		{"GET", "/docs/problems.json", "", true, s.problems, nil, nil},
	}
}

func (s *Server) routes() chi.Router {
	router := chi.NewRouter()
	router.Use(s.observe)
	router.NotFound(s.notFound)
	methods := map[string][]string{}
	for _, route := range s.table() {
		s.schemas.add(route)
		handle := route.handle
		if !route.open {
			handle = s.authorized(handle)
		}
		router.MethodFunc(route.method, route.path, handle)
		methods[route.path] = append(methods[route.path], route.method)
		if route.method == http.MethodGet {
			router.MethodFunc(http.MethodHead, route.path, handle)
			methods[route.path] = append(methods[route.path], http.MethodHead)
		}
	}
	s.schemas.seal()
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		allowed := slices.Sorted(slices.Values(methods[r.URL.Path]))
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.fail(w, r, problem.New(problem.CodeMethodNotAllowed, "%s answers %s, not %s",
			fault.Short(r.URL.Path), strings.Join(allowed, " and "), fault.Short(r.Method)))
	})
	return router
}

// question is the route of a native request: decode, ask the engine, answer. The deadline that the request asks for is put on its
// context here.
func question[Q, A any, P interface {
	*Q
	wire.Form
	Timeout() time.Duration
}](s *Server, path, summary string, request func(P) (rewards.Request, error), answer func(*rewards.Answer) *A) route {
	handle := func(w http.ResponseWriter, r *http.Request) {
		var body Q
		if err := s.decode(w, r, P(&body)); err != nil {
			s.fail(w, r, err)
			return
		}
		asked, err := request(&body)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		ctx := r.Context()
		if timeout := P(&body).Timeout(); timeout > 0 {
			timed, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ctx = timed
		}
		given, err := s.engine.Ask(ctx, asked)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.account(r.Context(), requestID(w), &given)
		s.write(w, r, problem.Status(given.Errors()), answer(&given))
	}
	var takes Q
	var gives A
	return route{http.MethodPost, path, summary, false, handle, takes, gives}
}

// account counts the answer to the request of that id and logs the faults among its items.
func (s *Server) account(ctx context.Context, id string, a *rewards.Answer) {
	for err := range a.Errors() {
		if err != nil {
			s.explain(ctx, id, problem.Of(err))
		}
	}
	s.metrics.answered(a)
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	infos := s.engine.Models()
	answer := wire.ModelsAnswer{Models: make([]wire.ModelInfo, len(infos))}
	for i := range infos {
		answer.Models[i] = native.ModelInfo(&infos[i])
	}
	s.write(w, r, http.StatusOK, answer)
}

// write sends a JSON body.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, body any) {
	header := w.Header()
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	out := &wholeWriter{to: w, status: status, timeout: s.options.WriteTimeout}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil && !out.begun {
		if _, again := body.(wire.ProblemDetails); again {
			panic(err) // a problem is strings and a number
		}
		s.fail(w, r, err)
	} // else the client may be gone, and there is nobody else to tell
}

// wholeWriter sends an answer whose body comes in one piece. [json.Encoder] writes once, when everything is encoded: so nothing
// half-written carries a status of success, and a large answer is held once.
type wholeWriter struct {
	to      http.ResponseWriter
	status  int
	timeout time.Duration
	begun   bool
}

func (w *wholeWriter) Write(body []byte) (int, error) {
	w.begun = true
	w.to.Header().Set("Content-Length", strconv.Itoa(len(body)))
	// A client that does not read must not hold the connection; one on a writer without deadlines is a test's.
	_ = http.NewResponseController(w.to).SetWriteDeadline(time.Now().Add(w.timeout))
	w.to.WriteHeader(w.status)
	return w.to.Write(body)
}
