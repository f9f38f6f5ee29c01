package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// order is an answer's indices, its best first.
func order(a *wire.RerankAnswer) string {
	var text strings.Builder
	for _, result := range a.Results {
		fmt.Fprintf(&text, "%d ", result.Index)
	}
	return strings.TrimSpace(text.String())
}

// TestRerankAnswersEveryClient: the bodies that the clients of Cohere, Jina, vLLM, LiteLLM and rerankers send.
func TestRerankAnswersEveryClient(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	for name, test := range map[string]struct {
		path, body, order string
		first             float64 // before the sigmoid
		raw               bool
		document          string
	}{
		"cohere v2": {"/v2/rerank", `{"model":"rerank-v3.5","query":"q","documents":["is 8","is 24","is -8"],"top_n":2}`, "1 0", 3, false, ""},
		"cohere v1": {"/v1/rerank", `{"model":"m","query":"q","documents":[{"text":"is 8"},{"text":"is 24","title":"t"}],"return_documents":true,"rank_fields":["text"],"max_chunks_per_doc":10}`, "1 0", 3, false, "is 24"},
		"jina":      {"/v1//rerank", `{"model":"jina-reranker-v2","query":{"text":"q"},"documents":["is 8","is 24"],"top_n":3,"return_documents":true}`, "1 0", 3, false, "is 24"},
		"vllm":      {"/rerank", `{"query":"q","documents":["is 8","is 24"],"top_n":0,"truncate_prompt_tokens":-1,"truncation_side":"left","priority":0,"use_activation":true}`, "1 0", 3, false, ""},
		"vllm raw":  {"/v1/rerank", `{"query":"q","documents":"is 24","use_activation":false}`, "0", 3, true, ""},
		"old names": {"/v1/rerank/", `{"query":"q","documents":["is 24"],"softmax":false,"activation":null}`, "0", 3, true, ""},
		"infinity":  {"/rerank", `{"query":"q","documents":["is 16","is 16","is 24"],"raw_scores":true,"top_n":null,"return_documents":false}`, "2 0 1", 3, true, ""},
		"doubled":   {"/v1/v2/rerank", `{"query":"q","documents":["is 24"],"max_tokens_per_doc":null}`, "0", 3, false, ""},
	} {
		got := do(t, s, "POST", test.path, test.body, "X-Request-Id", "a1")
		if got.status != 200 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
			continue
		}
		answer := decoded[wire.RerankAnswer](t, got)
		want := test.first
		if !test.raw {
			want = ops.Sigmoid(want)
		}
		document := ""
		if answer.Results[0].Document != nil {
			document = answer.Results[0].Document.Text
		}
		if order(&answer) != test.order || answer.Results[0].Relevance != want || document != test.document || answer.ID != "rerank-a1" || answer.Model != "fake-rm" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
}

// TestRerankAnswerToTheByte is what a client of each of the three reads.
func TestRerankAnswerToTheByte(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	got := do(t, s, "POST", "/v1/rerank", `{"query":"q","documents":["is 0","is 8"],"raw_scores":true,"return_documents":true,"top_n":1}`, "X-Request-Id", "a1")
	const want = `{"id":"rerank-a1","model":"fake-rm","digest":"sha256:0","results":[{"index":1,"relevance_score":1,"document":{"text":"is 8"}}],` +
		`"usage":{"prompt_tokens":6,"total_tokens":6},"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":1},"tokens":{"input_tokens":6}}}`
	if body := strings.TrimSpace(string(got.body)); body != want {
		t.Errorf("%s\nwant %s", body, want)
	}
}

// TestSaturatedSigmoidsKeepTheirOrder: 40 and 80 both have the sigmoid 1, and the raw values tell them apart.
func TestSaturatedSigmoidsKeepTheirOrder(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	answer := decoded[wire.RerankAnswer](t, do(t, s, "POST", "/rerank", `{"query":"q","documents":["is 320","is 640","is 480"]}`))
	if order(&answer) != "1 2 0" || answer.Results[0].Relevance != answer.Results[2].Relevance {
		t.Errorf("%+v", answer.Results)
	}
}

