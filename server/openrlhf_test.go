package server

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// rewardByLength scores text by its length, and remembers the request.
func rewardByLength(seen *rewards.Request) *fakeEngine {
	return &fakeEngine{score: func(_ context.Context, request rewards.Request) (rewards.Answer, error) {
		*seen = request
		results := make([]rewards.Result, len(request.Items))
		for i, item := range request.Items {
			n := len(*item.Text)
			results[i] = rewards.Result{Score: float64(n) / 2, Raw: ops.Some(float64(n)), Tokens: rewards.Tokens{Tokens: n, Truncated: 1}}
			if *item.Text == "long" {
				results[i] = rewards.Result{Err: failure.New(fault.CodeTooLong, "the item has 4 tokens")}
			}
		}
		return fakeAnswer(results), nil
	}}
}

func TestGetReward(t *testing.T) {
	const two = `{"rewards":[2,1.5],"scores":[2,1.5],"extra_logs":{"raw":[4,3],"tokens":[4,3],"truncated":[1,1]}}`
	const none = `{"rewards":[],"scores":[],"extra_logs":{"raw":[],"tokens":[],"truncated":[]}}`
	var seen rewards.Request
	s := newServer(t, rewardByLength(&seen), Options{})
	for name, test := range map[string]struct{ path, body, want string }{
		"0.9 and later":     {"/get_reward", `{"query":["abcd","abc"],"prompts":["ab","ab"],"labels":["4",null]}`, two},
		"before 0.6.0":      {"/get_reward", `{"query":["abcd","abc"],"prompts":["ab","ab"]}`, two},
		"lmm-r1":            {"/get_reward", `{"query":["abcd","abc"]}`, two},
		"labels of any":     {"/get_reward", `{"query":["abcd","abc"],"labels":[{"a":1},[2]],"prompts":null}`, two},
		"unknown keys":      {"/get_reward", `{"future":{"a":[null]},"query":["abcd","abc"]}`, two},
		"empty shard":       {"/get_reward", `{"query":[],"prompts":[],"labels":[]}`, none},
		"chosen in the URL": {"/get_reward?model=m&truncate=right", `{"query":["abcd","abc"]}`, two},
	} {
		response := do(t, s, "POST", test.path, test.body)
		if got := strings.TrimSpace(string(response.body)); response.status != 200 || got != test.want {
			t.Errorf("%s: %d %s", name, response.status, got)
		}
	}
	do(t, s, "POST", "/get_reward?model=m&truncate=right", `{"query":["a"]}`)
	want := rewards.Request{
		Question: rewards.Score, Model: "m", Kind: manifest.KindReward, Truncate: "right", Items: []encode.Item{{Text: new("a")}},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestGetRewardNeverInventsAReward(t *testing.T) {
	var seen rewards.Request
	s := newServer(t, rewardByLength(&seen), Options{})
	for _, test := range []struct {
		path, body string
		status     int
		detail     string
	}{
		{"/get_reward", `{"query":["ab","long","ab"]}`, 413, "query[1]: the item has 4 tokens"},
		{"/get_reward", `{}`, 422, "query: null"},
		{"/get_reward", `{"prompts":["a"]}`, 422, "body: expected required property query"},
		{"/get_reward", `{"query":null}`, 422, "query: expected array, got null"},
		{"/get_reward", `{"query":["a",null]}`, 422, "query[1]: expected string, got null"},
		{"/get_reward", `{"query":["a",5]}`, 422, "query[1]: expected string, got 5"},
		{"/get_reward", `{"query":"a"}`, 422, "query: expected array"},
		{"/get_reward", `{"query":["a"],"query":[null]}`, 422, "query: given twice"},
		{"/get_reward", `[]`, 422, "body: expected object"},
		{"/get_reward", `{"query":["a"]`, 400, "the body ends inside"},
		{"/get_reward?truncat=right", `{"query":["a"]}`, 422, "truncat: unknown in the URL"},
		{"/get_reward?model=a&model=b", `{"query":["a"]}`, 422, "model: given 2 times"},
	} {
		p := refusal(t, do(t, s, "POST", test.path, test.body))
		if p.Status != test.status || (!strings.HasPrefix(p.Detail, test.detail) && test.body != `{}`) {
			t.Errorf("%s %s: %+v", test.path, test.body, p)
		}
	}
}

// TestGetRewardLeavesFeatureModelsOut: they never read a query, so the one model of text needs no name.
func TestGetRewardLeavesFeatureModelsOut(t *testing.T) {
	s := realServer(t, "../heads/judge", "qwen2-reward-packed")
	if got := do(t, s, "POST", "/get_reward", `{"query":["a"]}`); got.status != 200 || !strings.Contains(string(got.body), `"rewards":[`) {
		t.Errorf("one model of text: %d %s", got.status, got.body)
	}
	if p := refusal(t, do(t, s, "POST", "/get_reward?model=judge", `{"query":["a"]}`)); p.Status != 422 || !strings.Contains(p.Detail, `model "judge" reads features`) {
		t.Errorf("a feature model by its name: %+v", p)
	}
	if p := refusal(t, do(t, s, "POST", "/v1/score", `{"items":[{"text":"a"}]}`)); p.Code != fault.CodeModel {
		t.Errorf("score without a name: %+v", p)
	}
}
