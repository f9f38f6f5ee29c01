package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// gymRow is a body of POST /verify, as an agent of NeMo Gym 0.7 sends it for a row with fields of its own.
const gymRow = `{"responses_create_params": {"input": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": [{"type": "input_text", "text": "12 + "}, {"type": "input_text", "text": "30?"}], "type": "message"}], "temperature": 1.0},
"verifier_metadata": {"answer": "42", "b": [1e2, null]}, "_ng_task_index": 3, "reward": 7, "\u0072eward_components": {"old": 1},
"response": {"id": "resp_1", "object": "response", "output": [{"type": "reasoning", "id": "rs_1", "summary": []}, {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "4", "annotations": []}, {"type": "output_text", "text": "2"}]}]}}`

// TestGymVerify gives the row back untouched, with the reward in the place of whatever it had.
func TestGymVerify(t *testing.T) {
	var seen rewards.Request
	result := rewards.Result{Score: 9, Raw: ops.Some(0.5)}
	engine := &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		seen = r
		one := result
		if why := r.Refused[0]; why != nil {
			one = rewards.Result{Err: failure.Of(why)}
		}
		if r.Model == "full" {
			return rewards.Answer{}, &models.QueueFullError{Items: 1, MaxItems: 1}
		}
		return fakeAnswer([]rewards.Result{one}), nil
	}}
	s := newServer(t, engine, Options{})
	verify := func(path, body string) (row map[string]json.RawMessage, text string) {
		t.Helper()
		got := do(t, s, "POST", path, body)
		if got.status != 200 || got.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return decoded[map[string]json.RawMessage](t, got), string(got.body)
	}
	_, text := verify("/verify", gymRow)
	var before, after map[string]any
	_ = json.Unmarshal([]byte(gymRow), &before)
	_ = json.Unmarshal([]byte(text), &after)
	delete(before, "reward_components")
	before["reward"], before["reward_model"], before["reward_digest"] = 0.5, "fake-rm", "sha256:0"
	if diff := cmp.Diff(before, after); diff != "" || strings.Count(text, `"reward"`) != 1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := []chat.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "12 + 30?"}, {Role: "assistant", Content: "42"}}
	if diff := cmp.Diff(want, seen.Items[0].Messages); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
	const plain = `{"responses_create_params":{"input":"q","instructions":"i"},"response":{"output":[{"role":"assistant","content":"a"}]}`
	verify("/verify", plain+`,"reward_model":"fake-rm"}`)
	if want := []chat.Message{{Role: "system", Content: "i"}, {Role: "user", Content: "q"}, {Role: "assistant", Content: "a"}}; seen.Model != "fake-rm" || !cmp.Equal(want, seen.Items[0].Messages) {
		t.Errorf("%+v", seen)
	}
	if verify("/verify?model=fake-rm", plain+`,"reward_model":"other"}`); seen.Model != "fake-rm" {
		t.Errorf("the URL names the model: %+v", seen)
	}
	result = rewards.Result{Score: 0.75, Parts: []rewards.Part{{Name: "rm", Score: ops.Some(1)}, {Name: "short", Score: ops.Some(-0.25)}, {Name: "unread"}}}
	if row, _ := verify("/verify", gymRow); string(row["reward"]) != "0.75" || string(row["reward_components"]) != `{"rm":1,"short":-0.25}` {
		t.Errorf("a recipe: %s", row)
	}
	result = rewards.Result{Raw: ops.Some(1), Logits: map[string]float64{"help": 1, "harm": 2}}
	if row, _ := verify("/verify", gymRow); string(row["reward_components"]) != `{"harm":2,"help":1}` {
		t.Errorf("labels: %s", row)
	}
	const failed = `"reward":0,"reward_model":"fake-rm","reward_digest":"sha256:0","_ng_failure_class":%q,%s"_ng_failure_judge_error":%q,"mask_sample":true%s}`
	for _, test := range []struct {
		err        *failure.Error
		body, want string
	}{
		{failure.New(fault.CodeTooLong, "9 tokens"), plain + `}`, fmt.Sprintf(failed, "verifier_error", `"_ng_failure_terminal":true,`, "too_long: 9 tokens", `,"instance_config":{"mask_sample":true}`)},
		{failure.New(fault.CodeNotFinite, "NaN"), plain + `,"instance_config":{"a":1},"mask_sample":false,"_ng_failure_class":"old"}`, fmt.Sprintf(failed, "judge_failed", "", "not_finite: NaN", "")},
		{nil, strings.Replace(plain, `{"role":"assistant"`, `{"type":"function_call","name":"f"},{"role":"assistant"`, 1) + `}`, fmt.Sprintf(failed, "verifier_error", `"_ng_failure_terminal":true,`,
			"bad_item: response.output[0]: is a function_call, and a reward model reads messages only", `,"instance_config":{"mask_sample":true}`)},
		{nil, `{"responses_create_params":{"input":[{"type":"function_call_output","output":"x"}]},"response":{"output":[]}}`, fmt.Sprintf(failed, "verifier_error", `"_ng_failure_terminal":true,`,
			"bad_item: responses_create_params.input[0]: is a function_call_output, and a reward model reads messages only", `,"instance_config":{"mask_sample":true}`)},
		{nil, `{"responses_create_params":{"input":"q"},"response":{"output":[{"type":"reasoning"}]}}`, fmt.Sprintf(failed, "verifier_error", `"_ng_failure_terminal":true,`,
			"bad_item: response.output: has no message", `,"instance_config":{"mask_sample":true}`)},
	} {
		result = rewards.Result{Err: test.err}
		if _, text := verify("/verify", test.body); !strings.HasSuffix(text, test.want) || strings.Count(text, `"mask_sample":`) > 2 {
			t.Errorf("%s, want %s", text, test.want)
		}
	}
	for body, want := range map[string]string{
		`{"response":{"output":[]}}`: `422 {"detail":"body: expected required property responses_create_params to be present"}`,
		`[]`:                         `422 {"detail":"body: expected object, got an array"}`,
		strings.Replace(plain, `"output"`, `"outputs"`, 1) + `}`: `422 {"detail":"response: expected required property output to be present"}`,
	} {
		if got := do(t, s, "POST", "/verify", body); fmt.Sprintf("%d %s", got.status, strings.TrimSpace(string(got.body))) != want {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

// TestGymSessions: there are none, and rollouts may be verified again.
func TestGymSessions(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	if got := do(t, s, "POST", "/seed_session", `{"verifier_metadata":{}}`); got.status != 200 || string(got.body) != "{}\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := do(t, s, "GET", "/reverify_mode", ""); got.status != 200 || string(got.body) != "\"stateless\"\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestGymMetrics: the numbers that pandas gives of the same rows by groupby, mean, max, min, median and std.
func TestGymMetrics(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	got := do(t, s, "POST", "/aggregate_metrics", `{"verify_responses":[
		{"_ng_task_index":1,"_ng_rollout_index":0,"reward":0.5,"ok":true,"response":{"usage":{"total_tokens":10}}},
		{"_ng_task_index":0,"_ng_rollout_index":0,"reward":-1,"reward_components":{"rm":2}},
		{"_ng_task_index":1,"_ng_rollout_index":1,"reward":1.25,"ok":false},
		{"_ng_task_index":1,"_ng_rollout_index":2,"reward":0,"_ng_failure_class":"judge_failed"},
		{"_ng_task_index":1,"_ng_rollout_index":3,"reward":2.5,"name":"x"}]}`)
	answer := decoded[map[string]json.RawMessage](t, got)
	var groups []map[string]float64
	var agent, key map[string]float64
	for name, into := range map[string]any{"group_level_metrics": &groups, "agent_metrics": &agent, "key_metrics": &key} {
		if err := json.Unmarshal(answer[name], into); err != nil {
			t.Fatal(err)
		}
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
	wantGroups := []map[string]float64{
		{
			"_ng_task_index": 0, "mean/reward": -1, "max/reward": -1, "min/reward": -1, "median/reward": -1, "std/reward": 0,
			"mean/reward_components/rm": 2, "max/reward_components/rm": 2, "min/reward_components/rm": 2, "median/reward_components/rm": 2, "std/reward_components/rm": 0,
		},
		{
			"_ng_task_index": 1, "mean/reward": 4.25 / 3, "max/reward": 2.5, "min/reward": 0.5, "median/reward": 1.25, "std/reward": 1.0103629710818451,
			"mean/ok": 0.5, "max/ok": 1, "min/ok": 0, "median/ok": 0.5, "std/ok": 0.7071067811865476,
			"mean/total_tokens": 10, "max/total_tokens": 10, "min/total_tokens": 10, "median/total_tokens": 10, "std/total_tokens": 0,
		},
	}
	if diff := cmp.Diff(wantGroups, groups, near); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if agent["mean/reward"] != 0.8125 || math.Abs(agent["std/reward"]-1.4630874888399532) > 1e-12 || agent["median/reward"] != 0.875 {
		t.Errorf("all: %v", agent)
	}
	if diff := cmp.Diff(map[string]float64{"mean/reward": 0.8125, "mean/ok": 0.5, "mean/total_tokens": 10, "mean/reward_components/rm": 2}, key, near); diff != "" {
		t.Errorf("key (-want +got):\n%s", diff)
	}
	if got := do(t, s, "POST", "/aggregate_metrics", `{"verify_responses":[]}`); string(got.body) != `{"group_level_metrics":[],"agent_metrics":{},"key_metrics":{}}`+"\n" {
		t.Errorf("no rows: %d %s", got.status, got.body)
	}
	var many strings.Builder
	for i := range 257 {
		fmt.Fprintf(&many, `,"n%d":1`, i)
	}
	if got := do(t, s, "POST", "/aggregate_metrics", `{"verify_responses":[{`+many.String()[1:]+`}]}`); got.status != 413 ||
		string(got.body) != `{"detail":"verify_responses[0].n256: more than 256, the limit of a row's numbers"}`+"\n" {
		t.Errorf("numbers of a row: %d %s", got.status, got.body)
	}
}
