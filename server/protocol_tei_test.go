package server

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// TestTEIAnswersToTheByte: the documented requests, and what the clients of the hub send. Zero has the sigmoid 0.5.
func TestTEIAnswersToTheByte(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	for name, test := range map[string]struct{ path, body, want string }{
		"one text":           {"/predict", `{"inputs":"is 0"}`, `[{"score":0.5,"label":"reward"}]`},
		"one in a list":      {"/predict", `{"inputs":["is 4"],"raw_scores":true}`, `[{"score":0.5,"label":"reward"}]`},
		"one pair":           {"/predict", `{"inputs":["q","is 4"],"truncate":null,"raw_scores":true}`, `[{"score":0.5,"label":"reward"}]`},
		"a batch":            {"/predict", `{"inputs":[["is 4"],["q","is 8"]],"raw_scores":true,"truncate":true,"future":1}`, `[[{"score":0.5,"label":"reward"}],[{"score":1,"label":"reward"}]]`},
		"a batch of one":     {"/predict", `{"inputs":[["is 4"]],"raw_scores":true}`, `[[{"score":0.5,"label":"reward"}]]`},
		"rerank":             {"/rerank", `{"query":"q","texts":["is 4","is 8"],"raw_scores":true}`, `[{"index":1,"score":1},{"index":0,"score":0.5}]`},
		"rerank with texts":  {"/rerank", `{"query":"q","texts":["is 0"],"return_text":true}`, `[{"index":0,"text":"is 0","score":0.5}]`},
		"rerank of its own":  {"/rerank", `{"model":"x","query":"q","texts":["is 4"],"top_n":1,"raw_scores":true}`, `[{"index":0,"score":0.5}]`},
		"vertex":             {"/vertex", `{"instances":[{"inputs":"is 4","raw_scores":true},{"query":"q","texts":["is 8"],"raw_scores":true}]}`, `{"predictions":[[{"score":0.5,"label":"reward"}],[{"index":0,"score":1}]]}`},
		"hub":                {"/", `{"inputs":"is 0","parameters":{}}`, `[[{"score":0.5,"label":"reward"}]]`},
		"hub none":           {"/", `{"inputs":"is 4","parameters":{"function_to_apply":"none","top_k":3}}`, `[[{"score":0.5,"label":"reward"}]]`},
		"hub sigmoid":        {"/", `{"inputs":"is 0","parameters":{"function_to_apply":"sigmoid"}}`, `[[{"score":0.5,"label":"reward"}]]`},
		"hub of a reranker":  {"/", `{"query":"q","texts":["is 4"],"raw_scores":true}`, `[{"index":0,"score":0.5}]`},
		"a trailing slash":   {"/predict/", `{"inputs":"is 4","raw_scores":true}`, `[{"score":0.5,"label":"reward"}]`},
		"the name in a path": {"/predict?model=fake-rm", `{"inputs":"is 4","raw_scores":true}`, `[{"score":0.5,"label":"reward"}]`},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if body := strings.TrimSpace(string(got.body)); got.status != 200 || body != test.want {
			t.Errorf("%s: %d %s, want %s", name, got.status, body, test.want)
		}
	}
	got := do(t, s, "POST", "/predict", `{"inputs":[["is 4"],["é","is 8"]]}`)
	for header, want := range map[string]string{
		"X-Compute-Type": "cpu+optimized", "X-Compute-Tokens": "6", "X-Compute-Characters": "9", "X-Compute-Time": "0", "X-Total-Time": "0", "X-Queue-Time": "0", "X-Inference-Time": "0",
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s: %q, want %q", header, got.header.Get(header), want)
		}
	}
}

