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

// TestORSSession answers what openreward's client sends around a group.
func TestORSSession(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{})
	for _, test := range []struct{ method, path, want string }{
		{"POST", "/create_session", "event: task_id\ndata: abc\n\nevent: end\ndata: \n\n"},
		{"POST", "/create", `{"sid":"s-1","status":"ok"}` + "\n"},
		{"POST", "/ping", `{"sid":"s-1","status":"ok"}` + "\n"},
		{"POST", "/delete", `{"sid":"s-1","status":"ok"}` + "\n"},
		{"POST", "/delete_session", `{"sid":"s-1","status":"ok"}` + "\n"},
		{"GET", "/tools", `{"tools":[],"terminal_tool":null,"supports_score_group":true,"message_block_types":["text","reasoning"]}` + "\n"},
		{"GET", "/fake-rm/tools", `{"tools":[],"terminal_tool":null,"supports_score_group":true,"message_block_types":["text","reasoning"]}` + "\n"},
	} {
		got := do(t, s, test.method, test.path, "", "X-Session-ID", "s-1", "X-Request-Id", "abc")
		if got.status != 200 || string(got.body) != test.want {
			t.Errorf("%s %s: %d %q", test.method, test.path, got.status, got.body)
		}
	}
	if got := do(t, s, "GET", "/fake-rm/task_tools", ""); got.status != 404 { // the client asks for tools then
		t.Errorf("task_tools: %d %s", got.status, got.body)
	}
}

// TestORSScoreGroup: candidates with one prompt are ranked, others scored, and one that failed refuses the group.
func TestORSScoreGroup(t *testing.T) {
	var seen rewards.Request
	results := fakeResults(2)
	s := newServer(t, &fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		seen = r
		a := fakeAnswer(results)
		a.Question = r.Question
		return a, nil
	}}, Options{})
	turn := func(role, text string) string {
		return fmt.Sprintf(`{"role":%q,"blocks":[{"type":"text","text":%q}]}`, role, text)
	}
	group := func(candidates ...string) string {
		return `{"candidates":[{"messages":[` + strings.Join(candidates, `],"metadata":{"i":1}},{"messages":[`) + `]}]}`
	}
	same := group(turn("user", "q")+","+turn("assistant", "a"), turn("user", "q")+`,{"role":"assistant","blocks":[{"type":"reasoning","text":"hm"},{"type":"text","text":"b"},{"text":"c"}]}`)
	results[1] = rewards.Result{Score: 0.75, Parts: []rewards.Part{{Name: "r", Score: ops.Some(1)}}}
	const want = "event: task_id\ndata: abc\n\nevent: end\ndata: " + `{"scores":[{"reward":0.25,"metadata":{"model":"fake-rm","digest":"sha256:0","raw":0.25}},` +
		`{"reward":0.75,"metadata":{"model":"fake-rm","digest":"sha256:0","components":{"r":1}}}]}` + "\n\n"
	got := do(t, s, "POST", "/fake-rm/score_group", same, "X-Request-Id", "abc")
	if got.status != 200 || string(got.body) != want {
		t.Errorf("%d %s", got.status, got.body)
	}
	ranked := rewards.Request{Question: rewards.Rank, Model: "fake-rm", Groups: []rewards.Group{{Messages: []chat.Message{{Role: "user", Content: "q"}}, Responses: []string{"a", "bc"}}}}
	if diff := cmp.Diff(ranked, seen); diff != "" {
		t.Errorf("one prompt (-want +got):\n%s", diff)
	}
	do(t, s, "POST", "/score_group", group(turn("user", "q")+","+turn("assistant", "a"), turn("user", "other")+","+turn("assistant", "b")), "X-Deployment", "me/fake-rm")
	scored := rewards.Request{Question: rewards.Score, Model: "fake-rm", Items: []encode.Item{
		{Messages: []chat.Message{{Role: "user", Content: "q"}, {Role: "assistant", Content: "a"}}}, {Messages: []chat.Message{{Role: "user", Content: "other"}, {Role: "assistant", Content: "b"}}},
	}}
	if diff := cmp.Diff(scored, seen); diff != "" {
		t.Errorf("two prompts (-want +got):\n%s", diff)
	}
	if do(t, s, "POST", "/other/score_group?model=fake-rm", same); seen.Model != "fake-rm" {
		t.Errorf("the URL names the model: %q", seen.Model)
	}
	results = append(results, rewards.Result{Err: failure.New(fault.CodeTooLong, "9 tokens")})
	for body, want := range map[string]string{
		same:                          `413 {"detail":"candidates[2]: 9 tokens"}`,
		group(turn("assistant", "a")): `422 {"detail":"candidates[0].messages: must hold the turns of the task, and the assistant's last: nothing is kept of a session's task"}`,
		group(turn("user", "a")):      `422 {"detail":"candidates[0].messages: must hold the turns`,
		`{"candidates":[]}`:           `422 {"detail":"candidates: must hold at least one candidate"}`,
		`{"candidates":[{}]}`:         `422 {"detail":"candidates[0]: expected required property messages to be present"}`,
		strings.ReplaceAll(same, `"reasoning"`, `"tool_call"`): `422 {"detail":"candidates[1].messages[1].blocks[0]: is a tool_call, and a reward model reads texts only"}`,
	} {
		got := do(t, s, "POST", "/fake-rm/score_group", body)
		if text := fmt.Sprintf("%d %s", got.status, got.body); !strings.HasPrefix(text, want) {
			t.Errorf("%s: %s, want %s", body, text, want)
		}
	}
	results = fakeResults(100) // in several events
	for i := range results {
		results[i].Parts = []rewards.Part{{Name: strings.Repeat("é ", i), Score: ops.Some(float64(i))}}
	}
	scores, err := orsScores(do(t, s, "POST", "/fake-rm/score_group", same))
	if err != nil || len(scores) != 100 || scores[99].Metadata.Components[strings.Repeat("é ", 99)] != 99 {
		t.Errorf("%d scores, %v", len(scores), err)
	}
}
