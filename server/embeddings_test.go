package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/wire"
)

// TestEmbeddingsInTheFormOfOpenAI: one text or several, as numbers or as base64, in the order of the texts.
func TestEmbeddingsInTheFormOfOpenAI(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	for body, want := range map[string]string{
		`{"model":"m","input":"a"}`: `"data":[{"object":"embedding","index":0,"embedding":[0.5,-2]}]`,
		`{"model":"m","input":["a","b"],"encoding_format":"base64"}`: `"data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAAMA="},` +
			`{"object":"embedding","index":1,"embedding":"AAAAPwAAAMA="}]`,
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
