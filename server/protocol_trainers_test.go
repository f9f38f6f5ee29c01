package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

func TestSlime(t *testing.T) {
	var seen rewards.Request
	s := newServer(t, remembering(&seen), Options{})
	reward := func(item encode.Item) rewards.Request {
		return rewards.Request{Question: rewards.Score, Kind: manifest.KindReward, Items: []encode.Item{item}}
	}
	p, is, both := "p ", "is 8", "p is 8"
	turns := []chat.Message{{Role: "user", Content: "p"}, {Role: "assistant", Content: "is 8"}}
	for _, test := range []struct {
		path, body, answer string
		want               rewards.Request
	}{
		{"/slime", `{"prompt":"p ","response":"is 8","label":"x"}`, `1`, reward(encode.Item{Prompt: &p, Response: &is})},
		{"/slime/", `{"prompt":"p ","response":"is 8","label":null,"metadata":{"a":1}}`, `1`, reward(encode.Item{Prompt: &p, Response: &is})},
		{"/slime?label=reference", `{"prompt":"p ","response":"is 8","label":"x"}`, `1`, reward(encode.Item{Prompt: &p, Response: &is, Reference: new("x")})},
		{"/slime?rendered=true", `{"prompt":"p ","response":"is 8"}`, `1`, reward(encode.Item{Text: &both})},
		{
			"/slime?object=true", `{"prompt":[{"role":"user","content":"p"}],"response":"is 8"}`,
			`{"score":1,"raw":1,"tokens":3,"model":"fake-rm","digest":"sha256:0"}`, reward(encode.Item{Messages: turns}),
		},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if body := strings.TrimSpace(string(got.body)); got.status != 200 || body != test.answer || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", test.path, got.status, body)
		}
		if diff := cmp.Diff(test.want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.path, diff)
		}
	}
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/slime", `{"prompt":"p","response":"is long"}`, 413, "response: the item has 4 tokens"},
		{"/slime", `{"prompt":"p"}`, 422, "body: expected required property response"},
		{"/slime", `{"prompt":null,"response":"a"}`, 422, "prompt: expected array, got null"},
		{"/slime?rendered=true", `{"prompt":[],"response":"a"}`, 422, "prompt: is a conversation"},
		{"/slime?object=1", `{"prompt":"p","response":"a"}`, 422, `object: "1" in the URL is neither`},
		{"/slime?label=x", `{"prompt":"p","response":"a"}`, 422, "label: in the URL may be reference alone"},
		{"/slime?mode=x", `{"prompt":"p","response":"a"}`, 422, "mode: unknown in the URL; it takes model, truncate, rendered, label and object"},
		{"/slime/other", `{}`, 404, "no route has the path"},
	} {
		if p := refusal(t, do(t, s, "POST", test.path, test.body)); p.Status != test.status || !strings.HasPrefix(p.Detail, test.want) {
			t.Errorf("%s %s: %+v", test.path, test.body, p)
		}
	}
}

