package server

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// remembering is the engine of doors, which keeps the last request.
func remembering(seen *rewards.Request) *fakeEngine {
	of := doorEngine()
	score := of.score
	of.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		*seen = r
		return score(ctx, r)
	}
	return of
}

// TestVLLMRequestsMeanWhatTheyMeanThere: every form of input, and every name of a field, becomes the native request.
func TestVLLMRequestsMeanWhatTheyMeanThere(t *testing.T) {
	text := func(texts ...string) (items []encode.Item) {
		for i := range texts {
			items = append(items, encode.Item{Text: &texts[i]})
		}
		return items
	}
	pair := func(prompt string, responses ...string) (items []encode.Item) {
		for i := range responses {
			items = append(items, encode.Item{Prompt: &prompt, Response: &responses[i]})
		}
		return items
	}
	for _, test := range []struct {
		path, body string
		want       rewards.Request
	}{
		{"/pooling", `{"input":"is 1"}`, rewards.Request{Items: text("is 1")}},
		{"/pooling", `{"input":["is 1","is 2"],"model":null,"user":"u","priority":0,"add_special_tokens":true,"dimensions":null}`, rewards.Request{Items: text("is 1", "is 2")}},
		{"/pooling", `{"input":[3,4]}`, rewards.Request{Items: []encode.Item{{InputIDs: []int64{3, 4}}}}},
		{"/pooling", `{"input":[[3,4],[5]]}`, rewards.Request{Items: []encode.Item{{InputIDs: []int64{3, 4}}, {InputIDs: []int64{5}}}}},
		{
			"/pooling", `{"messages":[{"role":"user","content":"p"},{"role":"assistant","content":"is 1"}],"reference":"r","principle":"c","add_generation_prompt":false,"chat_template_kwargs":{},"chat_template":null}`,
			rewards.Request{Items: []encode.Item{{
				Messages:  []chat.Message{{Role: "user", Content: "p"}, {Role: "assistant", Content: "is 1"}},
				Reference: new("r"), Principle: new("c"),
			}}},
		},
		{"/pooling", `{"input":"is 1","truncate_prompt_tokens":-1}`, rewards.Request{Items: text("is 1"), Truncate: "right"}},
		{"/pooling", `{"input":"is 1","truncate_prompt_tokens":-1,"truncation_side":"left"}`, rewards.Request{Items: text("is 1"), Truncate: "left"}},
		{"/pooling", `{"input":"is 1","truncation_side":"left"}`, rewards.Request{Items: text("is 1")}},
		{"/classify", `{"model":"/models/rm","input":"is 1","use_activation":false}`, rewards.Request{Items: text("is 1")}},
		{"/classify", `{"model":"/models/rm","input":"is 1","use_activation":true}`, rewards.Request{Items: text("is 1"), Activation: "sigmoid"}},
		{"/classify", `{"input":"is 1","softmax":true,"activation":true}`, rewards.Request{Items: text("is 1"), Activation: "sigmoid"}},
		{"/score", `{"text_1":"p","text_2":["is 1","is 2"]}`, rewards.Request{Items: pair("p", "is 1", "is 2")}},
		{"/score", `{"text_1":["p"],"text_2":"is 1"}`, rewards.Request{Items: pair("p", "is 1")}},
		{"/score", `{"data_1":["p","q"],"data_2":["is 1","is 2"],"use_activation":true}`, rewards.Request{Items: append(pair("p", "is 1"), pair("q", "is 2")...), Activation: "sigmoid"}},
		{"/v1/score", `{"queries":"p","items":["is 1"]}`, rewards.Request{Items: pair("p", "is 1")}},
		{"/v1/score", `{"queries":["p"],"documents":["is 1"],"max_tokens_per_doc":0}`, rewards.Request{Items: pair("p", "is 1")}},
		{"/score", `{"queries":"p","documents":"is 1","instruction":"i"}`, rewards.Request{Items: []encode.Item{{Messages: []chat.Message{
			{Role: "system", Content: "i"}, {Role: "user", Content: "p"}, {Role: "assistant", Content: "is 1"},
		}}}}},
	} {
		var seen rewards.Request
		s := newServer(t, remembering(&seen), Options{})
		got := do(t, s, "POST", test.path, test.body)
		test.want.Question, test.want.Model = rewards.Score, seen.Model
		if diff := cmp.Diff(test.want, seen); diff != "" {
			t.Errorf("%s %s: %d %s (-want +got):\n%s", test.path, test.body, got.status, got.body, diff)
		}
	}
}

