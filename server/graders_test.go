package server

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// TestGraders runs what a reward model can answer, and refuses a judge's prompt that it would not read.
func TestGraders(t *testing.T) {
	var seen rewards.Request
	result := rewards.Result{Raw: ops.Some(0.5), Score: 9}
	s := newServer(t, &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		seen = r
		a := fakeAnswer([]rewards.Result{result})
		a.Usage.Tokens = 7
		return a, nil
	}}, Options{})
	run := func(grader, sample, item string) string {
		seen = rewards.Request{}
		got := do(t, s, "POST", "/v1/fine_tuning/alpha/graders/run", fmt.Sprintf(`{"grader":%s,"model_sample":%q,"item":%s}`, grader, sample, item))
		return fmt.Sprintf("%d %s", got.status, strings.TrimSpace(string(got.body)))
	}
	model := func(input, more string) string {
		return `{"type":"score_model","name":"g","model":"gpt-4o","input":` + input + more + `}`
	}
	const talk = `[{"role":"developer","content":"Be {{ item.tone }}."},{"role":"user","content":{"type":"input_text","text":"{{item.q.text}} {{item.n}}"}},{"role":"assistant","content":"{{sample.output_text}}"}]`
	const flags = `"errors":{"formula_parse_error":false,"invalid_variable_error":false,"model_grader_parse_error":false,"model_grader_refusal_error":false,"model_grader_server_error":false,` +
		`"model_grader_server_error_details":null,"other_error":false,"python_grader_runtime_error":false,"python_grader_runtime_error_details":null,"python_grader_server_error":false,` +
		`"python_grader_server_error_type":null,"sample_parse_error":false,"truncated_observation_error":false,"unresponsive_reward_error":false},"execution_time":0,`
	want := `200 {"reward":0.5,"sub_rewards":{},"metadata":{"name":"g","type":"score_model",` + flags +
		`"scores":{"g":0.5},"token_usage":7,"sampled_model_name":null,"reward_model":"fake-rm","reward_digest":"sha256:0"},"model_grader_token_usage_per_model":{"fake-rm":7}}`
	if got := run(model(talk, ""), "42 {{item.n}}", `{"tone":"brief","q":{"text":"12 +"},"n":30}`); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	item := encode.Item{Messages: []chat.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "12 + 30"}, {Role: "assistant", Content: "42 {{item.n}}"}}}
	if diff := cmp.Diff(rewards.Request{Question: rewards.Score, Items: []encode.Item{item}}, seen); diff != "" {
		t.Errorf("a conversation (-want +got):\n%s", diff)
	}
	const judge = `[{"role":"system","content":"You are a strict judge."},{"role":"user","content":"Question: {{item.q}} Answer: {{ sample.output_text }} Give 0 to 1."}]`
	if got := run(model(judge, `,"range":[0,1]`), "42", `{"q":"12 + 30?"}`); !strings.HasPrefix(got, `200 {"reward":0.5,`) {
		t.Error(got)
	}
	if diff := cmp.Diff([]encode.Item{{Prompt: new("12 + 30?"), Response: new("42")}}, seen.Items); diff != "" {
		t.Errorf("a judge's prompt (-want +got):\n%s", diff)
	}
	check := func(operation string) string {
		return `{"type":"string_check","name":"c","input":"{{sample.output_text}}","reference":"{{item.a}}","operation":"` + operation + `"}`
	}
	for operation, reward := range map[string]string{"eq": "0", "ne": "1", "like": "0", "ilike": "1"} {
		if got := run(check(operation), "The Answer", `{"a":"answer"}`); !strings.HasPrefix(got, `200 {"reward":`+reward+`,"sub_rewards":{},"metadata":{"name":"c","type":"string_check"`) || seen.Items != nil {
			t.Errorf("%s: %s", operation, got)
		}
	}
	if got := run(check("eq"), "a", `{"a":"a"}`); !strings.HasPrefix(got, `200 {"reward":1,`) {
		t.Error(got)
	}
	for _, test := range []struct{ grader, item, want string }{
		{model(judge, ""), `{}`, "422 {{item.q}}: is neither {{sample.output_text}} nor a text, number or truth of item"},
		{model(judge, ""), `{"q":null}`, "422 {{item.q}}: is neither"},
		{model(judge, ""), `{"q":["a"]}`, "422 {{item.q}}: is neither"},
		{model(judge, `,"range":[1,2]`), `{"q":"a"}`, "422 grader.range: the reward is 0.5, outside of [1 2]"},
		{model(judge, `,"range":[1,0]`), `{"q":"a"}`, "422 grader.range: is [1 0], and must be two numbers, the lower first"},
		{model(`[{"role":"user","content":"{{item.q}} {{item.a}} {{sample.output_text}}"}]`, ""), `{"q":"a","a":"b"}`, "422 grader.input: a reward model reads a conversation, and no judge's prompt"},
		{model(`[{"role":"user","content":"{{item.q}}"}]`, ""), `{"q":"a"}`, "422 grader.input: a reward model reads a conversation"},
		{model(`[]`, ""), `{}`, "422 grader.input: must be a list of turns"},
		{model(`"a"`, ""), `{}`, "422 grader.input: must be a list of turns"},
		{check("regex"), `{}`, `422 grader.operation: "regex" is none of eq, ne, like and ilike`},
		{`{"type":"text_similarity","name":"s"}`, `{}`, `422 grader.type: "text_similarity" cannot be run here; score_model and string_check can`},
		{`{"type":"python","name":"s"}`, `{}`, `422 grader.type: "python" cannot be run here`},
		{`{"type":"multi","name":"s"}`, `{}`, `422 grader.type: "multi" cannot be run here`},
	} {
		got := run(test.grader, "42", test.item)
		status, detail, _ := strings.Cut(test.want, " ")
		if !strings.HasPrefix(got, status+` {"error":{"message":`+strings.TrimSuffix(jsonOf(detail), `"`)) {
			t.Errorf("%s: %s, want %s", test.grader, got, test.want)
		}
		if strings.HasPrefix(test.want, "422 grader.") && !strings.Contains(test.want, "the reward is") {
			if got := do(t, s, "POST", "/v1/fine_tuning/alpha/graders/validate", `{"grader":`+test.grader+`}`); got.status != 422 {
				t.Errorf("validate %s: %d %s", test.grader, got.status, got.body)
			}
		}
	}
	if got := do(t, s, "POST", "/v1/fine_tuning/alpha/graders/validate", `{"x":1,"grader":{"type":"score_model", "future":[1],"input":`+judge+`},"y":2}`); got.status != 200 ||
		string(got.body) != `{"grader":{"type":"score_model", "future":[1],"input":`+judge+`}}` {
		t.Errorf("validate: %d %s", got.status, got.body)
	}
	result = rewards.Result{Err: failure.New(fault.CodeTooLong, "9 tokens")}
	if got := run(model(judge, ""), "42", `{"q":"a"}`); !strings.HasPrefix(got, `413 {"error":{"message":"model_sample: 9 tokens"`) {
		t.Error(got)
	}
}

