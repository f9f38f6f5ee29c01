package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// TestSGLangAnswersAreDocumented: an object for one, a list for a list, each with its rid.
func TestSGLangAnswersAreDocumented(t *testing.T) {
	const meta = `"finish_reason":{"type":"length","length":0},"prompt_tokens":3,"weight_version":"sha256:0","model":"fake-rm","e2e_latency":0}`
	const failed = `"finish_reason":{"type":"length","length":0},"prompt_tokens":0,"weight_version":"sha256:0","model":"fake-rm","e2e_latency":0},` +
		`"error":{"code":"too_long","status":413,"title":"The item is too long","detail":"the item has 4 tokens, and the limit is 3"}}`
	s := newServer(t, doorEngine(), Options{})
	for _, test := range []struct{ method, path, body, want string }{
		{"POST", "/classify", `{"text":"is 8"}`, `{"embedding":[1],"meta_info":{"id":"r",` + meta + `}`},
		{"PUT", "/classify", `{"text":"is 8","rid":"a","input_ids":null,"priority":3,"lora_path":null}`, `{"embedding":[1],"meta_info":{"id":"a",` + meta + `}`},
		{"POST", "/encode", `{"model":"m","text":["is 8","is long"],"rid":["a","b"]}`, `[{"embedding":[1],"meta_info":{"id":"a",` + meta + `},{"meta_info":{"id":"b",` + failed + `]`},
		{"PUT", "/encode", `{"text":[["p","is 8"]]}`, `[{"embedding":[1],"meta_info":{"id":"r",` + meta + `}]`},
		{
			"POST", "/v1/score", `{"query":"it ","items":["is 8","is 12"],"label_token_ids":null,"apply_softmax":false,"temperature":1.0,"score_extraction_token":null}`,
			`{"scores":[[1],[1.5]],"pooled_hidden_states":null,"token_logprobs":null,"model":"fake-rm","digest":"sha256:0",` +
				`"usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0,"prompt_tokens_details":null,"completion_tokens_details":null},"object":"scoring"}`,
		},
		{
			"POST", "/v1/score", `{"query":"it ","items":["is 8","is long"]}`,
			`{"scores":[[1],null],"errors":[null,{"code":"too_long","status":413,"title":"The item is too long","detail":"the item has 4 tokens, and the limit is 3"}],` +
				`"pooled_hidden_states":null,"token_logprobs":null,"model":"fake-rm","digest":"sha256:0",` +
				`"usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0,"prompt_tokens_details":null,"completion_tokens_details":null},"object":"scoring"}`,
		},
		{
			"POST", "/v1/classify", `{"model":"default","input":"is 8","rid":null}`,
			`{"id":"classify-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"label":"reward","probs":[1],"num_classes":1,"tokens":3,"shared_tokens":0,"cached_tokens":0}],` +
				`"usage":{"prompt_tokens":3,"total_tokens":3,"completion_tokens":0,"prompt_tokens_details":null,"completion_tokens_details":null}}`,
		},
	} {
		got := do(t, s, test.method, test.path, test.body, "X-Request-Id", "r")
		body := regexp.MustCompile(`"created":\d+`).ReplaceAllString(strings.TrimSpace(string(got.body)), `"created":0`)
		if got.status != 200 || body != test.want {
			t.Errorf("%s %s: %d\n%s\nwant\n%s", test.path, test.body, got.status, body, test.want)
		}
	}
}