// TestVLLMAnswersAreDocumented: each answer to the byte, but for its time.
func TestVLLMAnswersAreDocumented(t *testing.T) {
	const counted = `"tokens":3,"shared_tokens":0,"cached_tokens":0`
	const usage = `"usage":{"prompt_tokens":3,"total_tokens":3,"completion_tokens":0,"prompt_tokens_details":null,"completion_tokens_details":null}`
	for _, test := range []struct{ path, body, want string }{
		{
			"/pooling", `{"input":"is 8"}`,
			`{"id":"pooling-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"pooling","data":[1],` + counted + `}],` + usage + `}`,
		},
		{
			"/pooling", `{"input":"is 8","task":"token_classify"}`,
			`{"id":"pooling-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"pooling","data":[[1]],` + counted + `}],` + usage + `}`,
		},
		{
			"/pooling", `{"input":"is 8","encoding_format":"base64"}`,
			`{"id":"pooling-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"pooling","data":"AACAPw==",` + counted + `}],` + usage + `}`,
		},
		{
			"/pooling", `{"input":"is 8","encoding_format":"base64","endianness":"big"}`,
			`{"id":"pooling-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"pooling","data":"P4AAAA==",` + counted + `}],` + usage + `}`,
		},
		{
			"/lmdeploy/pooling", `{"input":["is 8"]}`,
			`{"id":"r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"pooling","data":1,` + counted + `}],` + usage + `}`,
		},
		{
			"/classify", `{"input":"is 8"}`,
			`{"id":"classify-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"label":"reward","probs":[1],"num_classes":1,` + counted + `}],` + usage + `}`,
		},
		{
			"/score", `{"text_1":"p","text_2":"is 8"}`,
			`{"id":"score-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"score","score":1,` + counted + `}],` + usage + `}`,
		},
		{
			"/classify", `{"input":"is long"}`,
			`{"error":{"message":"input[0]: the item has 4 tokens, and the limit is 3","type":"BadRequestError","param":null,"code":400,"reason":"too_long"}}`,
		},
		{
			"/score", `{"text_1":"p","text_2":["is 8","is"]}`,
			`{"id":"score-r","object":"list","created":0,"model":"fake-rm","digest":"sha256:0","data":[{"index":0,"object":"score","score":1,` + counted + `},` +
				`{"index":1,"object":"score","error":{"code":"bad_item","status":422,"title":"The item is incomplete or ambiguous","detail":"\"is\" is no item"}}],` +
				strings.ReplaceAll(usage, ":3,", ":6,") + `}`,
		},
	} {
		s := newServer(t, doorEngine(), Options{})
		got := do(t, s, "POST", test.path, test.body, "X-Request-Id", "r")
		body := regexp.MustCompile(`"created":\d+`).ReplaceAllString(strings.TrimSpace(string(got.body)), `"created":0`)
		if body != test.want {
			t.Errorf("%s %s: %d\n%s\nwant\n%s", test.path, test.body, got.status, body, test.want)
		}
	}
}

