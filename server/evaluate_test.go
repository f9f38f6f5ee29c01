package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// TestEvaluate answers what Eval Protocol's client posts, to the byte; whatever it answers with 200 the client takes
// for a score.
func TestEvaluate(t *testing.T) {
	var seen rewards.Request
	engine := &severalEngine{fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		seen = r
		a := rewards.Answer{Question: r.Question, Model: "m", Digest: "d", Usage: rewards.Usage{Tokens: 7}}
		switch content := r.Items[0].Messages[len(r.Items[0].Messages)-1].Content; {
		case r.Question == rewards.Steps:
			a.Steps = []rewards.StepsResult{{Min: 0.25, Steps: []rewards.Step{{Score: ops.Some(0.5)}, {}, {Score: ops.Some(0.25)}}}}
		case content == "long":
			a.Results = []rewards.Result{{Err: failure.New(fault.CodeTooLong, "9 tokens")}}
		case content == "labels":
			a.Results = []rewards.Result{{Raw: ops.Some(2), Logits: map[string]float64{"help": 2, "harm": -1}}}
		default:
			a.Results = []rewards.Result{{Raw: ops.Some(0.5), Score: 9}}
		}
		return a, nil
	}}}
	s := newServer(t, engine, Options{})
	const info = `"error":null,"trajectory_info":{"model":"m","digest":"d","tokens":7}}`
	body := func(content, more string) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":%q}]%s}`, content, more)
	}
	for _, test := range []struct{ path, body, model, want string }{
		{"/evaluate", body("a", `,"ground_truth":[{"role":"user","content":"q"}]`), "", `200 {"score":0.5,"is_score_valid":true,"reason":null,"metrics":{},"step_outputs":null,` + info},
		{"/evaluate", body("a", `,"ground_truth":"42","kwargs":{"model":"labels"},"dataset":"x"`), "labels", `200 {"score":0.5,`},
		{"/evaluate", body("a", `,"model":"labels","kwargs":{"model":"other"}`), "labels", `200 {"score":0.5,`},
		{"/evaluate?model=labels", body("a", `,"model":"other"`), "labels", `200 {"score":0.5,`},
		{"/evaluate", body("a", `,"model":"accounts/me/my-evaluator"`), "", `200 {"score":0.5,`},
		{"/evaluate", body("labels", ""), "", `200 {"score":2,"is_score_valid":true,"reason":null,"metrics":{"harm":{"score":-1,"is_score_valid":true,"success":true,"reason":""},` +
			`"help":{"score":2,"is_score_valid":true,"success":true,"reason":""}},"step_outputs":null,` + info},
		{"/evaluate", body("a\n\nb\n\nc", `,"model":"steps"`), "steps", `200 {"score":0.25,"is_score_valid":true,"reason":null,"metrics":{},"step_outputs":[{"step_index":0,"base_reward":0.5,"terminated":false,"metrics":{}},` +
			`{"step_index":2,"base_reward":0.25,"terminated":false,"metrics":{}}],` + info},
		{"/evaluate", body("long", ""), "", `413 {"detail":"messages: 9 tokens"}`},
		{"/evaluate", `{"messages":[]}`, "", `422 {"detail":"messages: must hold at least one turn"}`},
		{"/evaluate", `{"messages":"a"}`, "", `422 {"detail":"messages: expected array, got \"a\""}`},
		{"/evaluate", `{`, "", `400 {"detail":"the body ends inside its JSON value"}`},
	} {
		seen = rewards.Request{}
		got := do(t, s, "POST", test.path, test.body)
		if text := fmt.Sprintf("%d %s", got.status, strings.TrimSpace(string(got.body))); !strings.HasPrefix(text, test.want) || seen.Model != test.model {
			t.Errorf("%s %s, model %q: %s, want %s", test.path, test.body, seen.Model, text, test.want)
		}
		if seen.Question == rewards.Steps && *seen.Items[0].Separator != "\n\n" {
			t.Errorf("separator %q", *seen.Items[0].Separator)
		}
	}
}
