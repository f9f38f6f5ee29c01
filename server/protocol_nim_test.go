package server

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/wire"
)

// undated is a body without what differs from run to run.
func undated(got reply) string {
	return strings.TrimSpace(regexp.MustCompile(`"created":\d{10}`).ReplaceAllString(string(got.body), `"created":0`))
}

// labelled is a fake engine whose one model has several outputs.
type labelled struct {
	fakeEngine
	labels []string
}

func (e *labelled) Models() []rewards.ModelInfo {
	all := e.fakeEngine.Models()
	all[0].Manifest.Graph.Labels = e.labels
	return all
}

// TestRewardChatToTheByte: one output is the reward, and several are told in their order, as content and as logprobs.
func TestRewardChatToTheByte(t *testing.T) {
	const chat = `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"is -205"}]`
	s := newServer(t, doorEngine(), Options{})
	head := `{"id":"chatcmpl-a1","object":"chat.completion","created":0,"model":"fake-rm","digest":"sha256:0","choices":[{"index":0,"message":{"role":"assistant","content":`
	for body, want := range map[string]string{
		`{"model":"nvidia/nemotron-reward",` + chat + `,"max_tokens":1,"logprobs":true,"stream":false,"n":1,"temperature":null}`: head +
			`"reward:-25.625"},"logprobs":{"content":[{"token":"reward","logprob":-25.625,"bytes":null,"top_logprobs":[]}]},"finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":3,"completion_tokens":0,"total_tokens":3}}`,
	} {
		for _, path := range []string{"/v1/chat/completions", "/chat/completions"} {
			if got := do(t, s, "POST", path, body, "X-Request-Id", "a1"); got.status != 200 || undated(got) != want {
				t.Errorf("%s %s: %d %s\nwant %s", path, body, got.status, undated(got), want)
			}
		}
	}
	parts := decoded[wire.RewardChatAnswer](t, do(t, s, "POST", "/v1/chat/completions",
		`{"messages":[{"role":"user","content":[{"type":"text","text":"u"}]},{"role":"assistant","content":[{"type":"text","text":"is -205"}],"tool_calls":null,"refusal":null}]}`))
	if got := parts.Choices[0].Message.Content; got != "reward:-25.625" {
		t.Errorf("content as parts: %s", got)
	}
	several := &labelled{labels: []string{"helpfulness", "verbosity", "coherence"}}
	several.score = func(context.Context, rewards.Request) (rewards.Answer, error) {
		return fakeAnswer([]rewards.Result{{Score: 9, Raw: ops.Some(9), Logits: map[string]float64{"verbosity": 0.5, "coherence": 3.3125, "helpfulness": 1.6171875}}}), nil
	}
	got := decoded[wire.RewardChatAnswer](t, do(t, newServer(t, several, Options{}), "POST", "/v1/chat/completions", "{"+chat+"}"))
	if content := got.Choices[0].Message.Content; content != "helpfulness:1.6171875,verbosity:0.5,coherence:3.3125" || len(got.Choices[0].Logprobs.Content) != 3 {
		t.Errorf("several outputs: %+v", got.Choices[0])
	}
}

// TestRankingsToTheByte: under each path, whose model stands in the body or in the path.
func TestRankingsToTheByte(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	const passages = `"query":{"text":"q"},"passages":[{"text":"is 4"},{"text":"is 24"},{"text":"is 8"}]`
	const want = `{"id":"ranking-a1","model":"fake-rm","digest":"sha256:0","rankings":[{"index":1,"logit":3},{"index":2,"logit":1}],"usage":{"prompt_tokens":9,"total_tokens":9}}`
	for _, path := range []string{"/v1/ranking", "/v1/retrieval/fake-rm/reranking", "/v1/retrieval/nvidia/fake-rm/reranking"} {
		for _, most := range []string{"top_k", "top_n"} {
			got := do(t, s, "POST", path, `{"model":"nvidia/x",`+passages+`,"truncate":"END","`+most+`":2}`, "X-Request-Id", "a1")
			if got.status != 200 || undated(got) != want {
				t.Errorf("%s: %d %s", path, got.status, undated(got))
			}
		}
	}
}