// TestPoolingInBytes: the outputs one behind the other, and where they lie in a header that clients read as metadata.
func TestPoolingInBytes(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	got := do(t, s, "POST", "/pooling", `{"input":["is 8","is 12"],"encoding_format":"bytes"}`)
	if got.status != 200 || got.header.Get("Content-Type") != "application/octet-stream" || len(got.body) != 8 {
		t.Fatalf("%d %v %d bytes", got.status, got.header, len(got.body))
	}
	var meta wire.PoolingMetadata
	if err := json.Unmarshal([]byte(got.header.Get("metadata")), &meta); err != nil {
		t.Fatal(err)
	}
	want := []wire.PooledBytes{
		{Index: 0, Dtype: "float32", Endianness: "little", Start: 0, End: 4, Shape: []int{1}},
		{Index: 1, Dtype: "float32", Endianness: "little", Start: 4, End: 8, Shape: []int{1}},
	}
	if diff := cmp.Diff(want, meta.Data); diff != "" || meta.Model != "fake-rm" || meta.Usage.Prompt != 6 {
		t.Errorf("%+v %s", meta, diff)
	}
	for i, want := range []float32{1, 1.5} {
		if x := math.Float32frombits(binary.LittleEndian.Uint32(got.body[4*i:])); x != want {
			t.Errorf("%d: %v, want %v", i, x, want)
		}
	}
	if got := do(t, s, "POST", "/pooling", `{"input":["is 8"],"encoding_format":"bytes_only"}`); got.status != 200 || got.header.Get("metadata") != "" || len(got.body) != 4 {
		t.Errorf("%d %v", got.status, got.header)
	}
	if got := do(t, s, "POST", "/pooling", `{"input":["is 8","is long"],"encoding_format":"bytes"}`); got.status != 400 || !strings.Contains(string(got.body), "input[1]: the item has 4 tokens") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestVLLMRefuses what vLLM would answer wrongly in silence, and what no body may have, in vLLM's form.
func TestVLLMRefuses(t *testing.T) {
	s := newServer(t, doorEngine(), Options{MaxItems: 3})
	for _, test := range []struct{ path, body, want string }{
		{"/pooling", `{"input":"a","normalize":true}`, "normalize: is no field any more"},
		{"/pooling", `{"input":"a","dimensions":8}`, "dimensions: is not supported"},
		{"/pooling", `{"input":"a","task":"score"}`, `task: "score" is none of classify, token_classify, embed`},
		{"/pooling", `{"input":"a","embed_dtype":"float16"}`, `embed_dtype: "float16" is none of float32`},
		{"/pooling", `{"input":"a","use_activation":false,"activation":true}`, "body: use_activation, activation and softmax are names of one thing, and they differ"},
		{"/pooling", `{"input":"a","truncate_prompt_tokens":-2}`, "truncate_prompt_tokens: -2 is below -1"},
		{"/pooling", `{"input":"a","truncate_prompt_tokens":512}`, "truncate_prompt_tokens: 512 is given, and only -1 cuts"},
		{"/pooling", `{"input":[]}`, "input: must hold at least one text"},
		{"/pooling", `{}`, "input: must hold at least one text"},
		{"/pooling", `{"input":["a",[1]]}`, "input[1]: expected string, got an array"},
		{"/pooling", `{"input":["a"],"messages":[]}`, "messages: given together with input"},
		{"/pooling", `{"input":["a"],"reference":"r"}`, "messages: must be there where reference or principle is"},
		{"/pooling", `{"messages":[{"role":"user","content":"a"}],"add_generation_prompt":true}`, "add_generation_prompt: would put"},
		{"/pooling", `{"messages":[{"role":"user","content":"a"}],"chat_template":"x"}`, "chat_template: is the bundle's own"},
		{"/pooling", `{"input":["a","b","c","d"]}`, "input: more than 3, the limit of a request"},
		{"/classify", `{"input":[[1],[2],[3],[4]]}`, "input: more than 3, the limit of a request"},
		{"/classify", `{"input":"a"`, "the body ends inside"},
		{"/score", `{"text_1":["p","q"],"text_2":["a","b","c"]}`, "text_1: has 2 texts and text_2 3"},
		{"/score", `{"text_1":"p"}`, "body: expected queries with documents or items"},
		{"/score", `{"text_1":"p","text_2":[]}`, "text_2: must hold at least one text"},
		{"/score", `{"queries":"p","documents":["a"],"items":["b"]}`, "body: expected queries with documents or items"},
		{"/score", `{"queries":"p","documents":["a"],"max_tokens_per_doc":9}`, "max_tokens_per_doc: would cut a text in silence"},
		{"/v1/score", `{"queries":"p","documents":["a","b","c","d"]}`, "documents: more than 3, the limit of a request"},
		{"/generative_scoring", `{"query":"p","items":["a"],"label_token_ids":[]}`, "label_token_ids: must hold at least one token"},
		{"/generative_scoring", `{"query":"p","items":[[1]],"label_token_ids":[1]}`, "items: must be texts where query is a text"},
		{"/generative_scoring", `{"query":["p"],"items":["a"],"label_token_ids":[1]}`, "query: must be one text"},
	} {
		got := do(t, s, "POST", test.path, test.body)
		var p wire.VLLMProblem
		if err := json.Unmarshal(got.body, &p); err != nil || got.status != 400 || p.Error.Code != 400 || p.Error.Type != "BadRequestError" ||
			!strings.HasPrefix(p.Error.Message, test.want) || p.Error.Reason == "" {
			t.Errorf("%s %s: %d %s, want %q", test.path, test.body, got.status, got.body, test.want)
		}
	}
}

// TestAFullQueueIs503ToVerl: any status below 500 ends verl's step.
func TestAFullQueueIs503ToVerl(t *testing.T) {
	s := newServer(t, &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{}, &models.QueueFullError{Items: 9, MaxItems: 9}
	}}, Options{})
	got := do(t, s, "POST", "/classify", `{"model":"/models/rm","input":"a","use_activation":false}`)
	var p wire.VLLMProblem
	if err := json.Unmarshal(got.body, &p); err != nil || got.status != 503 || p.Error.Type != "Service Unavailable" || p.Error.Reason != failure.CodeQueueFull || got.header.Get("Retry-After") != "1" {
		t.Errorf("%d %v %s", got.status, got.header, got.body)
	}
}

