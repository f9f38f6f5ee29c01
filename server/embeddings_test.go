package server

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// embedder is an engine with one embedding model, which keeps the last request and fails a text "long".
type embedder struct {
	*fakeEngine
	seen rewards.Request
}

func newEmbedder() *embedder {
	e := &embedder{}
	plain := &fakeEngine{}
	e.fakeEngine = &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		e.seen = r
		a, err := plain.Ask(ctx, r)
		for i := range a.Vectors {
			if why := r.Refused[i]; why != nil {
				a.Vectors[i].Err = failure.Of(why)
			} else if *r.Items[i].Text == "long" {
				a.Vectors[i].Err = failure.New(fault.CodeTooLong, "the item has 9 tokens")
			}
		}
		return a, err
	}}
	return e
}

func (e *embedder) Models() []rewards.ModelInfo {
	all := e.fakeEngine.Models()
	all[0].Manifest.Kind = manifest.KindEmbedding
	return all
}

// TestEmbeddingsInTheFormOfOpenAI: one text or several, as numbers or as base64, in the order of the texts. The base64
// is what Python's base64.b64encode(numpy.float32([0.5, -2])) gives.
func TestEmbeddingsInTheFormOfOpenAI(t *testing.T) {
	const counted = `"tokens":3,"shared_tokens":0,"cached_tokens":0`
	e := newEmbedder()
	s := newServer(t, e, Options{MaxItems: 3})
	for body, want := range map[string]string{
		`{"model":"m","input":"a"}`: `"data":[{"object":"embedding","index":0,"embedding":[0.5,-2],` + counted + `}]`,
		`{"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":null,"user":"u"}`: `"data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAAMA=",` + counted + `},` +
			`{"object":"embedding","index":1,"embedding":"AAAAPwAAAMA=",` + counted + `}]`,
		`{"input":["a","long","\ud800"]}`: `{"object":"embedding","index":1,"error":{"code":"too_long","status":413,"title":"The item is too long","detail":"the item has 9 tokens"}},` +
			`{"object":"embedding","index":2,"error":{"code":"bad_item",`,
	} {
		for _, path := range []string{"/v1/embeddings", "/embeddings"} {
			got := do(t, s, "POST", path, body)
			if text := string(got.body); got.status != http.StatusOK || !strings.Contains(text, want) || !strings.HasPrefix(text, `{"object":"list","model":"fake-rm","digest":"sha256:0"`) {
				t.Errorf("%s: %d %s", body, got.status, text)
			}
		}
	}
	for body, want := range map[string]string{
		`{"model":"m","input":[[1,2]]}`:                    "input: has token ids",
		`{"model":"m","input":[1,2]}`:                      "input: has token ids",
		`{"input":[]}`:                                     "input: must hold at least one text",
		`{"model":"m"}`:                                    "body: expected required property input",
		`{"input":"a","dimensions":8}`:                     "dimensions: is not supported",
		`{"input":"a","encoding_format":"float16"}`:        `encoding_format: "float16" is none of float, base64`,
		`{"input":["a","b","c","d"]}`:                      "input: more than 3, the limit of a request",
		`{"input":"long"}`:                                 "input[0]: the item has 9 tokens",
		`{"input":["a"],"timeout_ms":-1}`:                  "timeout_ms: -1 is not between",
		`{"input":"a","truncate":"middle"}`:                `truncate: "middle" is none of`,
		`{"input":"` + strings.Repeat("a", 1<<10) + `"}{}`: "the body goes on after its JSON value",
	} {
		got := do(t, s, "POST", "/v1/embeddings", body)
		of := decoded[wire.EmbeddingsProblem](t, got)
		if got.status < 400 || got.status >= 500 || of.Error.Message != of.Detail || of.Error.Code != of.Code || of.Status != got.status || !strings.HasPrefix(of.Detail, want) {
			t.Errorf("%s: %d %s, want %q", body, got.status, got.body, want)
		}
	}
}

