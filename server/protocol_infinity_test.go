package server

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/wire"
)

// TestInfinityToTheByte: the requests of its documents, and what its clients read.
func TestInfinityToTheByte(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	tail := func(object, tokens string) string {
		return `{"object":"` + object + `","model":"fake-rm","digest":"sha256:0","usage":{"prompt_tokens":` + tokens + `,"total_tokens":` + tokens + `},"id":"infinity-a1","created":0,`
	}
	for name, test := range map[string]struct{ path, body, want string }{
		"classify":       {"/infinity/classify", `{"input":["is 0","is 8"],"model":"default/not-specified","raw_scores":false}`, tail("classify", "6") + `"data":[[{"score":0.5,"label":"reward"}],[{"score":0.7310585786300049,"label":"reward"}]]}`},
		"classify raw":   {"/infinity/classify", `{"input":["is 8"],"raw_scores":true}`, tail("classify", "3") + `"data":[[{"score":1,"label":"reward"}]]}`},
		"rerank":         {"/infinity/rerank", `{"query":"q","documents":["is 4","is 8"],"raw_scores":true,"model":"default/not-specified","top_n":null}`, tail("rerank", "6") + `"results":[{"relevance_score":1,"index":1,"document":null},{"relevance_score":0.5,"index":0,"document":null}]}`},
		"rerank returns": {"/infinity/rerank", `{"query":"q","documents":["is 4","is 8"],"raw_scores":true,"return_documents":true,"top_n":1}`, tail("rerank", "6") + `"results":[{"relevance_score":1,"index":1,"document":"is 8"}]}`},
	} {
		if got := do(t, s, "POST", test.path, test.body, "X-Request-Id", "a1"); got.status != 200 || undated(got) != test.want {
			t.Errorf("%s: %d %s\nwant %s", name, got.status, undated(got), test.want)
		}
	}
	got := do(t, newServer(t, &fakeEngine{}, Options{}), "POST", "/infinity/embeddings", `{"input":"a","model":"default/not-specified","encoding_format":"float","dimensions":0,"modality":"text"}`, "X-Request-Id", "a1")
	if want := tail("list", "3") + `"data":[{"object":"embedding","index":0,"embedding":[0.5,-2]}]}`; undated(got) != want {
		t.Errorf("embeddings: %d %s", got.status, undated(got))
	}
	models := strings.TrimSpace(string(do(t, s, "GET", "/infinity/models", "").body))
	if want := `{"data":[{"id":"fake-rm","stats":{"queue_absolute":0,"results_pending":0},"object":"model","owned_by":"infinity","backend":"","capabilities":["classify"]}],"object":"list"}`; models != want {
		t.Errorf("models: %s", models)
	}
	if health := decoded[wire.HealthAnswer](t, do(t, s, "GET", "/infinity/health", "")); health.Unix < 1e9 {
		t.Errorf("health: %+v", health)
	}
}

// TestInfinityProblems are its form of them, under their status.
func TestInfinityProblems(t *testing.T) {
	s := newServer(t, doorEngine(), Options{MaxItems: 2})
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/infinity/classify", `{"input":["is 1","is long"]}`, 413, "input[1]: the item has 4 tokens"},
		{"/infinity/classify", `{"input":["a","b","c"]}`, 413, "input: more than 2, the limit of a request"},
		{"/infinity/rerank", `{"query":"q","documents":["x"]}`, 422, `documents[0]: "x" is no item`},
		{"/infinity/rerank", `{"query":"q","documents":["is 1"],"max_tokens_per_doc":2}`, 422, "max_tokens_per_doc: documents[0] has 3 tokens"},
		{"/infinity/embeddings", `{"input":["a"],"modality":"image"}`, 422, `modality: "image" is none of text`},
		{"/infinity/nothing", `{}`, 404, "no route has the path"},
	} {
		got := do(t, s, "POST", test.path, test.body)
		p := decoded[wire.OpenAIProblem](t, got).Error
		if code, ok := p.Code.(float64); !ok || int(code) != test.status || got.status != test.status || !strings.HasPrefix(p.Message, test.want) {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
	}
}

// TestInfinityEmbeddingsAreTheNativeOnes, as numbers and as base64.
func TestInfinityEmbeddingsAreTheNativeOnes(t *testing.T) {
	s := realServer(t, "../families/embedding-bert-mean")
	native := decoded[wire.EmbeddingsAnswer](t, do(t, s, "POST", "/v1/embeddings", `{"input":"a b"}`)).Data[0].Embedding.([]any)
	var vector []float64
	read := func(more string, into any) {
		var answer struct {
			Data []struct{ Embedding json.RawMessage }
		}
		got := do(t, s, "POST", "/infinity/embeddings", `{"input":["a b"]`+more+`}`)
		if err := json.Unmarshal(got.body, &answer); err != nil || len(answer.Data) != 1 || json.Unmarshal(answer.Data[0].Embedding, into) != nil {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	var text string
	read("", &vector)
	read(`,"encoding_format":"base64"`, &text)
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(vector) != len(native) || len(bytes) != 4*len(native) {
		t.Fatalf("%d and %d numbers of %d, %v", len(vector), len(bytes)/4, len(native), err)
	}
	for i, x := range native {
		if single := math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:])); vector[i] != x.(float64) || float64(single) != x.(float64) {
			t.Errorf("number %d: %v and %v, want %v", i, vector[i], single, x)
		}
	}
}
