package server

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
)

// refusing is an engine that answers what it can, and gives items that could not be read their errors, as the engine
// does.
func refusing() *fakeEngine {
	var calm fakeEngine
	return &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		a, err := calm.Ask(ctx, r)
		for i, why := range r.Refused {
			of := failure.Of(why)
			switch r.Question {
			case rewards.Pairs:
				a.Pairs[i/2].Err = of
			case rewards.Steps:
				a.Steps[i].Err = of
			case rewards.Choose:
				a.Choices[i].Err = of
			case rewards.Embed:
				a.Vectors[i].Err = of
			case rewards.Tokenize:
				a.Tokenized[i].Err = of
			case rewards.Logprobs:
				a.Logprobs[i].Err = of
			default:
				a.Results[i] = rewards.Result{Err: of}
			}
		}
		return a, err
	}}
}

// TestTagsComeBackUntouched: on every route, beside a result and beside an error, in the bytes in which they were sent.
func TestTagsComeBackUntouched(t *testing.T) {
	const (
		tag   = `"id":"row \u00e9 <&>","metadata":{"b":[1.0,1e400,12345678901234567890],"b":null,"a":"\ud800 ` + "\u2028" + `"}`
		other = `"id":-7,"metadata":"x"`
	)
	items := `{"items":[{"prompt":"p","response":"r",` + tag + `},{"prompt":"p","response":"\ud800",` + other + `},{"prompt":"p","response":"r"}]}`
	s := newServer(t, refusing(), Options{})
	for _, test := range []struct {
		path, body string
		tags       int // of the answer
	}{
		{"/v1/score", items, 1},
		{"/v1/steps", items, 1},
		{"/v1/choose", items, 1},
		{"/v1/logprobs", items, 1},
		{"/v1/tokenize", items, 1},
		{"/v1/rank", `{` + tag + `,"prompt":"p","responses":["a","\ud800","c"],"tags":[{` + tag + `},{` + other + `},{}]}`, 2},
		{"/v1/compare", `{` + tag + `,"prompt":"p","responses":["a","\ud800","c"],"tags":[{` + tag + `},{` + other + `},{}]}`, 2},
		{"/v1/compare", `{` + tag + `,"pairs":[{"prompt":"p","chosen":"a","rejected":"b",` + tag + `},{"prompt":"p","chosen":"a","rejected":"\ud800",` + other + `}]}`, 2},
		{"/v1/embeddings", `{"input":["a","\ud800","c"],"tags":[{` + tag + `},{` + other + `},{}]}`, 1},
	} {
		got := do(t, s, "POST", test.path, test.body)
		text := string(got.body)
		if got.status != http.StatusOK || strings.Count(text, tag) != test.tags || strings.Count(text, other+`,"error":{"code":"bad_item"`) != 1 || strings.Count(text, `"id":"row`) != test.tags {
			t.Errorf("%s: %d %s", test.path, got.status, text)
		}
	}
}

// TestTagsDoNotReachTheEngine: a request with tags is asked as one without.
func TestTagsDoNotReachTheEngine(t *testing.T) {
	var asked []rewards.Request
	var calm fakeEngine
	s := newServer(t, &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		asked = append(asked, r)
		return calm.Ask(ctx, r)
	}}, Options{})
	with := do(t, s, "POST", "/v1/score", `{"items":[{"text":"a","id":1,"metadata":2}]}`)
	without := do(t, s, "POST", "/v1/score", `{"items":[{"text":"a"}]}`)
	if len(asked) != 2 || !cmp.Equal(asked[0], asked[1]) {
		t.Errorf("%+v", asked)
	}
	if strings.Replace(string(with.body), `,"id":1,"metadata":2`, "", 1) != string(without.body) {
		t.Errorf("%s, and without tags %s", with.body, without.body)
	}
}

// TestColumnsAreNamed: on every route of items and of pairs, and nowhere where there are none.
func TestColumnsAreNamed(t *testing.T) {
	s := newServer(t, refusing(), Options{})
	const items = `{"items":[{"prompt":"p","response":"r","x":{"a":1}},{"prompt":"p","response":"\ud800","y":null,"x":0}]}`
	for path, body := range map[string]string{
		"/v1/score": items, "/v1/steps": items, "/v1/choose": items, "/v1/logprobs": items, "/v1/tokenize": items,
		"/v1/compare": `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b","x":{"a":1}},{"prompt":"p","chosen":"\ud800","rejected":"b","y":[]}]}`,
	} {
		got := do(t, s, "POST", path, body)
		if got.status != http.StatusOK || strings.Count(string(got.body), `"ignored":["x","y"]`) != 1 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := do(t, s, "POST", "/v1/score", oneItem); strings.Contains(string(got.body), "ignored") {
		t.Errorf("%s", got.body)
	}
}
