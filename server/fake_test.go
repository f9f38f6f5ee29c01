package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assay-rm/assay/rewards"
)

// fakeEngine answers without a model; a nil function gives every item the score 0.25.
type fakeEngine struct {
	score func(ctx context.Context, request rewards.ScoreRequest) (rewards.ScoreAnswer, error)
	probe func(ctx context.Context, model string) error
	stats []rewards.ModelStats
}

var fakeAnswering = rewards.Answering{Model: "fake-rm", Digest: "sha256:0", Transforms: []string{}}

func fakeResults(n int) []rewards.ScoreResult {
	results := make([]rewards.ScoreResult, n)
	for i := range results {
		results[i] = rewards.ScoreResult{Score: new(0.25), Raw: new(0.25), Tokens: &rewards.Tokens{Tokens: 3}}
	}
	return results
}

func (e *fakeEngine) Score(ctx context.Context, request rewards.ScoreRequest) (rewards.ScoreAnswer, error) {
	if e.score != nil {
		return e.score(ctx, request)
	}
	a := fakeAnswering
	a.Usage = rewards.Usage{Items: len(request.Items), Tokens: 3 * len(request.Items)}
	a.Timings = rewards.Timings{Queue: 1, Run: 2, Total: 3}
	return rewards.ScoreAnswer{Answering: a, Results: fakeResults(len(request.Items))}, nil
}

func (*fakeEngine) Rank(_ context.Context, request rewards.RankRequest) (rewards.RankAnswer, error) {
	return rewards.RankAnswer{Answering: fakeAnswering, Responses: fakeResults(len(request.Responses))}, nil
}

func (*fakeEngine) Compare(_ context.Context, request rewards.CompareRequest) (rewards.CompareAnswer, error) {
	return rewards.CompareAnswer{Answering: fakeAnswering, Responses: fakeResults(len(request.Responses))}, nil
}

func (*fakeEngine) Steps(_ context.Context, request rewards.StepsRequest) (rewards.StepsAnswer, error) {
	return rewards.StepsAnswer{Answering: fakeAnswering, Results: make([]rewards.StepsResult, len(request.Items))}, nil
}

func (*fakeEngine) Tokenize(_ context.Context, request rewards.TokenizeRequest) (rewards.TokenizeAnswer, error) {
	return rewards.TokenizeAnswer{Model: "fake-rm", Results: make([]rewards.TokenizeResult, len(request.Items))}, nil
}

func (*fakeEngine) Models() []rewards.ModelInfo {
	return []rewards.ModelInfo{{Name: "fake-rm", Answers: []string{"score"}, Labels: []string{"reward"}, Transforms: []string{}}}
}

func (e *fakeEngine) Stats() []rewards.ModelStats {
	if e.stats == nil {
		return []rewards.ModelStats{{Model: "fake-rm"}}
	}
	return e.stats
}

func (e *fakeEngine) Probe(ctx context.Context, model string) error {
	if e.probe == nil {
		return nil
	}
	return e.probe(ctx, model)
}

// newServer makes a server over an engine.
func newServer(tb testing.TB, engine Engine, options Options) *Server {
	tb.Helper()
	s, err := New(engine, options)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// table lists the routes of all protocols.
func table(s *Server) []route {
	var all []route
	for _, p := range s.protocols {
		all = append(all, p.routes...)
	}
	return all
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// serve sends a request to the handler.
func serve(s *Server, r *http.Request) reply {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.Bytes()}
}

// do sends a request; a body makes it JSON.
func do(tb testing.TB, s *Server, method, path, body string, header ...string) reply {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return serve(s, r)
}

// decoded reads a JSON body strictly into T.
func decoded[T any](tb testing.TB, got reply) T {
	tb.Helper()
	var value T
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&value); err != nil {
		tb.Fatalf("%v in %s", err, got.body)
	}
	return value
}

// problem reads a problem-details answer and proves its form.
func problem(tb testing.TB, got reply) rewards.Problem {
	tb.Helper()
	if media := got.header.Get("Content-Type"); media != "application/problem+json" {
		tb.Errorf("content type %q", media)
	}
	p := decoded[problemDetails](tb, got)
	if p.Status != got.status || p.Title == "" || p.Detail == "" || p.Type != "/docs#"+p.Code {
		tb.Errorf("status %d carries %+v", got.status, p)
	}
	return p.Problem
}
