package server

import (
	"net/http"
	"slices"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/wire"
)

// nativeProtocol is the API of docs/API.md. Its problems are RFC 9457's, and so are those of paths that are no
// protocol's.
func (s *Server) nativeProtocol() *protocol {
	of := &protocol{
		prefix:  "/",
		problem: telling(protocols.Problem),
		routes: []route{
			question(s, "/v1/score", "How good is each item?", native.ScoreRequest, native.ScoreAnswer),
			question(s, "/v1/rank", "Which of these responses is best?", native.RankRequest, native.RankAnswer),
			question(s, "/v1/compare", "Which response is preferred, and how surely?", native.CompareRequest, native.CompareAnswer),
			question(s, "/v1/steps", "Which step goes wrong?", native.StepsRequest, native.StepsAnswer),
			question(s, "/v1/choose", "Which of the candidates follows the prompt?", native.ChooseRequest, native.ChooseAnswer),
			question(s, "/v1/logprobs", "How likely is each token of the response?", native.LogprobsRequest, native.LogprobsAnswer),
			question(s, "/v1/tokenize", "What does the model see?", native.TokenizeRequest, native.TokenizeAnswer),
			{"GET", "/v1/models", "What is loaded", false, nil, s.models, nil, wire.ModelsAnswer{}},
			{"GET", "/v1/recipes", "Which recipes are served", false, nil, s.recipes, nil, wire.RecipesAnswer{}},
			{"GET", "/v1/runs", "Which training runs are watched", false, nil, s.listRuns, nil, wire.RunsAnswer{}},
			{"GET", "/v1/runs/{run}", "What the rewards of a run look like", false, nil, s.tellRun, nil, wire.RunAnswer{}},
			{"GET", "/healthz", "The process lives", true, nil, s.healthz, nil, wire.AliveAnswer{}},
			{"GET", "/readyz", "Every model scores, and the server does not drain", true, nil, s.readyz, nil, wire.ReadyAnswer{}},
			{"GET", "/metrics", "Prometheus metrics", false, nil, s.metrics.scrapes.serve, nil, nil},
			{"GET", "/openapi.json", "These schemas", true, nil, s.schemas.serve, nil, nil},
			{"GET", "/docs", "A page to read and try the routes", true, nil, page("docs.html", "text/html; charset=utf-8"), nil, nil},
			{"GET", "/docs/docs.js", "", true, nil, page("docs.js", "text/javascript; charset=utf-8"), nil, nil},
			{"GET", "/docs/docs.css", "", true, nil, page("docs.css", "text/css; charset=utf-8"), nil, nil},
			{"GET", "/docs/problems.json", "", true, nil, problems, nil, nil},
		},
	}
	of.routes = slices.Concat(of.routes, s.stateRoutes(), s.loadRoutes(), s.jobRoutes(), webRoutes())
	return of
}

// question is a route of the native API that asks the engine, whose request is made of the form of the body, and the
// form of the answer of its answer. What the request wants back goes past the engine.
func question[Q, A any, P interface {
	*Q
	wire.Form
	Timeout() time.Duration
	Kept() *wire.Kept
	Failing() string
}, B interface {
	*A
	Keep(kept *wire.Kept)
}](s *Server, path, summary string, request func(P) (rewards.Request, error), answer func(*rewards.Answer) B) route {
	plainly := func(x *exchange, given *rewards.Answer) error {
		return writeJSON(x, problem.Status(given.Errors()), answer(given))
	}
	c := codec{
		accepts: jsonType,
		decode: func(_ *exchange, _ *http.Request, body []byte) (asked, error) {
			var form Q
			if err := s.decode(body, P(&form)); err != nil {
				return asked{}, err
			}
			of, err := request(&form)
			a := asked{Request: of, timeout: P(&form).Timeout(), encode: plainly}
			if kept, onError := P(&form).Kept(), P(&form).Failing(); kept != nil || onError != "" {
				a.kept = kept
				a.encode = func(x *exchange, given *rewards.Answer) error {
					status, err := statusOf(given, onError)
					if err != nil {
						return err
					}
					body := answer(given)
					if kept != nil {
						body.Keep(kept)
					}
					return writeJSON(x, status, body)
				}
			}
			return a, err
		},
	}
	var takes Q
	var gives A
	return route{http.MethodPost, path, summary, false, &c, nil, takes, gives}
}

// decode reads a body into its form.
func (s *Server) decode(body []byte, form wire.Form) error {
	return wire.DecodeBody(body, form, wire.Limits{Items: s.options.MaxItems})
}

func (s *Server) models(x *exchange, _ *http.Request) error {
	infos := s.engine.Models()
	answer := wire.ModelsAnswer{Models: make([]wire.ModelInfo, len(infos)), Object: "list", Data: make([]wire.OpenAIModel, len(infos))}
	for i := range infos {
		answer.Models[i] = native.ModelInfo(&infos[i])
		answer.Data[i] = protocols.OpenAIModel(infos[i].Manifest.Name, s.began, &infos[i])
	}
	return writeJSON(x, http.StatusOK, answer)
}
