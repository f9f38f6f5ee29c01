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
		{
			"POST", "/v1/score", "How good is each item?", false,
			ask(s, s.engine.Score),
			rewards.ScoreRequest{},
			rewards.ScoreAnswer{},
		},
		{
			"POST", "/v1/rank", "Which of these responses is best?", false,
			ask(s, s.engine.Rank),
			rewards.RankRequest{},
			rewards.RankAnswer{},
		},
		{
			"POST", "/v1/compare", "Which response is preferred, and how surely?", false,
			ask(s, s.engine.Compare),
			rewards.CompareRequest{},
			rewards.CompareAnswer{},
		},
		{
			"POST", "/v1/steps", "Which step goes wrong?", false,
			ask(s, s.engine.Steps),
			rewards.StepsRequest{},
			rewards.StepsAnswer{},
		},
		{
			"POST", "/v1/tokenize", "What does the model see?", false,
			ask(s, s.engine.Tokenize),
			rewards.TokenizeRequest{},
			rewards.TokenizeAnswer{},
		},
		{"POST", "/get_reward", "OpenRLHF's remote reward model", false, s.getReward, openRLHFRequest{}, openRLHFAnswer{}},
		{"GET", "/v1/models", "What is loaded", false, s.models, nil, modelsAnswer{}},
		{"GET", "/healthz", "The process lives", true, s.healthz, nil, aliveAnswer{}},
		{"GET", "/readyz", "Every model scores, and the server does not drain", true, s.readyz, nil, readyAnswer{}},
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
		s.fail(w, r, rewards.NewProblem(rewards.CodeMethodNotAllowed, "%s answers %s, not %s",
			fault.Short(r.URL.Path), strings.Join(allowed, " and "), fault.Short(r.Method)))
	})
	return router
}

// request and answer are what the engine's five questions have in common.
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

// ask is the path of a native request: decode, ask the engine, answer.
func ask[Q, A any, PQ request[Q], PA answer[A]](s *Server, question func(context.Context, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked Q
		if err := s.decode(w, r, &asked); err != nil {
			s.fail(w, r, err)
			return
		}
		if n := PQ(&asked).Size(); n > s.options.MaxItems {
			s.fail(w, r, tooMany(n, s.options.MaxItems))
			return
		}
		given, err := question(r.Context(), asked)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		problems := PA(&given).Problems()
		s.account(r.Context(), requestID(w), PA(&given).Account(), problems)
		status := rewards.FailedStatus(problems)
		if status == 0 {
			status = http.StatusOK
		}
		s.write(w, r, status, given)
	}
}

func tooMany(n, limit int) error {
	return rewards.NewProblem(rewards.CodeTooManyItems, "the request has %d items, and one request may have %d", n, limit)
}

// account counts the answer to the request of that id and logs the faults among its items.
func (s *Server) account(ctx context.Context, id string, a rewards.Answering, problems []*rewards.Problem) {
	failed := 0
	for _, problem := range problems {
		if problem != nil {
			failed++
			s.explain(ctx, id, problem)
		}
	}
	s.metrics.answered(a, failed)
}

type modelsAnswer struct {
	Models []rewards.ModelInfo `json:"models" nullable:"false"`
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	s.write(w, r, http.StatusOK, modelsAnswer{Models: s.engine.Models()})
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
		if _, again := body.(problemDetails); again {
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
