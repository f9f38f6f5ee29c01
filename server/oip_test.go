package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// TestOIPTellsWhatIsServed, to the byte, in the forms that tritonclient, pytriton and kserve read.
func TestOIPTellsWhatIsServed(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{Version: "1.2", MaxItems: 9})
	const tensors = `{"name":"sentences","datatype":"BYTES","shape":[-1,1]},{"name":"prompt","datatype":"BYTES","shape":[-1,1]},` +
		`{"name":"response","datatype":"BYTES","shape":[-1,1]},{"name":"tokens","datatype":"INT64","shape":[-1,-1]},{"name":"sequence_lengths","datatype":"INT64","shape":[-1,1]}`
	const configured = `{"name":"sentences","data_type":"TYPE_STRING","dims":[1],"optional":true},{"name":"prompt","data_type":"TYPE_STRING","dims":[1],"optional":true},` +
		`{"name":"response","data_type":"TYPE_STRING","dims":[1],"optional":true},{"name":"tokens","data_type":"TYPE_INT64","dims":[-1],"optional":true},` +
		`{"name":"sequence_lengths","data_type":"TYPE_INT64","dims":[1],"optional":true}`
	const model = `{"name":"fake-rm","versions":["1"],"platform":"assay","inputs":[` + tensors + `],"outputs":[{"name":"rewards","datatype":"FP32","shape":[-1,1]}]}`
	for path, want := range map[string]string{
		"/v2":                                     `{"name":"assay","version":"1.2","extensions":["binary_tensor_data","model_configuration","model_repository"]}`,
		"/v2/":                                    `{"name":"assay","version":"1.2","extensions":["binary_tensor_data","model_configuration","model_repository"]}`,
		"/v2/health/live":                         `{"live":true}`,
		"/v2/health/ready":                        `{"ready":true}`,
		"/v2/models":                              `{"models":["fake-rm"]}`,
		"/v2/models/fake-rm":                      model,
		"/v2/models/fake-rm/versions/1":           model,
		"/v2/models/reward_model":                 model, // the only one that scores
		"/v2/models/fake-rm/ready":                `{"name":"fake-rm","ready":true}`,
		"/v2/models/fake-rm/versions/1/ready":     `{"name":"fake-rm","ready":true}`,
		"/v2/models/fake-rm/config":               `{"name":"fake-rm","platform":"assay","backend":"assay","max_batch_size":9,"input":[` + configured + `],"output":[{"name":"rewards","data_type":"TYPE_FP32","dims":[1]}]}`,
		"/v2/models/fake-rm/versions/1/config":    `{"name":"fake-rm","platform":"assay","backend":"assay","max_batch_size":9,"input":[` + configured + `],"output":[{"name":"rewards","data_type":"TYPE_FP32","dims":[1]}]}`,
		"/v2/models/fake-rm/versions/2":           `!404 {"error":"version: \"2\" is none of model \"fake-rm\", which has version 1 alone"}`,
		"/v2/models/fake-rm/versions/2/ready":     `!404 {"error":"version: \"2\" is none of model \"fake-rm\", which has version 1 alone"}`,
		"/v2/models/fake-rm/stats":                `!404 {"error":"no route has the path \"/v2/models/fake-rm/stats\"; POST /v1/score scores texts, POST /v1/rank orders responses, and GET /openapi.json lists the routes"}`,
		"/v2/models/fake-rm/infer":                `!405 {"error":"/v2/models/fake-rm/infer answers POST, not GET"}`,
		"/v2/repository/index":                    `!405 {"error":"/v2/repository/index answers POST, not GET"}`,
		"/v2/models/fake-rm/versions/1/nothing":   `!404 {"error":"no route has`,
		"/v2/models/" + strings.Repeat("a", 2000): model,
	} {
		got := do(t, s, "GET", path, "")
		status := 200
		if strings.HasPrefix(want, "!") {
			_, _ = fmt.Sscanf(want, "!%d", &status)
			want = want[5:]
		}
		if body := strings.TrimSpace(string(got.body)); got.status != status || body != want && !(status == 404 && strings.HasPrefix(body, want)) {
			t.Errorf("%s: %d %s, want %d %s", path, got.status, body, status, want)
		}
		if media := got.header.Get("Content-Type"); media != "application/json" {
			t.Errorf("%s: %s", path, media)
		}
	}
	if got := do(t, s, "POST", "/v2/repository/index", ""); string(got.body) != `[{"name":"fake-rm","version":"1","state":"READY","reason":""}]`+"\n" {
		t.Errorf("the index: %d %s", got.status, got.body)
	}
}