// TestNIMProblems are OpenAI's, with our sentence and our code.
func TestNIMProblems(t *testing.T) {
	engine := doorEngine()
	score := engine.score
	engine.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if len(r.Items) > 0 && strings.HasSuffix(doorText(&r.Items[0]), "full") {
			return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
		}
		return score(ctx, r)
	}
	s := newServer(t, engine, Options{MaxItems: 2})
	for _, test := range []struct {
		path, body       string
		status           int
		code, kind, want string
	}{
		{"/v1/chat/completions", `{"messages":[{"role":"assistant","content":"is 1"},{"role":"user","content":"u"}]}`, 422, "invalid_field", "invalid_request_error", `messages: the last turn is of "user", and must be the assistant's, which is what is scored`},
		{"/v1/chat/completions", `{"messages":[{"role":"assistant","content":"is long"}]}`, 413, "too_long", "invalid_request_error", "messages: the item has 4 tokens"},
		{"/v1/chat/completions", `{"messages":[{"role":"assistant","content":"full"}]}`, 429, "queue_full", "rate_limit_error", ""},
		{"/v1/chat/completions", `{"messages":[{"role":"assistant","content":"is 1"}],"stream":true}`, 422, "invalid_field", "invalid_request_error", "stream: a reward is one answer"},
		{"/v1/chat/completions", `{"messages":[`, 400, "bad_json", "invalid_request_error", "the body ends"},
		{"/v1/ranking", `{"query":{"text":"q"},"passages":[{"text":"is 1"},{"text":"x"}]}`, 422, "bad_item", "invalid_request_error", `passages[1]: "x" is no item`},
		{"/v1/ranking", `{"query":{"text":"q"},"passages":[{"text":"a"},{"text":"b"},{"text":"c"}]}`, 413, "too_many_items", "invalid_request_error", "passages: more than 2, the limit of a request"},
	} {
		got := do(t, s, "POST", test.path, test.body)
		p := decoded[wire.OpenAIProblem](t, got).Error
		if got.status != test.status || p.Code != test.code || p.Type != test.kind || !strings.HasPrefix(p.Message, test.want) {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
	}
	if got := do(t, s, "PUT", "/v1/chat/completions", ""); got.status != http.StatusMethodNotAllowed || decoded[wire.OpenAIProblem](t, got).Error.Code != "method_not_allowed" {
		t.Errorf("PUT: %d %s", got.status, got.body)
	}
}

// composing is a fake engine with a recipe.
type composing struct{ fakeEngine }

func (*composing) Recipes() []recipes.Served {
	return []recipes.Served{{Recipe: &recipes.Recipe{Name: "mixture"}}}
}

// TestOneListOfModelsServesAll: those who read models, those who read data, and those who ask for one by its name.
func TestOneListOfModelsServesAll(t *testing.T) {
	s := newServer(t, &composing{}, Options{})
	all := decoded[wire.ModelsAnswer](t, do(t, s, "GET", "/v1/models", ""))
	if all.Object != "list" || len(all.Data) != 1 || len(all.Models) != 1 || all.Data[0].ID != all.Models[0].Name || all.Data[0].Object != "model" || all.Data[0].Created < 1e9 {
		t.Errorf("%+v", all)
	}
	body := string(do(t, s, "GET", "/v1/models", "").body)
	for _, field := range []string{`"release_date":""`, `"description":""`, `"owned_by":"assay"`} {
		if !strings.Contains(body, field) {
			t.Errorf("no %s in %s", field, body)
		}
	}
	one := decoded[wire.ModelAnswer](t, do(t, s, "GET", "/v1/models/fake-rm", ""))
	if one.ID != "fake-rm" || one.ModelInfo == nil || one.Name != "fake-rm" || one.Answers[0] != "score" {
		t.Errorf("%+v", one)
	}
	if got := undated(do(t, s, "GET", "/v1/models/mixture", "")); got != `{"id":"mixture","object":"model","created":0,"owned_by":"assay"}` {
		t.Errorf("a recipe: %s", got)
	}
	got := do(t, s, "GET", "/v1/models/gpt", "")
	if p := decoded[wire.OpenAIProblem](t, got).Error; got.status != 404 || p.Code != "unknown_model" || p.Type != "not_found_error" || !strings.HasPrefix(p.Message, `model: "gpt" is none of ours`) {
		t.Errorf("nobody: %d %s", got.status, got.body)
	}
}