// TestEmbeddingsAreAskedOfTexts: what the native fields of a body say is asked.
func TestEmbeddingsAreAskedOfTexts(t *testing.T) {
	for body, want := range map[string]rewards.Request{
		`{"model":"m","input":"a","truncate":"left","expect_digest":"d"}`: {
			Question: rewards.Embed, Model: "fake-rm", Truncate: "left", Expect: "d", Items: []encode.Item{{Text: new("a"), Marks: true}},
		},
		`{"input":["a",""],"encoding_format":"base64"}`: {
			Question: rewards.Embed, Model: "fake-rm", Items: []encode.Item{{Text: new("a"), Marks: true}, {Text: new(""), Marks: true}},
		},
	} {
		e := newEmbedder()
		got := do(t, newServer(t, e, Options{}), "POST", "/v1/embeddings", body)
		if diff := cmp.Diff(want, e.seen); diff != "" || got.status != 200 {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// TestEmbeddingsOfARewardModelAreItsRewards: as verl reads them of SGLang, data[-1].embedding[-1], with its own
// recorded body; and 503 where the queue is full, since any status below 500 ends its step.
func TestEmbeddingsOfARewardModelAreItsRewards(t *testing.T) {
	s := realServer(t, "llama-reward-packed")
	const text = "12 + 30 = 42"
	native := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", `{"items":[{"text":"`+text+`"}]}`))
	got := decoded[wire.EmbeddingsAnswer](t, do(t, s, "POST", "/v1/embeddings", `{"model":"/models/rm","input":"`+text+`"}`))
	if diff := cmp.Diff([]any{*native.Results[0].Raw}, got.Data[0].Embedding); diff != "" || got.Model != native.Model {
		t.Errorf("%+v (-want +got):\n%s", got, diff)
	}
	full := newServer(t, &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
	}}, Options{})
	if got := do(t, full, "POST", "/v1/embeddings", `{"input":"a"}`); got.status != 503 || got.header.Get("Retry-After") != "1" || !strings.Contains(string(got.body), `"code":"queue_full"`) {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

// TestEmbeddingsOfAProcessModelAreByToken: as callers of Skywork's process models read them. The ids are those of the
// authors' code, the values at the ends of steps those of the native route, and nothing else is a number.
func TestEmbeddingsOfAProcessModelAreByToken(t *testing.T) {
	s := realServer(t, "../families/skywork-o1-prm")
	golden, err := os.ReadFile("../models/testdata/families/skywork-o1-prm/golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(golden)) {
		var pair struct {
			Item  json.RawMessage
			IDs   []int64
			Read  []int
			Steps []float64
		}
		if err := json.Unmarshal([]byte(line), &pair); err != nil {
			t.Fatal(err)
		}
		native := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", `{"items":[`+string(pair.Item)+`]}`))
		ids := asJSON(t, pair.IDs)
		var plain struct {
			Data []struct{ Embedding []*float64 }
		}
		if got := do(t, s, "POST", "/v1/embeddings", `{"model":"Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B","input":[`+ids+`,`+ids+`]}`); json.Unmarshal(got.body, &plain) != nil || len(plain.Data) != 2 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for i, step := range native.Results[0].Steps {
			value := plain.Data[1].Embedding[pair.Read[i]]
			if value == nil || *value != *step.Raw || math.Abs(1/(1+math.Exp(-*value))-pair.Steps[i]) > 1e-4 {
				t.Errorf("step %d: %v, want %v, whose sigmoid is %v", i, value, *step.Raw, pair.Steps[i])
			}
		}
		if len(plain.Data[0].Embedding) != len(pair.IDs) {
			t.Fatalf("%d numbers of %d tokens", len(plain.Data[0].Embedding), len(pair.IDs))
		}
		mark := pair.IDs[pair.Read[0]]
		for at, value := range plain.Data[0].Embedding {
			if (value != nil) != (pair.IDs[at] == mark) {
				t.Errorf("token %d, %d, has %v", at, pair.IDs[at], value)
			}
		}
		coded := decoded[wire.EmbeddingsAnswer](t, do(t, s, "POST", "/v1/embeddings", `{"input":`+ids+`,"encoding_format":"base64"}`))
		bytes, err := base64.StdEncoding.DecodeString(coded.Data[0].Embedding.(string))
		if err != nil || len(bytes) != 4*len(pair.IDs) {
			t.Fatalf("%d bytes, %v", len(bytes), err)
		}
		for at, value := range plain.Data[0].Embedding {
			x := float64(math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*at:])))
			if value == nil && !math.IsNaN(x) || value != nil && x != *value {
				t.Errorf("token %d: %v in base64, %v in numbers", at, x, value)
			}
		}
	}
	if got := do(t, s, "POST", "/v1/embeddings", `{"input":"a\nb\n"}`); got.status < 400 || !strings.Contains(string(got.body), "text does not show where steps end") {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := do(t, s, "POST", "/v1/steps", `{"items":[{"input_ids":[5,61,20]}]}`); got.status != 422 {
		t.Errorf("the native route reads marks: %d %s", got.status, got.body)
	}
}

// TestEmbeddingsOfLabelsAreLogOdds: where a step has several labels, the number is the one whose sigmoid is its score.
func TestEmbeddingsOfLabelsAreLogOdds(t *testing.T) {
	s := embeddedServer(t)
	item := map[string]any{"prompt": "What is 12 + 30 - 5?", "steps": []string{"12 + 30 = 42", "42 - 5 = 38"}}
	body := asJSON(t, map[string]any{"model": "arith-prm", "items": []any{item}})
	native := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", body))
	seen := decoded[wire.TokenizeAnswer](t, do(t, s, "POST", "/v1/tokenize", body))
	var got struct {
		Data []struct{ Embedding []*float64 }
	}
	reply := do(t, s, "POST", "/v1/embeddings", asJSON(t, map[string]any{"model": "arith-prm", "input": seen.Results[0].Text}))
	if err := json.Unmarshal(reply.body, &got); err != nil {
		t.Fatal(err)
	}
	for i, step := range native.Results[0].Steps {
		if x := got.Data[0].Embedding[step.Token]; x == nil || math.Abs(1/(1+math.Exp(-*x))-*step.Score) > 1e-12 || math.Abs(*x-(step.Logits["right"]-step.Logits["wrong"])) > 1e-12 {
			t.Errorf("step %d: %v, want the log-odds of %v", i, x, *step.Score)
		}
	}
	if read := slices.DeleteFunc(got.Data[0].Embedding, func(x *float64) bool { return x == nil }); len(read) != 2 {
		t.Errorf("%d numbers", len(read))
	}
}
