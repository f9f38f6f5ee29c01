package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// TestEmbeddingsInTheFormOfOpenAI: one text or several, as numbers or as base64, in the order of the texts.
func TestEmbeddingsInTheFormOfOpenAI(t *testing.T) {
	const counted = `"tokens":3,"shared_tokens":0,"cached_tokens":0`
	s := newServer(t, &fakeEngine{}, Options{})
	for body, want := range map[string]string{
		`{"model":"m","input":"a"}`: `"data":[{"object":"embedding","index":0,"embedding":[0.5,-2],` + counted + `}]`,
		`{"model":"m","input":["a","b"],"encoding_format":"base64"}`: `"data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAAMA=",` + counted + `},` +
			`{"object":"embedding","index":1,"embedding":"AAAAPwAAAMA=",` + counted + `}]`,
	} {
		got := do(t, s, "POST", "/v1/embeddings", body)
		if text := string(got.body); got.status != http.StatusOK || !strings.Contains(text, want) || !strings.HasPrefix(text, `{"object":"list"`) {
			t.Errorf("%s: %d %s", body, got.status, text)
		}
	}
	for body, want := range map[string]string{
		`{"input":[[1,2]]}`:                         "input[0]: expected string",
		`{"input":[1,2]}`:                           "input[0]: expected string",
		`{"input":[]}`:                              "input: must hold at least one text",
		`{"model":"m"}`:                             "expected required property input",
		`{"input":"a","dimensions":8}`:              "dimensions: unknown field",
		`{"input":"a","encoding_format":"float16"}`: `encoding_format: "float16" is none of float, base64`,
	} {
		got := do(t, s, "POST", "/v1/embeddings", body)
		if of := decoded[wire.ProblemDetails](t, got); got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest || !strings.Contains(of.Detail, want) {
			t.Errorf("%s: %d %+v, want %q", body, got.status, of, want)
		}
	}
}

func embeddingsAsked(body string) (rewards.Request, error) {
	var form wire.EmbeddingsRequest
	if err := wire.DecodeBody([]byte(body), &form, wire.Limits{}); err != nil {
		return rewards.Request{}, err
	}
	return embeddingsRequest(&form)
}

func TestEmbeddingsAreAskedOfTexts(t *testing.T) {
	for body, want := range map[string]rewards.Request{
		`{"model":"m","input":"a","truncate":"left"}`: {Question: rewards.Embed, Model: "m", Truncate: "left", Items: []encode.Item{{Text: new("a")}}},
		`{"input":["a",""],"encoding_format":"base64"}`: {
			Question: rewards.Embed, Items: []encode.Item{{Text: new("a")}, {Text: new("")}},
		},
	} {
		got, err := embeddingsAsked(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	got, err := embeddingsAsked(`{"input":["a","\ud800"]}`)
	if of := failure.Of(got.Refused[1]); err != nil || of == nil || of.Code != wire.CodeBadItem || got.Refused[0] != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestEmbeddingsAreWrittenAsClientsReadThem: the base64 is what Python's base64.b64encode(numpy.float32([0.5, -2]))
// gives.
func TestEmbeddingsAreWrittenAsClientsReadThem(t *testing.T) {
	a := rewards.Answer{
		Question: rewards.Embed, Model: "m", Digest: "d",
		Usage: rewards.Usage{Items: 2, Tokens: 9, Computed: 9, Total: 3 * time.Millisecond},
	}
	a.Vectors = slices.Grow(a.Vectors, 2)[:2]
	a.Vectors[0].Vector, a.Vectors[0].Tokens = []float64{0.5, -2}, rewards.Tokens{Tokens: 9}
	a.Vectors[1].Err = failure.New(fault.CodeTooLong, "the item has 9 tokens")
	const tail = `,"tokens":9,"shared_tokens":0,"cached_tokens":0},{"object":"embedding","index":1,` +
		`"error":{"code":"too_long","status":413,"title":"The item is too long","detail":"the item has 9 tokens"}}],` +
		`"usage":{"prompt_tokens":9,"total_tokens":9,"failed":1},"timings":{"queue_ms":0,"run_ms":0,"total_ms":3}}`
	for vector, write := range map[string]func([]float64) any{`[0.5,-2]`: numbersOf, `"AAAAPwAAAMA="`: bytesOf} {
		got, err := json.Marshal(embeddingsAnswer(&a, write))
		if err != nil {
			t.Fatal(err)
		}
		want := `{"object":"list","model":"m","digest":"d","data":[{"object":"embedding","index":0,"embedding":` + vector + tail
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