// TestOIPHealthOfAServerThatIsNotReady, whose health needs no token and whose models do.
func TestOIPHealthOfAServerThatIsNotReady(t *testing.T) {
	engine := &fakeEngine{probe: func(context.Context, string) error { return &fault.Error{Code: fault.CodeRun, Detail: "it broke"} }}
	s := newServer(t, engine, Options{Tokens: []Token{{Token: "s3cret"}}})
	for path, status := range map[string]int{
		"/v2/health/live": 200, "/v2/health/ready": 503, "/v2/models": 401, "/v2/models/fake-rm/ready": 401, "/v2": 401,
	} {
		if got := do(t, s, "GET", path, ""); got.status != status || status >= 400 && !strings.HasPrefix(string(got.body), `{"error":"`) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for path, want := range map[string]string{"/v2/models/fake-rm/ready": `{"error":"`, "/v2/repository/index": `[{"name":"fake-rm","version":"1","state":"UNAVAILABLE","reason":"`} {
		method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "index")]
		if got := do(t, s, method, path, "", "Authorization", "Bearer s3cret"); !strings.HasPrefix(string(got.body), want) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

const oipColumn = `{"name":"sentences","shape":[2,1],"datatype":"BYTES","data":["is 1","is 20"]}`

// TestOIPInfer answers documented requests to the byte.
func TestOIPInfer(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	const answer = `"model_name":"fake-rm","model_version":"1",%s"parameters":{"digest":"sha256:0","tokens":6},"outputs":[{"name":"rewards","datatype":"FP32","shape":[2,1],"data":[0.125,2.5]}]`
	without := "{" + fmt.Sprintf(answer, "") + "}"
	for name, test := range map[string]struct{ body, want string }{
		"texts":             {`{"inputs":[` + oipColumn + `]}`, without},
		"nested texts":      {`{"inputs":[{"name":"sentences","shape":[2,1],"datatype":"BYTES","data":[["is 1"],["is 20"]]}]}`, without},
		"one dimension":     {`{"inputs":[{"name":"sentences","shape":[2],"datatype":"BYTES","data":["is 1","is 20"]}]}`, without},
		"an id":             {`{"id":"42","inputs":[` + oipColumn + `],"outputs":[{"name":"rewards","parameters":{"binary_data":false}}]}`, "{" + fmt.Sprintf(answer, `"id":"42",`) + "}"},
		"Triton parameters": {`{"parameters":{"sequence_id":1,"sequence_start":true,"sequence_end":false,"priority":1,"timeout":1000000},"inputs":[` + oipColumn + `]}`, without},
		"JSON of bytes":     {`{"parameters":{"binary_data_output":true},"inputs":[` + oipColumn + `],"outputs":[{"name":"rewards","parameters":{"binary_data":false,"classification":0}}]}`, without},
		"add_EOS":           {`{"inputs":[` + oipColumn + `,{"name":"add_EOS","shape":[2,1],"datatype":"BOOL","data":[true,false]}]}`, without},
		"unknown keys":      {`{"future":[{}],"inputs":[` + strings.TrimSuffix(oipColumn, "}") + `,"future":null}]}`, without},
		"FP64": {
			`{"parameters":{"datatype":"FP64"},"inputs":[` + oipColumn + `]}`,
			strings.ReplaceAll(without, "FP32", "FP64"),
		},
		"errors beside rewards": {
			`{"inputs":[{"name":"sentences","shape":[3,1],"datatype":"BYTES","data":["is 1","too long","?"]}],"outputs":[{"name":"errors"},{"name":"rewards"}]}`,
			`{"model_name":"fake-rm","model_version":"1","parameters":{"digest":"sha256:0","tokens":9},"outputs":[{"name":"errors","datatype":"BYTES","shape":[3,1],` +
				`"data":["","too_long: the item has 4 tokens, and the limit is 3","bad_item: \"?\" is no item"]},{"name":"rewards","datatype":"FP32","shape":[3,1],"data":[0.125,null,null]}]}`,
		},
	} {
		for _, media := range []string{"application/json", "application/octet-stream", ""} {
			got := do(t, s, "POST", "/v2/models/fake-rm/infer", test.body, "Content-Type", media)
			if body := strings.TrimSpace(string(got.body)); got.status != 200 || body != test.want {
				t.Errorf("%s, %q: %d %s, want %s", name, media, got.status, body, test.want)
			}
		}
	}
}

// TestOIPTensorsBecomeItems: texts, pairs of texts, and the tokens that the lengths leave, by JSON and by bytes.
func TestOIPTensorsBecomeItems(t *testing.T) {
	var seen rewards.Request
	var deadline time.Duration
	s := newServer(t, &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		seen = r
		deadline = 0
		if at, has := ctx.Deadline(); has {
			deadline = time.Until(at).Round(time.Second)
		}
		return fakeAnswer(fakeResults(len(r.Items))), nil
	}}, Options{})
	var longs, ints []byte
	for _, x := range []int64{5, 6, 0, 7, 8, 9} {
		longs, ints = binary.LittleEndian.AppendUint64(longs, uint64(x)), binary.LittleEndian.AppendUint32(ints, uint32(x))
	}
	lengths := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 2), 3)
	tokens := []encode.Item{{InputIDs: []int64{5, 6}}, {InputIDs: []int64{7, 8, 9}}}
	raw := func(name, datatype, shape string, size int) string {
		return fmt.Sprintf(`{"name":%q,"datatype":%q,"shape":%s,"parameters":{"binary_data_size":%d}}`, name, datatype, shape, size)
	}
	for name, test := range map[string]struct {
		head, tail string
		want       rewards.Request
		deadline   time.Duration
	}{
		"prompt and response": {
			`{"parameters":{"timeout":60000000,"truncate":"left","label":"l"},"inputs":[{"name":"response","shape":[1],"datatype":"BYTES","data":["r"]},{"name":"prompt","shape":[1,1],"datatype":"BYTES","data":["p"]}]}`, "",
			rewards.Request{Truncate: "left", Label: "l", Items: []encode.Item{{Prompt: new("p"), Response: new("r")}}},
			time.Minute,
		},
		"tokens in JSON": {
			`{"inputs":[{"name":"tokens","shape":[2,3],"datatype":"INT64","data":[[5,6,0],[7,8,9]]},{"name":"sequence_lengths","shape":[2,1],"datatype":"INT64","data":[2,3]}]}`, "",
			rewards.Request{Items: tokens},
			0,
		},
		"whole rows": {
			`{"inputs":[{"name":"tokens","shape":[2,1],"datatype":"INT64","data":[5,6]}]}`, "",
			rewards.Request{Items: []encode.Item{{InputIDs: []int64{5}}, {InputIDs: []int64{6}}}},
			0,
		},
		"tokens as bytes": {
			`{"inputs":[` + raw("tokens", "INT64", "[2,3]", 48) + `,` + raw("sequence_lengths", "INT64", "[2,1]", 16) + `]}`, string(longs) + string(lengths),
			rewards.Request{Items: tokens},
			0,
		},
		"short tokens as bytes": {
			`{"inputs":[` + raw("sequence_lengths", "INT64", "[2]", 16) + `,` + raw("tokens", "INT32", "[2,3]", 24) + `]}`, string(lengths) + string(ints),
			rewards.Request{Items: tokens},
			0,
		},
		"text as bytes, which may be anything": {
			`{"inputs":[` + raw("sentences", "BYTES", "[2]", 13) + `]}`, "\x02\x00\x00\x00é\x03\x00\x00\x00{}\n",
			rewards.Request{Items: []encode.Item{{Text: new("é")}, {Text: new("{}\n")}}},
			0,
		},
	} {
		test.want.Question, test.want.Model = rewards.Score, "fake-rm"
		got := do(t, s, "POST", "/v2/models/fake-rm/infer", test.head+test.tail, "Content-Type", "", "Inference-Header-Content-Length", strconv.Itoa(len(test.head)))
		if diff := cmp.Diff(test.want, seen); got.status != 200 || diff != "" || deadline != test.deadline {
			t.Errorf("%s: %d %s, deadline %s (-want +got):\n%s", name, got.status, got.body, deadline, diff)
		}
	}
}