// TestTEIClassesOfSeveralLabels: softmax of the outputs, or each as it is, the greatest first.
func TestTEIClassesOfSeveralLabels(t *testing.T) {
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return fakeAnswer([]rewards.Result{{Score: 9, Raw: ops.Some(9), Logits: map[string]float64{"bad": -1, "good": 2, "fair": 0}}}), nil
	}}
	s := newServer(t, engine, Options{})
	sum := math.Exp(-1) + math.Exp(2) + math.Exp(0)
	for body, want := range map[string][3]float64{
		`{"inputs":"a"}`: {math.Exp(2) / sum, math.Exp(0) / sum, math.Exp(-1) / sum}, `{"inputs":"a","raw_scores":true}`: {2, 0, -1},
		`{"inputs":"a","parameters":{"function_to_apply":"sigmoid"}}`: {1 / (1 + math.Exp(-2)), 0.5, 1 / (1 + math.Exp(1))},
		`{"inputs":"a","parameters":{"function_to_apply":"softmax"}}`: {math.Exp(2) / sum, math.Exp(0) / sum, math.Exp(-1) / sum},
	} {
		classes := decoded[[]wire.TEIPrediction](t, do(t, s, "POST", "/predict", body))
		for i, label := range []string{"good", "fair", "bad"} {
			if len(classes) != 3 || classes[i].Label != label || math.Abs(classes[i].Score-want[i]) > 1e-15 {
				t.Fatalf("%s: %+v, want %v", body, classes, want)
			}
		}
	}
	got := do(t, s, "POST", "/", `{"inputs":"a","parameters":{"top_k":2,"function_to_apply":"none"}}`)
	if body := strings.TrimSpace(string(got.body)); body != `[[{"score":2,"label":"good"},{"score":0,"label":"fair"}]]` {
		t.Errorf("top_k: %s", body)
	}
}

// TestTEIProblems have TEI's statuses and types, and our sentences.
func TestTEIProblems(t *testing.T) {
	engine := doorEngine()
	score := engine.score
	engine.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if r.Items[0].Text == nil {
			return score(ctx, r)
		}
		switch *r.Items[0].Text {
		case "full":
			return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
		case "kind":
			return rewards.Answer{}, failure.New(fault.CodeKind, "it scores steps")
		case "panic":
			panic("oh")
		case "nan":
			return fakeAnswer([]rewards.Result{{Err: failure.New(fault.CodeNotFinite, "NaN")}}), nil
		case "":
			return fakeAnswer([]rewards.Result{{Err: failure.New(fault.CodeEmpty, "no token")}}), nil
		case "closed":
			return rewards.Answer{}, failure.New(failure.CodeClosed, "it drains")
		}
		return score(ctx, r)
	}
	s := newServer(t, engine, Options{Tokens: []Token{{Token: "s3cret"}}, MaxItems: 3, MaxBody: 200})
	for _, test := range []struct {
		path, body string
		status     int
		kind, want string
	}{
		{"/predict", `{"inputs":"is long"}`, 422, "Validation", "inputs: the item has 4 tokens, and the limit is 3"},
		{"/predict", `{"inputs":[["is 1"],["is long"]]}`, 422, "Validation", "inputs[1]: the item has 4 tokens, and the limit is 3"},
		{"/rerank", `{"query":"q","texts":["is 1","is bad"]}`, 422, "Validation", `texts[1]: "is bad" is no item`},
		{"/vertex", `{"instances":[{"inputs":"is 1"},{"inputs":[["is 1"],["x"]]}]}`, 422, "Validation", `instances[1].inputs[1]: "x" is no item`},
		{"/vertex", `{"instances":[{"inputs":"is 1"},{"inputs":"is 1","truncate":true}]}`, 422, "Validation", "instances[1].truncate: all instances must agree about it"},
		{"/predict", `{"inputs":[["a"],["a"],["a"],["a"]]}`, 422, "Validation", "inputs: more than 3, the limit of a request"},
		{"/vertex", `{"instances":[{"inputs":[["a"],["b"]]},{"inputs":[["a"],["b"]]}]}`, 422, "Validation", "the request has 4 items, and one request may have 3"},
		{"/rerank", `{"query":"q","texts":[]}`, 400, "Empty", "inputs and texts: must hold at least one text"},
		{"/predict", `{"inputs":""}`, 400, "Empty", "inputs: no token"},
		{"/predict", `{"inputs":"full"}`, 429, "Overloaded", ""},
		{"/predict", `{"inputs":"kind"}`, 424, "Backend", "it scores steps"},
		{"/predict", `{"inputs":"nan"}`, 424, "Backend", "inputs: NaN"},
		{"/predict", `{"inputs":"panic"}`, 424, "Backend", ""},
		{"/predict", `{"inputs":"closed"}`, 503, "Unhealthy", "it drains"},
		{"/predict", `{"inputs":`, 400, "Validation", "the body ends inside its JSON value"},
		{"/predict", `{"query":"q","texts":["t"]}`, 422, "Validation", "body: /predict takes another form"},
		{"/similarity", `{"inputs":"a"}`, 422, "Validation", "body: /similarity takes another form"},
		{"/similarity", `{"model":"fake-rm","inputs":{"source_sentence":"a","sentences":["b"]}}`, 424, "Backend", `inputs: a similarity is of an embedding model, and "fake-rm" is none`},
		{"/", `{"inputs":"is 1","parameters":{"function_to_apply":"softmax"}}`, 422, "Validation", "softmax: the model has one label, of which it would always be 1"},
		{"/predict", `{"inputs":"` + strings.Repeat("a", 200) + `"}`, 413, "Validation", "the body has 213 bytes, and the cap is 200"},
		{"/predict", `{"inputs":["a","b","c"]}`, 422, "Validation", "inputs: more than 2, the limit of an input"},
	} {
		got := do(t, s, "POST", test.path, test.body, "Authorization", "Bearer s3cret")
		p := decoded[wire.TEIProblem](t, got)
		if got.status != test.status || p.Type != test.kind || !strings.HasPrefix(p.Error, test.want) {
			t.Errorf("%s %s: %d %s, want %d %s %q", test.path, test.body, got.status, got.body, test.status, test.kind, test.want)
		}
	}
	if got := do(t, s, "POST", "/predict", `{"inputs":"full"}`, "Authorization", "Bearer s3cret"); got.header.Get("Retry-After") == "" {
		t.Errorf("headers %v", got.header)
	}
	for _, path := range []string{"/predict", "/rerank", "/"} {
		if got := do(t, s, "POST", path, `{"inputs":"a"}`); got.status != 401 {
			t.Errorf("%s without a token: %d %s", path, got.status, got.body)
		}
	}
	for _, path := range []string{"/health", "/ping", "/"} {
		got := do(t, s, "GET", path, "")
		if answer := decoded[wire.HealthAnswer](t, got); got.status != 200 || answer.Unix < 1e9 {
			t.Errorf("GET %s: %d %s", path, got.status, got.body)
		}
	}
	engine.probe = func(context.Context, string) error { return failure.New(failure.CodeInternal, "it is ill") }
	sick := newServer(t, engine, Options{})
	if got := do(t, sick, "GET", "/health", ""); got.status != 503 || decoded[wire.TEIProblem](t, got).Type != "Unhealthy" {
		t.Errorf("of a sick server: %d %s", got.status, got.body)
	}
}

