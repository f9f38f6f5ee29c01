package server

import (
	"context"
	"net/http"

	"github.com/assay-rm/assay/rewards"
)

// nativeProtocol is the API of docs/API.md. Its problems are RFC 9457's, and so are those of paths that are no
// protocol's.
func (s *Server) nativeProtocol() *protocol {
	return &protocol{
		prefix:  "/",
		problem: problemJSON,
		routes: []route{
			question(s, "/v1/score", "How good is each item?", outcomeScored, s.engine.Score),
			question(s, "/v1/rank", "Which of these responses is best?", outcomeScored, s.engine.Rank),
			question(s, "/v1/compare", "Which response is preferred, and how surely?", outcomeScored, s.engine.Compare),
			question(s, "/v1/steps", "Which step goes wrong?", outcomeScored, s.engine.Steps),
			question(s, "/v1/tokenize", "What does the model see?", outcomeTokenized, s.engine.Tokenize),
			{"GET", "/v1/models", "What is loaded", false, s.models, nil, modelsAnswer{}},
			{"GET", "/healthz", "The process lives", true, s.healthz, nil, aliveAnswer{}},
			{"GET", "/readyz", "Every model scores, and the server does not drain", true, s.readyz, nil, readyAnswer{}},
			{"GET", "/metrics", "Prometheus metrics", false, s.metrics.serve, nil, nil},
			{"GET", "/openapi.json", "These schemas", true, s.schemas.serve, nil, nil},
			{"GET", "/docs", "A page to read and try the routes", true, page("docs.html", "text/html; charset=utf-8"), nil, nil},
			{"GET", "/docs/docs.js", "", true, page("docs.js", "text/javascript; charset=utf-8"), nil, nil},
			{"GET", "/docs/docs.css", "", true, page("docs.css", "text/css; charset=utf-8"), nil, nil},
			{"GET", "/docs/problems.json", "", true, problems, nil, nil},
		},
	}
}

// question is a route of the native API that asks the engine: its body is the engine's request, and its answer the
// engine's.
func question[Q, A any, PQ request[Q], PA answer[A]](s *Server, path, summary, outcome string, asks func(context.Context, Q) (A, error)) route {
	native := codec[Q, A]{
		accepts: jsonType,
		decode: func(_ *http.Request, body []byte) (asked Q, err error) {
			err = s.decode(body, &asked)
			return asked, err
		},
		encode: func(x *exchange, given *A) error {
			status := rewards.FailedStatus(PA(given).Problems())
			if status == 0 {
				status = http.StatusOK
			}
			return writeJSON(x, status, given)
		},
	}
	var takes Q
	var gives A
	return route{http.MethodPost, path, summary, false, ask[Q, A, PQ, PA](s, native, outcome, asks), takes, gives}
}

type modelsAnswer struct {
	Models []rewards.ModelInfo `json:"models" nullable:"false"`
}

func (s *Server) models(x *exchange, _ *http.Request) error {
	return writeJSON(x, http.StatusOK, modelsAnswer{Models: s.engine.Models()})
}