func TestSGLangRefuses(t *testing.T) {
	s := newServer(t, doorEngine(), Options{MaxItems: 3})
	for _, test := range []struct{ path, body, want string }{
		{"/classify", `{"text":"a","input_ids":[1]}`, "input_ids: given together with text"},
		{"/classify", `{"text":[]}`, "text: must hold at least one text"},
		{"/classify", `{"text":"is long"}`, "text[0]: the item has 4 tokens"},
		{"/classify", `{"text":[["a"]]}`, "text[0]: has 1 texts, and must be [prompt, response]"},
		{"/classify", `{"text":["a","b","c","d"]}`, "text: more than 3, the limit of a request"},
		{"/classify", `{"input_ids":["a"]}`, "input_ids: must be token ids"},
		{"/encode", `{"text":"a","lora_path":"x"}`, "lora_path: there are no adapters"},
		{"/encode", `{"text":["a","b","c"],"rid":["x","y"]}`, "rid: must be one id, or one for each item"},
		{"/v1/score", `{"query":"a","items":["is 1"],"apply_softmax":true}`, "apply_softmax: the softmax of the one output"},
		{"/v1/score", `{"query":"a","items":["b"],"temperature":2}`, "temperature: 2 changes probabilities"},
		{"/v1/score", `{"query":"a","items":["b"],"temperature":0}`, "temperature: 0 is not above 0"},
		{"/v1/score", `{"query":"a","items":["b"],"return_token_logprobs":true}`, "return_token_logprobs: POST /v1/logprobs"},
		{"/v1/score", `{"query":"a","items":["b"],"label_token_ids":[1,1]}`, "label_token_ids[1]: 1 is given twice"},
		{"/v1/score", `{"query":"a","items":["b"],"label_token_ids":[[1],[2]]}`, "label_token_ids: has 2 lists for 1 items"},
		{"/v1/score", `{"query":"a","items":["a","b","c","d"]}`, "items: more than 3, the limit of a request"},
	} {
		got := do(t, s, "POST", test.path, test.body)
		p := decoded[wire.SGLangProblem](t, got)
		if got.status != 400 || p.Code != 400 || p.Object != "error" || p.Message != p.Error.Message || !strings.HasPrefix(p.Message, test.want) {
			t.Errorf("%s %s: %d %s, want %q", test.path, test.body, got.status, got.body, test.want)
		}
	}
	full := newServer(t, &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
	}}, Options{})
	if got := do(t, full, "POST", "/classify", `{"text":"a"}`); got.status != 503 || got.header.Get("Retry-After") != "1" || !strings.Contains(string(got.body), `"reason":"queue_full"`) {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

// TestSGLangScoreOfTokensIsTheReferences: probabilities of golden items' tokens over the vocabulary, among themselves,
// and by a list of each item.
func TestSGLangScoreOfTokensIsTheReferences(t *testing.T) {
	s := realServer(t, "../families/choice-qwen3")
	model, err := models.Open(t.Context(), models.Dir("../models/testdata/families/choice-qwen3"), models.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	pairs, err := model.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range pairs {
		query, item, tokens := asJSON(t, pair.IDs[0][:2]), asJSON(t, pair.IDs[0][2:]), asJSON(t, pair.Tokens)
		for fields, want := range map[string]func(logit float64) float64{
			`"label_token_ids":` + tokens:                                               func(logit float64) float64 { return math.Exp(logit - *pair.LogSum) },
			`"label_token_ids":[` + tokens + `]`:                                        func(logit float64) float64 { return math.Exp(logit - *pair.LogSum) },
			`"apply_softmax":true,"label_token_ids":` + tokens:                          softmaxOf(pair.Logits, 1),
			`"apply_softmax":true,"temperature":2.0,"label_token_ids":[` + tokens + `]`: softmaxOf(pair.Logits, 2),
		} {
			got := do(t, s, "POST", "/v1/score", fmt.Sprintf(`{"model":"default","query":%s,"items":[%s],%s}`, query, item, fields))
			var answer struct{ Scores [][]float64 }
			if err := json.Unmarshal(got.body, &answer); err != nil || got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			for k, logit := range pair.Logits {
				if math.Abs(answer.Scores[0][k]-want(logit)) > 1e-5 {
					t.Errorf("item %d, %s: %v, and the reference has %v", i, fields, answer.Scores[0][k], want(logit))
				}
			}
		}
	}
	if got := do(t, s, "POST", "/v1/score", `{"query":"a","items":["b"]}`); got.status != 400 || !strings.Contains(string(got.body), "label_token_ids: is missing") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// softmaxOf is a softmax in plain sums.
func softmaxOf(logits []float64, temperature float64) func(logit float64) float64 {
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(x / temperature)
	}
	return func(logit float64) float64 { return math.Exp(logit/temperature) / sum }
}

// TestSGLangScoreOfStepsIsByMark: the rows of a process model at each occurrence of its mark.
func TestSGLangScoreOfStepsIsByMark(t *testing.T) {
	s := embeddedServer(t)
	item := map[string]any{"prompt": "What is 12 + 30 - 5?", "steps": []string{"12 + 30 = 42", "42 - 5 = 38"}}
	body := asJSON(t, map[string]any{"model": "arith-prm", "items": []any{item}})
	native := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", body))
	seen := decoded[wire.TokenizeAnswer](t, do(t, s, "POST", "/v1/tokenize", body))
	before, after, _ := strings.Cut(seen.Results[0].Text, "12 + 30 = 42")
	for _, softmax := range []bool{false, true} {
		got := do(t, s, "POST", "/v1/score", asJSON(t, map[string]any{
			"query": before, "items": []string{"12 + 30 = 42" + after}, "score_extraction_token": 5, "apply_softmax": softmax,
		}))
		var answer struct{ Scores [][][]float64 }
		if err := json.Unmarshal(got.body, &answer); err != nil || len(answer.Scores[0]) != 2 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for i, step := range native.Results[0].Steps {
			want := []float64{step.Logits["wrong"], step.Logits["right"]}
			if softmax {
				want = ops.Softmax(want)
			}
			if diff := cmp.Diff(want, answer.Scores[0][i]); diff != "" {
				t.Errorf("step %d: %s", i, diff)
			}
		}
	}
	for body, want := range map[string]string{
		`{"model":"arith-prm","query":"a","items":["b"],"label_token_ids":[1,2],"score_extraction_token":5}`: "label_token_ids: the labels of a process model are its own",
		`{"model":"arith-rm","query":"a","items":["b"],"score_extraction_token":5}`:                          "model",
		`{"model":"arith-rm","query":"a","items":["b"],"label_token_ids":[1]}`:                               "model",
	} {
		if got := do(t, s, "POST", "/v1/score", body); got.status != 400 || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}