// TestTEIOfRealModels: a reranker's classes and ranks are its native scores under a sigmoid, a similarity that of
// POST /v1/score, and /info says what they are.
func TestTEIOfRealModels(t *testing.T) {
	s := realServer(t, "../encoders/bert-reranker-packed", "../families/embedding-bert-mean")
	native := func(model, prompt, response string) wire.ScoreResult {
		item := map[string]any{"prompt": prompt, "response": response}
		return decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", asJSON(t, map[string]any{"model": model, "items": []any{item}}))).Results[0]
	}
	infos := decoded[wire.ModelsAnswer](t, do(t, s, "GET", "/v1/models", ""))
	reranker, embedding := infos.Models[0].Name, infos.Models[1].Name
	pair := decoded[[]wire.TEIPrediction](t, do(t, s, "POST", "/predict", `{"inputs":["a b","c d"]}`))
	if want := ops.Sigmoid(*native(reranker, "a b", "c d").Raw); len(pair) != 1 || pair[0].Score != want {
		t.Errorf("predict: %+v, want %v", pair, want)
	}
	var similar []float64
	if err := json.Unmarshal(do(t, s, "POST", "/similarity", `{"inputs":{"source_sentence":"a b","sentences":["c d","a b"]}}`).body, &similar); err != nil ||
		len(similar) != 2 || similar[0] != *native(embedding, "a b", "c d").Score || similar[1] != *native(embedding, "a b", "a b").Score {
		t.Errorf("similarity: %v, %v", similar, err)
	}
	info := decoded[wire.TEIInfo](t, do(t, s, "GET", "/info", ""))
	if info.Served != reranker || info.SHA != infos.Models[0].Digest || info.MaxInput != infos.Models[0].MaxTokens || info.Cuts || info.Kind.Reranker == nil {
		t.Errorf("info %+v", info)
	}
	if info := decoded[wire.TEIInfo](t, do(t, s, "GET", "/info?model="+embedding, "")); info.Served != embedding || info.Kind.Embedding == nil {
		t.Errorf("info of the embedding model: %+v", info)
	}
	if got := do(t, s, "GET", "/info?model=nobody", ""); got.status != http.StatusNotFound {
		t.Errorf("info of nobody: %d %s", got.status, got.body)
	}
}