// TestOIPRefuses what a client would take for a reward, in {"error": …} and under the statuses that its clients know.
func TestOIPRefuses(t *testing.T) {
	engine := doorEngine()
	answer := engine.score
	engine.score = func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if r.Label == "full" {
			return rewards.Answer{}, &models.QueueFullError{Items: 3, MaxItems: 4, RetryAfter: 2 * time.Second}
		}
		given, err := answer(ctx, r)
		if r.Label == "large" {
			given.Results[0].Raw = ops.Some(1e300)
		}
		return given, err
	}
	s := newServer(t, engine, Options{MaxItems: 3})
	in := func(inputs string) string { return `{"inputs":[` + inputs + `]}` }
	bytes := func(size string) string {
		return in(`{"name":"sentences","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":` + size + `}}`)
	}
	for _, test := range []struct {
		body, tail string
		status     int
		detail     string
	}{
		{in(`{"name":"sentences","shape":[2,1],"datatype":"BYTES","data":["is 1","too long"]}`), "", 413, "sentences[1]: the item has 4 tokens, and the limit is 3"},
		{in(`{"name":"sentences","shape":[1],"datatype":"BYTES","data":["?"]}`), "", 400, `sentences[0]: "?" is no item`},
		{in(``), "", 400, "inputs: must be sentences, or prompt and response, or tokens and sequence_lengths, and 0 of these forms are given"},
		{in(oipColumn + `,{"name":"tokens","shape":[2,1],"datatype":"INT64","data":[1,2]}`), "", 400, "inputs: must be sentences, or"},
		{in(`{"name":"prompt","shape":[1],"datatype":"BYTES","data":["p"]}`), "", 400, "inputs: prompt and response go together"},
		{in(oipColumn + `,{"name":"sequence_lengths","shape":[2,1],"datatype":"INT64","data":[1,2]}`), "", 400, "inputs: sequence_lengths are of tokens"},
		{in(`{"name":"sentences","shape":[0,1],"datatype":"BYTES","data":[]}`), "", 400, "inputs: must hold at least one item"},
		{in(`{"name":"text","shape":[1],"datatype":"BYTES","data":["p"]}`), "", 400, `inputs[0].name: "text" is none of sentences, prompt, response, tokens and sequence_lengths`},
		{in(oipColumn + "," + oipColumn), "", 400, "sentences: given twice"},
		{in(`{"name":"sentences","shape":[1],"datatype":"FP32","data":[1]}`), "", 400, `sentences.datatype: is "FP32", and must be BYTES`},
		{in(`{"name":"tokens","shape":[1,1],"datatype":"FP32","data":[1]}`), "", 400, `tokens.datatype: is "FP32", and must be INT64 or INT32`},
		{in(`{"name":"tokens","shape":[1],"datatype":"INT64","data":[1]}`), "", 400, "tokens.shape: has 1 dimensions, and must be [batch, length]"},
		{in(`{"name":"sentences","shape":[1,2],"datatype":"BYTES","data":["a","b"]}`), "", 400, "sentences.shape: is [1 2]; a column has the shape [batch, 1]"},
		{in(`{"name":"sentences","shape":[-1],"datatype":"BYTES","data":[]}`), "", 400, "sentences.shape: is [-1]"},
		{in(`{"name":"tokens","shape":[1,4294967296],"datatype":"INT64","data":[1]}`), "", 400, "tokens.shape: is [1 4294967296]"},
		{in(`{"name":"sentences","shape":[2],"datatype":"BYTES","data":["a"]}`), "", 400, "sentences.data: must hold 2 strings, as its shape says"},
		{in(`{"name":"sentences","shape":[1],"datatype":"BYTES","data":[7]}`), "", 400, "sentences.data: must hold 1 strings"},
		{in(`{"name":"sentences","shape":[1],"datatype":"BYTES"}`), "", 400, "sentences.data: must hold 1 strings"},
		{in(`{"name":"tokens","shape":[1,2],"datatype":"INT64","data":[1]}`), "", 400, "tokens.data: must hold 2 integers, as its shape says"},
		{in(`{"name":"tokens","shape":[1,2],"datatype":"INT64","data":[1,2]},{"name":"sequence_lengths","shape":[1],"datatype":"INT64","data":[3]}`), "", 400, "sequence_lengths[0]: is 3, and the row of tokens has 2"},
		{in(`{"name":"prompt","shape":[2],"datatype":"BYTES","data":["a","b"]},{"name":"response","shape":[1],"datatype":"BYTES","data":["a"]}`), "", 400, "response.shape: is of 1 items, and the tensors before it are of 2"},
		{in(`{"name":"sentences","shape":[4],"datatype":"BYTES","data":["a","b","c"]}`), "", 413, "sentences: has 4 items, and one request may have 3"},
		{in(`{"name":"sentences","shape":[4],"datatype":"BYTES","data":["a","b","c","d"]}`), "", 413, "inputs[0].data: more than 3, the limit of a request"},
		{in(`{"name":"sentences","shape":[1],"datatype":"BYTES","parameters":{"shared_memory_region":"a"}}`), "", 400, "sentences.parameters.shared_memory_region: shared memory is not served"},
		{bytes(`9`), "\x04\x00\x00\x00is 1x", 400, "sentences: has 1 bytes behind its 1 elements"},
		{bytes(`8`), "\x05\x00\x00\x00is 1", 400, "sentences[0]: the element has 5 bytes, and 4 are left"},
		{bytes(`3`), "\x00\x00\x00", 400, "sentences[0]: the tensor ends before the element's length"},
		{bytes(`9`), "\x04\x00\x00\x00is 1", 400, "sentences.parameters.binary_data_size: is 9, and 8 bytes follow the JSON"},
		{bytes(`7.5`), "\x04\x00\x00\x00is 1", 400, "sentences.parameters.binary_data_size: is 7.5"},
		{bytes(`"8"`), "\x04\x00\x00\x00is 1", 400, "sentences.parameters.binary_data_size: is 8"},
		{bytes(`8`), "\x04\x00\x00\x00is 1zz", 400, "the body has 2 bytes behind its last tensor"},
		{bytes(`6`), "\x02\x00\x00\x00\xff\xfe", 400, "sentences[0]: is not Unicode: it has bytes that are not UTF-8"},
		{in(`{"name":"sentences","shape":[1],"datatype":"BYTES","data":["a"],"parameters":{"binary_data_size":0}}`), "", 400, "sentences: has data and binary_data_size"},
		{in(`{"name":"tokens","shape":[1,1],"datatype":"INT64","parameters":{"binary_data_size":4}}`), "abcd", 400, "tokens.parameters.binary_data_size: is 4, and 1 elements of INT64 have 8 bytes"},
		{`{"outputs":[{"name":"reward"}],"inputs":[` + oipColumn + `]}`, "", 400, `outputs[0].name: "reward" is none of rewards and errors`},
		{`{"outputs":[{"name":"rewards","parameters":{"classification":1}}],"inputs":[` + oipColumn + `]}`, "", 400, "outputs[0].parameters.classification: a reward is no classification"},
		{`{"outputs":[{"name":"rewards","parameters":{"shared_memory_region":"r"}}],"inputs":[` + oipColumn + `]}`, "", 400, "outputs[0].parameters.shared_memory_region: shared memory"},
		{`{"outputs":[{"name":"rewards","parameters":{"binary_data":1}}],"inputs":[` + oipColumn + `]}`, "", 400, "parameters.binary_data: is 1, and must be a bool"},
		{`{"parameters":{"datatype":"FP16"},"inputs":[` + oipColumn + `]}`, "", 400, `parameters.datatype: "FP16" is none of FP32 and FP64`},
		{`{"parameters":{"timeout":-1},"inputs":[` + oipColumn + `]}`, "", 400, "parameters.timeout: -1 is not between 0 and 3600000000 microseconds"},
		{`{"parameters":{"timeout":"1"},"inputs":[` + oipColumn + `]}`, "", 400, "parameters.timeout: is 1, and must be a float64"},
		{`{"parameters":{"label":"full"},"inputs":[` + oipColumn + `]}`, "", 503, "3 items and 0 tokens wait"},
		{`{"parameters":{"label":"large"},"inputs":[` + oipColumn + `]}`, "", 500, "sentences[0]: the reward 1e+300 is beyond FP32; ask with the parameter datatype FP64"},
		{`{"inputs":[`, "", 400, "the body ends inside its JSON value"},
		{``, "", 400, "the body is empty"},
	} {
		got := do(t, s, "POST", "/v2/models/fake-rm/infer", test.body+test.tail, "Content-Type", "", "Inference-Header-Content-Length", strconv.Itoa(len(test.body)))
		if want := `{"error":` + strings.TrimSuffix(jsonOf(test.detail), `"`); got.status != test.status || !strings.HasPrefix(string(got.body), want) {
			t.Errorf("%s: %d %s, want %d %s", test.body, got.status, got.body, test.status, want)
		}
		if after := got.header.Get("Retry-After"); (test.status == 503) != (after == "2") {
			t.Errorf("%s: Retry-After %q", test.body, after)
		}
	}
	for header, want := range map[string]string{"-1": `is \"-1\", and the body has`, "9999": `is \"9999\"`, "x": `is \"x\"`} {
		got := do(t, s, "POST", "/v2/models/m/infer", in(oipColumn), "Inference-Header-Content-Length", header)
		if got.status != 400 || !strings.Contains(string(got.body), "Inference-Header-Content-Length: "+want) {
			t.Errorf("%s: %d %s", header, got.status, got.body)
		}
	}
	if got := do(t, s, "POST", "/v2/models/m/infer", in(oipColumn), "Content-Type", "text/plain"); got.status != 400 || !strings.Contains(string(got.body), `text/plain`) {
		t.Errorf("text: %d %s", got.status, got.body)
	}
	var many strings.Builder
	for i := range 65 {
		fmt.Fprintf(&many, `,"p%d":1`, i)
	}
	if got := do(t, s, "POST", "/v2/models/m/infer", `{"parameters":{`+many.String()[1:]+`},"inputs":[]}`); got.status != 413 || !strings.Contains(string(got.body), `parameters: more than 64, the limit of a request`) {
		t.Errorf("parameters: %d %s", got.status, got.body)
	}
}

