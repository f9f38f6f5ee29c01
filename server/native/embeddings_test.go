package native

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

func TestEmbeddingsAreAskedOfTexts(t *testing.T) {
	for body, want := range map[string]rewards.Request{
		`{"model":"m","input":"a","truncate":"left"}`: {Question: rewards.Embed, Model: "m", Truncate: "left", Items: []encode.Item{{Text: new("a")}}},
		`{"input":["a",""],"encoding_format":"base64"}`: {
			Question: rewards.Embed, Items: []encode.Item{{Text: new("a")}, {Text: new("")}},
		},
	} {
		got, err := read(body, EmbeddingsRequest)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
	got, err := read(`{"input":["a","\ud800"]}`, EmbeddingsRequest)
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
		`"usage":{"prompt_tokens":9,"total_tokens":9},"timings":{"queue_ms":0,"run_ms":0,"total_ms":3}}`
	for base64, vector := range map[bool]string{false: `[0.5,-2]`, true: `"AAAAPwAAAMA="`} {
		got, err := json.Marshal(EmbeddingsAnswer(&a, base64))
		if err != nil {
			t.Fatal(err)
		}
		want := `{"object":"list","model":"m","digest":"d","data":[{"object":"embedding","index":0,"embedding":` + vector + tail
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