// TestRerankRefusesWhatItCannotDo: by a sentence that every client finds, in each of their places.
func TestRerankRefusesWhatItCannotDo(t *testing.T) {
	s := newServer(t, doorEngine(), Options{MaxItems: 3})
	for _, test := range []struct {
		body   string
		status int
		detail string
	}{
		{`{"query":"q","documents":["is 1","is long"]}`, 413, "documents[1]: the item has 4 tokens, and the limit is 3"},
		{`{"query":"q","documents":["is 1","x"],"top_n":1}`, 422, `documents[1]: "x" is no item`},
		{`{"query":"q","documents":["is 1"],"max_tokens_per_doc":2}`, 422, "max_tokens_per_doc: documents[0] has 3 tokens with its query, over the bound of 2, and no document or query is cut by itself: leave it out, or ask for truncate"},
		{`{"query":"q","documents":["is 1"],"truncate_prompt_tokens":2}`, 422, "truncate_prompt_tokens: documents[0] has 3 tokens with its query, over the bound of 2, and no document or query is cut by itself: leave it out, or ask for truncate"},
		{`{"query":"q","documents":["is 1"],"truncate_prompt_tokens":-1,"truncate":"END"}`, 422, "truncate_prompt_tokens: -1 is another way to say truncate, which is given too"},
		{`{"query":"q","documents":["is 1"],"instruct":"find"}`, 422, "instruct: no model takes one beside the query; write it into the query, as the model's card says"},
		{`{"query":"q","documents":["a","b","c","d"]}`, 413, "documents: more than 3, the limit of a request"},
		{`{"query":"q","documents":[]}`, 422, "documents: must hold at least one document"},
		{`{"query":"q","texts":5,"documents":["a"`, 400, "the body ends inside its JSON value"},
	} {
		got := do(t, s, "POST", "/v1/rerank", test.body)
		p := decoded[wire.OpenAIProblem](t, got)
		if got.status != test.status || p.Message != test.detail || p.Detail != test.detail || p.Error.Message != test.detail || p.Error.Type != "invalid_request_error" {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
	}
	for _, body := range []string{`{"query":"q","documents":["is 1"],"max_tokens_per_doc":3}`, `{"query":"q","documents":["is 1"],"max_tokens_per_query":0}`} {
		if got := do(t, s, "POST", "/v1/rerank", body); got.status != 200 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

// TestRerankCutsAsItIsAsked hands on which tokens are to go.
func TestRerankCutsAsItIsAsked(t *testing.T) {
	var seen rewards.Request
	engine := doorEngine()
	score := engine.score
	engine.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) { seen = r; return score(ctx, r) }
	s := newServer(t, engine, Options{})
	for more, want := range map[string]encode.Truncation{
		``: "", `,"truncate":"NONE"`: encode.TruncateError, `,"truncate":"END"`: encode.TruncateRight, `,"truncate":"START"`: encode.TruncateLeft,
		`,"truncate":"left"`: encode.TruncateLeft, `,"truncate_prompt_tokens":-1`: encode.TruncateRight,
		`,"truncate_prompt_tokens":-1,"truncation_side":"left"`: encode.TruncateLeft, `,"truncate":null`: "",
	} {
		if got := do(t, s, "POST", "/rerank", `{"query":"q","documents":["is 1"]`+more+`}`); got.status != 200 || seen.Truncate != want {
			t.Errorf("%s: %d, truncate %q", more, got.status, seen.Truncate)
		}
	}
}

// ofKind is a fake engine whose one model is of that kind.
type ofKind struct {
	fakeEngine
	kind manifest.Kind
}

func (e *ofKind) Models() []rewards.ModelInfo {
	all := e.fakeEngine.Models()
	all[0].Manifest.Kind = e.kind
	return all
}

// TestWhatIsInItsScaleIsToldAsItIs: similarities and shares of comparisons have no sigmoid; the score of a recipe has.
func TestWhatIsInItsScaleIsToldAsItIs(t *testing.T) {
	for kind, told := range map[manifest.Kind]func(float64) float64{
		manifest.KindReward: ops.Sigmoid, manifest.KindEmbedding: plainly, manifest.KindPair: plainly, manifest.KindPreference: plainly,
	} {
		s := newServer(t, &ofKind{fakeEngine: *doorEngine(), kind: kind}, Options{})
		answer := decoded[wire.RerankAnswer](t, do(t, s, "POST", "/rerank", `{"query":"q","documents":["is 4"]}`))
		if got, want := answer.Results[0].Relevance, told(0.5); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{Question: rewards.Rank, Model: "a recipe", Results: []rewards.Result{{Score: 3}}}, nil
	}}
	got := do(t, newServer(t, engine, Options{}), "POST", "/rerank", `{"query":"q","documents":["a"]}`)
	var answer wire.RerankAnswer
	if err := json.Unmarshal(got.body, &answer); err != nil || answer.Results[0].Relevance != ops.Sigmoid(3) {
		t.Errorf("a recipe: %v %s", err, got.body)
	}
}

func plainly(x float64) float64 { return x }

// TestAnEmbeddingModelReranks by the similarity that POST /v1/score tells, raw or not.
func TestAnEmbeddingModelReranks(t *testing.T) {
	s := realServer(t, "../families/embedding-bert-mean")
	for _, more := range []string{"", `,"raw_scores":true`} {
		answer := decoded[wire.RerankAnswer](t, do(t, s, "POST", "/v1/rerank", `{"model":"rerank-v3.5","query":"a b","documents":["c d","a b"]`+more+`}`))
		for _, result := range answer.Results {
			item := map[string]any{"prompt": "a b", "response": []string{"c d", "a b"}[result.Index]}
			score := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", asJSON(t, map[string]any{"items": []any{item}})))
			if *score.Results[0].Score != result.Relevance {
				t.Errorf("document %d: %v, and scored %v", result.Index, result.Relevance, *score.Results[0].Score)
			}
		}
	}
}
