package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// TestWhatFailedItemsDo: as the request asks for it, on every route.
func TestWhatFailedItemsDo(t *testing.T) {
	const bad = `"\ud800"`
	s := newServer(t, refusing(), Options{})
	items := func(texts ...string) string {
		return `"items":[{"text":` + strings.Join(texts, `},{"text":`) + `}]`
	}
	pairs := func(texts ...string) string {
		return `"pairs":[{"prompt":"p","rejected":"r","chosen":` + strings.Join(texts, `},{"prompt":"p","rejected":"r","chosen":`) + `}]`
	}
	for _, route := range []struct {
		path, list string
		body       func(texts ...string) string
	}{
		{"/v1/score", "items", items},
		{"/v1/steps", "items", items},
		{"/v1/choose", "items", items},
		{"/v1/logprobs", "items", items},
		{"/v1/tokenize", "items", items},
		{"/v1/rank", "responses", func(texts ...string) string { return `"prompt":"p","responses":[` + strings.Join(texts, ",") + `]` }},
		{"/v1/compare", "responses", func(texts ...string) string { return `"prompt":"p","responses":[` + strings.Join(texts, ",") + `]` }},
		{"/v1/compare", "pairs", pairs},
		{"/v1/embeddings", "input", func(texts ...string) string { return `"input":[` + strings.Join(texts, ",") + `]` }},
	} {
		none, some, all := route.body(`"a"`, `"b"`, `"c"`), route.body(`"a"`, bad, bad), route.body(bad, bad, bad)
		for body, want := range map[string]int{
			none: 200, some: 200, all: 422,
			`"on_error":"item",` + none: 200, `"on_error":"item",` + some: 200, `"on_error":"item",` + all: 200,
			`"on_error":"fail",` + none: 200, `"on_error":"fail",` + some: 422, `"on_error":"fail",` + all: 422,
		} {
			got := do(t, s, "POST", route.path, `{`+body+`}`)
			if got.status != want {
				t.Errorf("%s %s: %d %s", route.path, body, got.status, got.body)
				continue
			}
			failed := strings.Count(string(got.body), `"code":"bad_item"`)
			switch {
			case want != http.StatusOK && (strings.Contains(body, "fail") || route.path == "/v1/embeddings"):
				first := route.list + "[1]"
				if strings.Contains(body, all) {
					first = route.list + "[0]"
				}
				if p := ownRefusal(t, got); p.Code != "bad_item" || !strings.HasPrefix(p.Detail, first) || strings.Count(p.Detail, first) != 1 {
					t.Errorf("%s %s: %+v, want %s", route.path, body, p, first)
				}
			case strings.HasSuffix(body, none) && failed != 0 || strings.HasSuffix(body, some) && failed != 2 || strings.HasSuffix(body, all) && failed != 3:
				t.Errorf("%s %s: %d errors in %s", route.path, body, failed, got.body)
			}
		}
	}
}

// ownRefusal reads a problem of ours, which stands beside OpenAI's where a route speaks as OpenAI's API does.
func ownRefusal(t *testing.T, got reply) wire.Problem {
	t.Helper()
	if got.header.Get("Content-Type") == "application/problem+json" {
		return refusal(t, got)
	}
	var p wire.Problem
	if err := json.Unmarshal(got.body, &p); err != nil || p.Status != got.status {
		t.Errorf("%v: %d %s", err, got.status, got.body)
	}
	return p
}

// TestFailedItemsAreCounted: usage says how many there are.
func TestFailedItemsAreCounted(t *testing.T) {
	s := newServer(t, refusing(), Options{})
	for body, want := range map[string]int{`{"items":[{"text":"a"}]}`: 0, `{"items":[{"text":"a"},{"text":"\ud800"},{"text":"\ud800"}]}`: 2} {
		got := do(t, s, "POST", "/v1/score", body)
		if answer := decoded[wire.ScoreAnswer](t, got); answer.Usage.Failed != want || (want == 0) != !strings.Contains(string(got.body), "failed") {
			t.Errorf("%s: %s", body, got.body)
		}
	}
	if got := do(t, s, "POST", "/v1/embeddings", `{"input":["a","\ud800"]}`); decoded[wire.EmbeddingsAnswer](t, got).Usage.Failed != 1 {
		t.Errorf("%s", got.body)
	}
}

// TestAFailedRequestSaysWhenToTryAgain: the problem is the first failed item's, its status and its advice too, and
// nothing of its cause is told.
func TestAFailedRequestSaysWhenToTryAgain(t *testing.T) {
	s := newServer(t, &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		a := fakeAnswer(fakeResults(3))
		full := failure.New(failure.CodeQueueFull, "the queue is full")
		full.RetryAfter, full.Cause = 7*time.Second, context.Canceled
		a.Results[1] = rewards.Result{Err: full}
		a.Results[2] = rewards.Result{Err: failure.New(failure.CodeDeadline, "late")}
		return a, nil
	}}, Options{})
	got := do(t, s, "POST", "/v1/score", `{"on_error":"fail","items":[{"text":"a"},{"text":"b"},{"text":"c"}]}`)
	if p := refusal(t, got); got.status != http.StatusTooManyRequests || p.Detail != "items[1]: the queue is full" || got.header.Get("Retry-After") != "7" {
		t.Errorf("%d %s %v", got.status, got.body, got.header)
	}
}