func TestLLaMAFactory(t *testing.T) {
	s := newServer(t, doorEngine(), Options{MaxItems: 2})
	got := do(t, s, "POST", "/v1/score/evaluation?truncate=right", `{"model":"model","messages":["is 8","is 12"]}`, "X-Request-Id", "r")
	const want = `{"id":"scoreval-r","object":"score.evaluation","model":"fake-rm","digest":"sha256:0","scores":[1,1.5]}`
	if body := strings.TrimSpace(string(got.body)); got.status != 200 || body != want {
		t.Errorf("%d %s", got.status, body)
	}
	for body, want := range map[string]string{
		`{"model":"model","messages":["is 8","is long"]}`:       "messages[1]: the item has 4 tokens",
		`{"model":"model","messages":[]}`:                       "messages: must hold at least one text",
		`{"model":"model"}`:                                     "body: expected required property messages",
		`{"model":"model","messages":["a","b","c"]}`:            "messages: more than 2, the limit of a request",
		`{"model":"model","messages":["is 8"],"max_length":64}`: "max_length: would cut a text in silence",
	} {
		got := do(t, s, "POST", "/v1/score/evaluation", body)
		if p := decoded[wire.EmbeddingsProblem](t, got); got.status < 400 || !strings.HasPrefix(p.Error.Message, want) || strings.Contains(string(got.body), `"scores"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
}

// TestOpenRGetsTheStepsOfTheNativeRoute: by the address that the controller gives, in both forms of a body.
func TestOpenRGetsTheStepsOfTheNativeRoute(t *testing.T) {
	s := embeddedServer(t)
	const question = "What is 12 + 30 - 5?"
	steps := []string{"12 + 30 = 42", "42 - 5 = 38"}
	body := asJSON(t, map[string]any{"model": "arith-prm", "items": []any{map[string]any{"prompt": question, "steps": steps}}})
	native := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", body))
	seen := decoded[wire.TokenizeAnswer](t, do(t, s, "POST", "/v1/tokenize", body))
	want := []*float64{native.Results[0].Steps[0].Score, native.Results[0].Steps[1].Score}

	address := func(model string) string {
		return decoded[wire.OpenRAddressAnswer](t, do(t, s, "POST", "/get_worker_address", asJSON(t, map[string]any{"model": model}))).Address
	}
	if got := []string{address("arith-prm"), address("math-shepherd-mistral-7b-prm"), address("arith-rm")}; !cmp.Equal(got, []string{"http://example.com/openr/arith-prm", "http://example.com/openr/arith-prm", ""}) {
		t.Errorf("%q", got)
	}
	for _, path := range []string{"/worker_value_inference", "/openr/arith-prm/worker_value_inference"} {
		for name, of := range map[string]map[string]any{
			"texts":   {"input_str": []string{seen.Results[0].Text, seen.Results[0].Text}},
			"answers": {"Q": question, "A": []string{"12 + 30 = 42 ки\n42 - 5 = 38 ки", "12 + 30 = 42 ки 42 - 5 = 38 ки\n"}, "format": "{question} {answer}", "prm_step_tag": "ки"},
		} {
			got, err := readValues(do(t, s, "POST", path, asJSON(t, of)))
			if diff := cmp.Diff([][]*float64{want, want}, got); err != nil || diff != "" {
				t.Errorf("%s, %s: %v %s", path, name, err, diff)
			}
		}
		one := do(t, s, "POST", path, asJSON(t, map[string]any{"input_str": seen.Results[0].Text}))
		var flat struct {
			Input string
			Value []*float64
		}
		if err := json.Unmarshal(one.body, &flat); err != nil || flat.Input != seen.Results[0].Text || !cmp.Equal(flat.Value, want) {
			t.Errorf("%v %s", err, one.body)
		}
	}
	got := do(t, s, "POST", "/worker_value_inference", asJSON(t, map[string]any{"input_str": []string{"no mark", seen.Results[0].Text}}))
	var mixed wire.OpenRAnswer
	if err := json.Unmarshal(got.body, &mixed); err != nil || got.status != 200 || mixed.Value.([]any)[0] != nil || mixed.Errors[0].Code != "no_separator" || mixed.Errors[1] != nil {
		t.Errorf("%v %d %s", err, got.status, got.body)
	}
	for body, want := range map[string]wire.OpenRProblem{
		`{"input_str":"no mark"}`:    {Text: "input_str: the item has no step separator", Code: 40001, Reason: "no_separator"},
		`{"Q":"q","A":"a"}`:          {Text: "prm_step_tag: must be there", Code: 40001, Reason: "invalid_field"},
		`{"Q":"q"}`:                  {Text: "body: expected input_str, or Q with A", Code: 40001, Reason: "invalid_field"},
		`{"input_str":["a"],"Q":""}`: {Text: "body: expected input_str, or Q with A", Code: 40001, Reason: "invalid_field"},
	} {
		got := do(t, s, "POST", "/worker_value_inference", body)
		if p := decoded[wire.OpenRProblem](t, got); got.status < 400 || p.Code != want.Code || p.Reason != want.Reason || !strings.HasPrefix(p.Text, want.Text) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := do(t, s, "POST", "/openr/none", `{}`); got.status != http.StatusNotFound || !strings.Contains(string(got.body), `"error_code":40001`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