// TestGradersAreBounded refuses texts that a short body makes long, and an item over its bytes, before anything is
// asked.
func TestGradersAreBounded(t *testing.T) {
	s := newServer(t, &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		t.Error("the engine was asked")
		return rewards.Answer{}, nil
	}}, Options{})
	many := strings.Repeat("{{item.a}}", 100_000)
	talk := func(text string) string {
		return fmt.Sprintf(`{"type":"score_model","name":"g","input":[{"role":"user","content":%q},{"role":"assistant","content":"{{sample.output_text}}"}]}`, text)
	}
	for name, test := range map[string]struct{ grader, item, want string }{
		"a conversation": {talk(many), fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", 1000)), "grader: its texts have more than 4194304 bytes once their names are filled in"},
		"two texts": {
			fmt.Sprintf(`{"type":"string_check","name":"c","operation":"eq","input":%q,"reference":%q}`, many, many),
			fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", 25)), "grader: its texts have more than 4194304 bytes once their names are filled in",
		},
		"an item":      {talk("{{item.a}}"), fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", 1<<20)), "item: has 1048584 bytes, and the item of a grader may have 1048576"},
		"a deep item":  {talk("{{item.a}}"), `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", "item: lists and objects within each other: more than 64, the limit of depth"},
		"a wrong name": {talk("{{item.b}}" + many), fmt.Sprintf(`{"a":%q}`, strings.Repeat("a", 1000)), "{{item.b}}: is neither"},
	} {
		got := do(t, s, "POST", "/v1/fine_tuning/alpha/graders/run", fmt.Sprintf(`{"grader":%s,"model_sample":"42","item":%s}`, test.grader, test.item))
		if !strings.HasPrefix(string(got.body), `{"error":{"message":`+strings.TrimSuffix(jsonOf(test.want), `"`)) {
			t.Errorf("%s: %d %.200s", name, got.status, got.body)
		}
	}
}
