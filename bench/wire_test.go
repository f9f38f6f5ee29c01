package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// rivalWires are a request as each rival takes it, and its answer to the texts "a b" and "a c".
var rivalWires = map[string]struct{ route, request, answer string }{
	"openrlhf": {
		"/get_reward", `{"query": ["a b", "a c"]}`,
		`{"rewards": [0.5, -2], "scores": [0.5, -2], "extra_logs": {}}`,
	},
	"tei": {
		"/predict", `{"inputs": [["a b"], ["a c"]], "raw_scores": true, "truncate": false}`,
		`[[{"score": 0.5, "label": "LABEL_0"}], [{"score": -2, "label": "LABEL_0"}]]`,
	},
	"vllm": {
		"/classify", `{"input": ["a b", "a c"], "use_activation": false, "add_special_tokens": false}`,
		`{"object": "list", "data": [{"index": 0, "label": null, "probs": [0.5], "num_classes": 1}, {"index": 1, "probs": [-2]}]}`,
	},
	"vllm-pooling": {
		"/pooling", `{"input": ["a b", "a c"], "use_activation": false, "add_special_tokens": false}`,
		`{"object": "list", "data": [{"index": 0, "object": "pooling", "data": [0.5]}, {"index": 1, "data": [-2]}]}`,
	},
}

func TestRivalsWires(t *testing.T) {
	t.Parallel()
	for kind, wire := range rivalWires {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path != wire.route || !sameJSON(t, string(body), wire.request) {
				http.Error(w, "want "+wire.request, http.StatusBadRequest)
				return
			}
			_, _ = io.WriteString(w, wire.answer)
		}))
		defer server.Close()
		var given rivals
		if err := given.Set(kind + "=" + server.URL + "/"); err != nil {
			t.Fatal(err)
		}
		b := fakeBench(t, nil)
		_, answers, err := b.score(t.Context(), given.targets[0], 1, 2, []string{"a b", "a c"})
		if err != nil || answers[0].Score != 0.5 || answers[1].Score != -2 {
			t.Errorf("%s: %+v, %v", kind, answers, err)
		}
		if err := given.Set(kind + "=" + server.URL); err == nil {
			t.Errorf("%s was taken twice", kind)
		}
	}
}

func TestInfinityScoresPairs(t *testing.T) {
	t.Parallel()
	target := infinity("http://127.0.0.1:1")
	prompt := "<|im_start|>user\nhi<|im_end|>\n" + assistantTurn
	for want, texts := range map[string][]string{
		`{"query": "a", "documents": [" b c"], "raw_scores": true}`:                                                         {"a b c"},
		`{"query": "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n", "documents": ["x", "y"], "raw_scores": true}`: {prompt + "x", prompt + "y"},
	} {
		if body, err := target.Encode(texts); err != nil || !sameJSON(t, string(body), want) {
			t.Errorf("%s, %v; want %s", body, err, want)
		}
	}
	if _, err := target.Encode([]string{"a b", "a c"}); err == nil {
		t.Error("texts without a prompt in common were one request")
	}
	got, err := target.Decode([]byte(`{"results": [{"relevance_score": 2, "index": 1}, {"relevance_score": 1, "index": 0}]}`))
	if err != nil || got[0].Score != 1 || got[1].Score != 2 {
		t.Errorf("sorted answers: %+v, %v", got, err)
	}
}

func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `{}`, `{"results": []}`, `{"results": [{"error": {"code": "too_long"}}]}`, `{"results": [{"score": null}]}`,
	} {
		if got, err := decodeScores([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, got)
		}
	}
	for _, body := range []string{`{"results": [{"error": {}}]}`, `{"results": [{"steps": [{"score": 1, "raw": null}]}]}`} {
		if got, err := decodeSteps([]byte(body)); err == nil {
			t.Errorf("%s was read as %+v", body, got)
		}
	}
	target := assayTarget("http://127.0.0.1:1", 0)
	if _, err := target.answers(Pass{Replies: []Reply{{Body: []byte(`{"results": [{"score": 1}]}`)}}}, 2); err == nil {
		t.Error("one answer was taken for two texts")
	}
	answers := []Answer{{Score: 1, Tokens: 3}, {Score: 2}}
	if _, err := compare(answers, []float64{1, 2}, []int{4, 9}, 1); err == nil || !strings.Contains(err.Error(), "text 0: 3 tokens") {
		t.Errorf("another token count: %v", err)
	}
	if got, err := compare(answers, []float64{1, 2.5}, []int{3, 9}, 0.1); err != nil || got.Wrong != 1 || got.Worst != 0.2 {
		t.Errorf("0.5 of 2.5 off: %+v, %v", got, err)
	}
}

func TestServersAreOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"http://example.com", "http://10.0.0.1:8080", "https://127.0.0.1", "127.0.0.1:8080", ""} {
		if err := (servers{}).Set("main=" + url); err == nil {
			t.Errorf("%q was accepted", url)
		}
		if err := new(rivals).Set("tei=" + url); err == nil {
			t.Errorf("rival %q was accepted", url)
		}
	}
	for _, text := range []string{"other=http://127.0.0.1:1", "main=http://127.0.0.1:1,x", "main=http://127.0.0.1:1,0"} {
		if err := (servers{}).Set(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	given := servers{}
	if err := given.Set("null=http://[::1]:8080/,12"); err != nil || given["null"] != (Server{"http://[::1]:8080", 12}) {
		t.Errorf("%+v, %v", given, err)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		return false
	}
	ja, _ := json.Marshal(x)
	jb, _ := json.Marshal(y)
	return string(ja) == string(jb)
}
