package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/tokenwise"
	"github.com/assay-rm/assay/server/wire"
)

// fakeEngine answers without a model; a nil function gives every item the score 0.25.
type fakeEngine struct {
	score func(ctx context.Context, request rewards.Request) (rewards.Answer, error)
	probe func(ctx context.Context, model string) error
	stats []models.Stats
}

// served is an engine and the registry of its models.
type served struct {
	*rewards.Engine
	*models.Registry
}

// fakeAnswer answers with those results.
func fakeAnswer(results []rewards.Result) rewards.Answer {
	return rewards.Answer{Model: "fake-rm", Digest: "sha256:0", Transforms: []string{}, Results: results}
}

func fakeResults(n int) []rewards.Result {
	results := make([]rewards.Result, n)
	for i := range results {
		results[i] = rewards.Result{Score: 0.25, Raw: ops.Some(0.25), Tokens: rewards.Tokens{Tokens: 3}}
	}
	return results
}

func (e *fakeEngine) Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
	if e.score != nil {
		return e.score(ctx, request)
	}
	n := len(request.Items)
	for _, group := range request.Groups {
		n += len(group.Responses)
	}
	a := fakeAnswer(nil)
	a.Question = request.Question
	a.Usage = rewards.Usage{Items: n, Tokens: 3 * n, Queue: time.Millisecond, Run: 2 * time.Millisecond, Total: 3 * time.Millisecond}
	switch request.Question {
	case rewards.Pairs:
		a.Pairs = make([]rewards.PairResult, len(request.Groups))
	case rewards.Steps:
		a.Steps = make([]rewards.StepsResult, n)
	case rewards.Choose:
		a.Choices = make([]rewards.ChoiceResult, n)
		for i := range a.Choices {
			a.Choices[i].Candidates = slices.Grow(a.Choices[i].Candidates, 2)[:2]
		}
	case rewards.Embed:
		a.Vectors = slices.Grow(a.Vectors, n)[:n]
		for i := range a.Vectors {
			a.Vectors[i].Vector, a.Vectors[i].Tokens = []float64{0.5, -2}, rewards.Tokens{Tokens: 3}
		}
	case rewards.Tokenize:
		a.Tokenized = slices.Grow(a.Tokenized, n)[:n]
	case rewards.Logprobs:
		a.Logprobs = make([]tokenwise.Result, n)
	case rewards.Rank:
		a.Results, a.Strategy = fakeResults(n), ranking.BestOfN
		a.Selection.Picks = []ranking.Pick{{Index: 0, Weight: 1}}
	default:
		a.Results = fakeResults(n)
	}
	return a, nil
}

func (*fakeEngine) Models() []rewards.ModelInfo {
	info := rewards.ModelInfo{Answers: []string{"score"}, Transforms: []string{}}
	info.Manifest.Name, info.Manifest.Graph.Labels = "fake-rm", []string{"reward"}
	return []rewards.ModelInfo{info}
}

// Pieces are the bytes of a text.
func (*fakeEngine) Pieces(_, text string, ids []int64) ([]encode.Piece, bool) {
	pieces := make([]encode.Piece, len(ids))
	for i, id := range ids {
		pieces[i] = encode.Piece{ID: id, Text: text[i : i+1], Begin: i, End: i + 1}
	}
	return pieces, len(ids) <= len(text)
}

// Decode counts the ids.
func (*fakeEngine) Decode(_ string, ids []int64, plain bool) (string, error) {
	return fmt.Sprintf("%d %v", len(ids), plain), nil
}

func (*fakeEngine) Recipes() []recipes.Served { return nil }

func (e *fakeEngine) Stats() []models.Stats {
	if e.stats == nil {
		return []models.Stats{{Model: "fake-rm"}}
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

// refusal reads a problem-details answer and proves its form.
func refusal(tb testing.TB, got reply) wire.Problem {
	tb.Helper()
	if media := got.header.Get("Content-Type"); media != "application/problem+json" {
		tb.Errorf("content type %q", media)
	}
	p := decoded[wire.ProblemDetails](tb, got)
	if p.Status != got.status || p.Title == "" || p.Detail == "" || p.Type != "/docs#"+p.Code {
		tb.Errorf("status %d carries %+v", got.status, p)
	}
	return p.Problem
}