// TestAModelOfAnotherNameAnswersWhereItIsAlone: verl sends a path, POLAR nothing, and the answer says who answered.
func TestAModelOfAnotherNameAnswersWhereItIsAlone(t *testing.T) {
	s := embeddedServer(t)
	for body, status := range map[string]int{
		`{"model":"/models/Skywork-Reward","input":"12 + 30 = 42"}`: 200, `{"input":"12 + 30 = 42"}`: 200, `{"model":"arith-rm","input":"12 + 30 = 42"}`: 200,
		`{"model":"arith-prm","input":"12 + 30 = 42"}`: 400,
	} {
		got := do(t, s, "POST", "/classify", body)
		if got.status != status || status == 200 && !strings.Contains(string(got.body), `"model":"arith-rm"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	// A reward model and a process model both have something for /pooling, so a name that is neither's is not known.
	if got := do(t, s, "POST", "/pooling", `{"model":"other","input":"a"}`); got.status != http.StatusNotFound || !strings.Contains(string(got.body), "arith-prm") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestPoolingGivesStepsAsUsersOfQwenPRMsReadThem: a row [wrong, right] for each mark, of a rendered text and of
// messages as reward-hub sends them, whose last column is the native score of the step.
func TestPoolingGivesStepsAsUsersOfQwenPRMsReadThem(t *testing.T) {
	s := embeddedServer(t)
	const prompt, response = "What is 12 + 30 - 5?", "12 + 30 = 42<extra_0>42 - 5 = 38<extra_0>"
	native := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", asJSON(t, map[string]any{
		"model": "arith-prm", "items": []any{map[string]any{"prompt": prompt, "steps": []string{"12 + 30 = 42", "42 - 5 = 38"}}},
	})))
	seen := decoded[wire.TokenizeAnswer](t, do(t, s, "POST", "/v1/tokenize", asJSON(t, map[string]any{
		"model": "arith-prm", "items": []any{map[string]any{"prompt": prompt, "steps": []string{"12 + 30 = 42", "42 - 5 = 38"}}},
	})))
	messages := []any{map[string]any{"role": "user", "content": prompt}, map[string]any{"role": "assistant", "content": response}}
	for name, body := range map[string]map[string]any{
		"text":     {"input": seen.Results[0].Text},
		"ids":      {"input": seen.Results[0].IDs},
		"messages": {"messages": messages},
	} {
		body["model"] = "arith-prm"
		for activation, of := range map[string]func(step wire.StepScore) []float64{
			"": func(step wire.StepScore) []float64 {
				return ops.Softmax([]float64{step.Logits["wrong"], step.Logits["right"]})
			},
			"true": func(step wire.StepScore) []float64 {
				return ops.Softmax([]float64{step.Logits["wrong"], step.Logits["right"]})
			},
			"false": func(step wire.StepScore) []float64 { return []float64{step.Logits["wrong"], step.Logits["right"]} },
		} {
			delete(body, "use_activation")
			if activation != "" {
				body["use_activation"] = activation == "true"
			}
			var got struct {
				Data []struct{ Data [][]float64 }
			}
			if reply := do(t, s, "POST", "/pooling", asJSON(t, body)); json.Unmarshal(reply.body, &got) != nil || len(got.Data) != 1 || len(got.Data[0].Data) != 2 {
				t.Fatalf("%s: %d %s", name, reply.status, reply.body)
			}
			for i, step := range native.Results[0].Steps {
				if diff := cmp.Diff(of(step), got.Data[0].Data[i]); diff != "" || activation == "" && got.Data[0].Data[i][1] != *step.Score {
					t.Errorf("%s, step %d: %s", name, i, diff)
				}
			}
		}
	}
}

// TestGenerativeScoringIsTheSoftmaxOfTheReferencesLogits: the tokens of golden items, given as tokens, have the
// reference's logits.
func TestGenerativeScoringIsTheSoftmaxOfTheReferencesLogits(t *testing.T) {
	s := realServer(t, "../families/choice-qwen3")
	model, err := models.Open(t.Context(), models.Dir("../models/testdata/families/choice-qwen3"), models.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	pairs, err := model.Golden()
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range pairs {
		sum, whole := 0.0, 0.0
		for _, logit := range pair.Logits {
			sum, whole = sum+math.Exp(logit), math.Exp(*pair.LogSum)
		}
		for softmax, of := range map[string]float64{"": sum, `"apply_softmax":true,`: sum, `"apply_softmax":false,`: whole} {
			for _, at := range []int{0, len(pair.IDs[0]) / 2} {
				query, item := asJSON(t, pair.IDs[0][:at+1]), asJSON(t, pair.IDs[0][at+1:])
				got := do(t, s, "POST", "/generative_scoring", fmt.Sprintf(`{"model":"m",%s"query":%s,"items":[%s],"label_token_ids":%s}`, softmax, query, item, asJSON(t, pair.Tokens)))
				answer := decoded[wire.PairsAnswer](t, got)
				if want := math.Exp(pair.Logits[0]) / of; math.Abs(*answer.Data[0].Score-want) > 1e-5 || answer.Model != "choice-qwen3" {
					t.Errorf("item %d: %v, and the reference has %v", i, *answer.Data[0].Score, want)
				}
			}
		}
	}
	if got := do(t, s, "POST", "/generative_scoring", `{"query":"a","items":["b"],"label_token_ids":[320]}`); got.status != 400 || !strings.Contains(string(got.body), "has no token 320, and its vocabulary has 320") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestPOLARsClients read one reward through three servers' forms; the reference is a field of ours beside messages.
func TestPOLARsClients(t *testing.T) {
	s := realServer(t, "../families/polar")
	item := map[string]any{"prompt": "What is 2 + 2?", "response": "It is 4.", "reference": "4."}
	seen := decoded[wire.TokenizeAnswer](t, do(t, s, "POST", "/v1/tokenize", asJSON(t, map[string]any{"items": []any{item}})))
	native := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", asJSON(t, map[string]any{"items": []any{item}})))
	want := *native.Results[0].Raw
	rendered := `{"input":[` + quoted(t, seen.Results[0].Text) + `]}`
	for name, ask := range map[string]struct {
		path, body string
		read       func(got reply) ([]ops.Maybe, error)
	}{
		"vllm":     {"/pooling", rendered, readPoolingRows},
		"lmdeploy": {"/lmdeploy/pooling", rendered, readLMDeploy},
		"ids":      {"/pooling", `{"input":` + asJSON(t, seen.Results[0].IDs) + `}`, readPoolingRows},
		"sglang":   {"/classify", `{"model":"internlm/POLAR-7B","text":[` + quoted(t, seen.Results[0].Text) + `]}`, readSGLang},
		"classify": {"/pooling", `{"task":"classify",` + rendered[1:], readPooling},
		"messages": {"/pooling", `{"messages":[{"role":"user","content":"What is 2 + 2?"},{"role":"assistant","content":"It is 4."}],"reference":"4."}`, readPoolingRows},
	} {
		got := do(t, s, "POST", ask.path, ask.body)
		if values, err := ask.read(got); err != nil || len(values) != 1 || values[0] != ops.Some(want) {
			t.Errorf("%s: %v %v, want %v: %d %s", name, values, err, want, got.status, got.body)
		}
	}
}