// severalEngine has models of every kind of answer: labels, steps, and none that is a reward.
type severalEngine struct{ fakeEngine }

func (*severalEngine) Models() []rewards.ModelInfo {
	infos := make([]rewards.ModelInfo, 3)
	for i, of := range []struct {
		name   string
		answer string
		labels []string
	}{{"labels", "score", []string{"help", "harm"}}, {"steps", "steps", []string{"bad", "good"}}, {"pairs", "compare", []string{"a"}}} {
		infos[i].Manifest.Name, infos[i].Manifest.Graph.Labels, infos[i].Answers = of.name, of.labels, []string{of.answer}
	}
	return infos
}

// TestOIPLabelsAndSteps: what a model has beside one reward has its own tensors.
func TestOIPLabelsAndSteps(t *testing.T) {
	engine := &severalEngine{fakeEngine{score: func(_ context.Context, r rewards.Request) (rewards.Answer, error) {
		a := rewards.Answer{Question: r.Question, Model: r.Model, Digest: "d"}
		if r.Question == rewards.Score {
			a.Results = []rewards.Result{
				{Raw: ops.Some(0.5), Score: 9, Logits: map[string]float64{"help": 0.5, "harm": -1}}, {Err: failure.New(fault.CodeEmpty, "nothing")},
			}[:len(r.Items)]
			return a, nil
		}
		if *r.Items[0].Separator == "|" {
			a.Steps = []rewards.StepsResult{{Steps: []rewards.Step{{Score: ops.Some(0.25)}, {}, {Score: ops.Some(1)}}}, {Steps: []rewards.Step{{Score: ops.Some(0.75)}}}}
		}
		return a, nil
	}}}
	s := newServer(t, engine, Options{})
	got := do(t, s, "POST", "/v2/models/labels/infer", `{"inputs":[{"name":"sentences","shape":[1],"datatype":"BYTES","data":["a"]}]}`)
	if want := `"outputs":[{"name":"rewards","datatype":"FP32","shape":[1,1],"data":[0.5]},{"name":"label_rewards","datatype":"FP32","shape":[1,2],"data":[0.5,-1]}]`; !strings.Contains(string(got.body), want) {
		t.Errorf("labels: %s", got.body)
	}
	got = do(t, s, "POST", "/v2/models/labels/infer", `{"inputs":[{"name":"sentences","shape":[2],"datatype":"BYTES","data":["a",""]}],"outputs":[{"name":"label_rewards"},{"name":"errors"}]}`)
	if want := `"shape":[2,2],"data":[0.5,-1,null,null]},{"name":"errors","datatype":"BYTES","shape":[2,1],"data":["","empty_item: nothing"]}]`; !strings.Contains(string(got.body), want) {
		t.Errorf("labels of a failed item: %s", got.body)
	}
	const pair = `"inputs":[{"name":"prompt","shape":[2],"datatype":"BYTES","data":["p","p"]},{"name":"response","shape":[2],"datatype":"BYTES","data":["a|b|c","d"]}]`
	got = do(t, s, "POST", "/v2/models/steps/infer", `{"parameters":{"separator":"|"},`+pair+`}`)
	if want := `"outputs":[{"name":"step_rewards","datatype":"FP32","shape":[2,3],"data":[0.25,null,1,0.75,null,null]},{"name":"step_counts","datatype":"INT64","shape":[2,1],"data":[3,1]}]`; !strings.Contains(string(got.body), want) {
		t.Errorf("steps: %s", got.body)
	}
	got = do(t, s, "POST", "/v2/models/steps/infer", `{"parameters":{"separator":"|","binary_data_output":true},`+pair+`}`)
	nan := math.Float32bits(float32(math.NaN()))
	if tail := got.body[len(got.body)-40:]; binary.LittleEndian.Uint32(tail[4:]) != nan || binary.LittleEndian.Uint64(tail[24:]) != 3 || binary.LittleEndian.Uint64(tail[32:]) != 1 {
		t.Errorf("steps as bytes: % x", tail)
	}
	for path, want := range map[string]string{
		"/v2/models/pairs":  `{"error":"model \"pairs\" answers [compare], and has no reward of a single text"}`,
		"/v2/models/labels": `"labels":["help","harm"]`,
		"/v2/models/steps":  `"outputs":[{"name":"step_rewards","datatype":"FP32","shape":[-1,-1]},{"name":"step_counts","datatype":"INT64","shape":[-1,1]}]`,
		"/v2/models/other":  `"name":"labels"`,
	} {
		if got := do(t, s, http.MethodGet, path, ""); !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
