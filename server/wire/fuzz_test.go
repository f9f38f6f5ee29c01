package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

// seeds are texts of every form, good and bad.
var seeds = []string{
	`{"model":"m","truncate":"left","timeout_ms":5,"activation":"none","label":"l","items":[{"text":"a"}],"explain":"gradient"}`,
	`{"items":[{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]},{"input_ids":[1,-2,0]},{"features":{"a":1e-3,"":0}}]}`,
	`{"items":[{"prompt":"p","steps":["a","b"],"separator":"\n","user":[0.5]}],"threshold":0.5}`, `{"items":[{"messages":[],"input_ids":[],"steps":[],"features":{},"user":[]}]}`,
	`{"prompt":"p","responses":["a","\ud800"],"strategy":"best_of_n","n":1}`, `{"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}]}`,
	`{"prompt":"p","responses":["a","b"],"strategy":"top_share","share":0.5,"seed":7,"power":2,"answers":["4",""],"statistics":true}`,
	`{"prompt":"p","responses":["a","b"],"aggregate":["win_rate","elo"],"elo_scale":500,"statistics":false}`,
	`{"query":["a"],"labels":[null,{"a":[]}]}`, `{"prompt":"p","chosen":"a","rejected":{"text":"b"}}`, `{"chosen":{"text":"a"},"rejected":{"text":"b"}}`,
	`{"item":{"text":"a"},"ids":[1,2],"read":[1],"score":0.5,"scores":{"a":1},"steps":[null,0.5],"probability":0}`, `{"pair":{"chosen":"","rejected":""},"ids":[[1],[]]}`,
	`{"items":[{"prompt":"p","candidates":["a","b"]},{"text":"t"}],"candidates":["y","n"]}`, `{"items":[{"text":"t"}],"candidates":null}`,
	`{"prompt":"p","reference":"r","principle":"","responses":["a"],"items":[{"prompt":"p","response":"r","reference":"k","principle":"c"}]}`,
	`{"items":[{"prompt":"p","response":"","reference":"\ud800"}]}`,
	`{"kind":"multipliers","thresholds":{"a":1},"squash":"tanh","rate":0.1,"start":-1}`, `{"kind":"users","width":2,"fit":"weights","prototypes":[[1,2],[]],"keep":"last","seed":3}`,
	`{"updates":[{"key":"k","values":[1,-2e3]},{"prompt":"p","label":0,"seen":2},{"means":{"a":1}},{"pairs":[{"chosen":[1],"rejected":[2]}]},{"vector":[1],"score":2}],"expect_version":7}`,
	`{"state":{"question":"q","response":"r"},"questions":{"a":{"type":"noul","criteria":{"true":"t"}},"b":{"type":"score","criteria":["x","y"],"instructions":["z"]}},"assets":{}}`,
	`{"model":null,"input":[{"role":"user","content":"a"}],"questions":[{"type":"choice","name":null,"instructions":"i","choices":[{"value":true,"description":null},{"value":"b"}]},{"type":"score","instructions":[],"levels":[{"label":"l"}]}]}`,
	`{"id":"i","parameters":{"a":1,"b":true},"inputs":[{"name":"s","shape":[2,1],"datatype":"BYTES","data":[["a"],"b"]},{"name":"t","shape":[1],"datatype":"INT64","data":[1,true]}],"outputs":[{"name":"r"}]}`,
	`{"reward_model":"m","responses_create_params":{"input":[{"role":"user","content":[{"text":"a"}]}]},"response":{"output":[{"type":"reasoning"},{"role":"assistant","content":"b"}]}}`,
	`{"messages":[{"role":"user","content":"a"}],"ground_truth":"b","kwargs":{"model":"m"}}`,
	`{"candidates":[{"messages":[{"role":"user","blocks":[{"type":"text","text":"a"}]}]}]}`,
	`{"grader":{"type":"t","input":[{"role":"u","content":{"text":"a"}}],"range":[0,1]},"model_sample":"s","item":{"a":[1]}}`,
	`{"verify_responses":[{"reward":0.5,"response":{"usage":{"a":1}},"reward_components":{"b":true}},{"_ng_failure_class":"x"}]}`,
	`{"bundle":"m","expect_digest":"sha256:0"}`, `{"reset":true}`, `{"forget":["a",""]}`, `{"queries":[{"key":"k","quantile":0.5},{"prompt":"","vector":[1,2],"score":1}]}`, `{"name":"n","version":3,"spec":{"kind":"running"},"cells":[{"key":"","value":{ "a": [1] }}]}`,
	`{"model":null,"input":["a","\ud800"],"use_activation":null,"dimensions":null,"normalize":false}`, `{"input":"a","encoding_format":"base64","truncate_prompt_tokens":-1}`,
	`{"input":["a"],"encodIng_format":"basm64","dieensions":null}`,
	`{"input":[[1,2],[3]],"task":null,"chat_template_kwargs":{}}`, `{"input":[1,2],"softmax":true}`, `{"model":"m","input":["a"],"encoding_format":"base64","dimensions":null,"user":"u"}`, `{"messages":[{"role":"user","content":"a"}],"reference":"r"}`,
	`{"text_1":"a","text_2":["b","c"],"instruction":"i"}`, `{"queries":["a"],"items":"b","max_tokens_per_doc":0}`, `{"input":[],"data_1":[],"data_2":null}`,
	`{"query":[1],"items":[[2],[3]],"label_token_ids":[4],"apply_softmax":false}`, `{"query":"q","items":["a"],"label_token_ids":[1,2],"item_first":null}`,
	`{"text":[["a","b"],["c","\ud800"]],"rid":"x"}`, `{"text":["a","b"],"rid":["x","y"],"input_ids":null}`, `{"input_ids":[[1],[2]]}`, `{"text":"a","lora_path":null}`,
	`{"query":"q","items":["a","b"],"label_token_ids":[[1],[2]],"temperature":0.5,"apply_softmax":true}`, `{"query":"q","items":"a","label_token_ids":null,"score_extraction_token":7}`,
	`{"prompt":[{"role":"user","content":"a"}],"response":"b","label":null}`, `{"prompt":"a","response":"b","label":"c"}`, `{"model":"model","messages":["a"],"max_length":null}`,
	`{"input_str":["a","b"]}`, `{"Q":"q","A":"a","prm_step_tag":"x","format":null}`, `{"model":"m"}`,
	`{"model":null,"query":"q","documents":["a",{"text":"b","x":1}],"top_n":2,"return_documents":true,"raw_scores":false,"use_activation":null,"activation":true,"softmax":false}`,
	`{"query":{"text":"q"},"documents":"a","truncate":"END","truncate_prompt_tokens":-1,"truncation_side":"left","max_tokens_per_doc":4096,"max_tokens_per_query":0,"rank_fields":["text"],"instruction":"","instruct":null}`,
	`{"inputs":"a","truncate":true,"truncation_direction":"Left","raw_scores":null,"parameters":{"function_to_apply":"none","top_k":1,"truncate":false,"truncation_direction":null,"x":1}}`,
	`{"inputs":["a","b"]}`, `{"inputs":[["a"],["b","c"]],"parameters":{}}`, `{"inputs":{"source_sentence":"a","sentences":["b"],"x":1}}`, `{"query":"q","texts":[],"return_text":true}`,
	`{"inputs":["a",{"text":"b"}],"add_special_tokens":false,"prompt_name":null}`, `{"ids":[1,2],"skip_special_tokens":null}`, `{"ids":[[1],[]]}`, `{"ids":[]}`,
	`{"instances":[{"inputs":"a"},{"query":"q","texts":["t"],"parameters":{"top_k":null}}]}`,
	`{"model":"m","messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"stream":false,"n":1,"logprobs":true,"max_tokens":1}`,
	`{"query":{"text":"q"},"passages":[{"text":"t"}],"truncate":"END","top_k":2,"top_n":null}`, `{"input":["a",{"text":"b"}],"encoding_format":"base64","modality":"text","dimensions":0,"raw_scores":true}`,
	`{"items":[{"text":"a","id":"x\u00e9","metadata":{ "a" : [1.0, 1e400, null], "a": "\ud800" }},{"id":-0,"metadata":null},{"id":null}]}`,
	`{"items":[{"messages":[{"role":"user","content":["a",{"type":"text","text":"b","x":null}],"refusal":null},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":[],"name":"n","tool_call_id":"c"}]}]}`,
	`{"messages":[{"role":"a","reasoning_content":"r","reasoning":"r","content":"c","tool_calls":[],"name":null,"audio":{ }}],"responses":["a","b"]}`, `{"items":[{"messages":[{"role":"u","content":[{"type":"image_url"}]}]}]}`,
	`{"items":[{"text":"a","data_source":"x","extra_info":{"a":[1e400]},"tools":[],"Id":1},{"text":"b","ground_truth":null,"ſteps":1}]}`, `{"pairs":[{"chosen":"a","rejected":"b","margin":0.5}]}`,
	`{"id":7,"metadata":[],"prompt":"p","responses":["a","b"],"tags":[{"id":1},{"metadata":" "}]}`, `{"input":["a"],"tags":[{}]}`, `{"pairs":[{"id":"\ud800","chosen":"a","rejected":"b"}]}`,
	`{"items":[{"text":null}]}`, `{"ITEMS":[{"Text":"a"}]}`, `{"items":[{"text":"a","text":5}]}`, "{\"items\":[{\"text\":\"\xff\"}]}", `[]`, ``, `{"a":`, `null`, ` {} {}`,
}

// FuzzDecode holds every form to these laws, whatever the text. Nothing panics. What is read says the same when it is
// written and read again, is what encoding/json reads, and keeps to the OpenAPI description. A text that is refused is
// refused by one short sentence with a known code.
func FuzzDecode(f *testing.F) {
	for _, text := range seeds {
		f.Add([]byte(text))
	}
	registry := described()
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, form := range forms {
			into := form()
			err := DecodeBody(text, into, Limits{})
			var refused *Error
			switch {
			case errors.As(err, &refused):
				if len(err.Error()) > 500 || refused.Detail == "" || !known[refused.Code] {
					t.Fatalf("%s: an error of %d bytes: %+v", name, len(err.Error()), refused)
				}
				continue
			case err != nil:
				t.Fatalf("%s: %T", name, err)
			}
			if spoilt(into) {
				continue
			}
			again := form()
			if err := DecodeBody(written(t, into), again, Limits{}); err != nil {
				t.Fatalf("%s: %q is read as %+v, which is refused: %v", name, text, into, err)
			}
			if diff := cmp.Diff(into, again, passed); diff != "" {
				t.Fatalf("%s: %q read twice (-first +second):\n%s", name, text, diff)
			}
			agrees(t, name, text, into)
			if wrong := breaches(registry, text, into); wrong != nil {
				t.Fatalf("%s: %q is read as %+v, and the description says %v", name, text, into, wrong)
			}
		}
	})
}

// passed leaves the names of columns out of a comparison: they are not written, and encoding/json does not tell them.
var passed = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Ignored" }, cmp.Ignore())

var known = map[string]bool{
	CodeBadJSON: true, CodeUnknownField: true, CodeInvalidField: true, CodeTooManyItems: true, CodeTooLong: true, CodeBadItem: true, CodeOverBudget: true,
}

// spoilt tells whether some item or response has an error of its own.
func spoilt(of Form) bool {
	items := func(all []Item) bool {
		for i := range all {
			if all[i].Err != nil {
				return true
			}
		}
		return false
	}
	switch r := of.(type) {
	case *ScoreRequest:
		return items(r.Items)
	case *StepsRequest:
		return items(r.Items)
	case *ChooseRequest:
		return items(r.Items)
	case *LogprobsRequest:
		return items(r.Items)
	case *TokenizeRequest:
		return items(r.Items)
	case *EmbeddingsRequest:
		return r.Input.Refused != nil
	case *PoolingRequest:
		return r.Input.Refused != nil
	case *ClassifyRequest:
		return r.Input.Refused != nil
	case *GenerativeRequest:
		return r.Items.Refused != nil
	case *PairsRequest:
		queries, documents, _, _ := r.Sides()
		return queries.Refused != nil || documents.Refused != nil
	case *SGLangRequest:
		return r.Text.Refused != nil || r.IDs.Refused != nil
	case *SGLangScoreRequest:
		return r.Items.Refused != nil
	case *OpenRRequest:
		return r.Input.Refused != nil || r.Question.Refused != nil || r.Answer.Refused != nil
	case *RankRequest:
		return r.Refused != nil
	case *RankLine:
		return r.Refused != nil
	case *CompareLine:
		return r.Refused != nil
	case *CompareRequest:
		for i := range r.Pairs {
			if r.Pairs[i].Err != nil {
				return true
			}
		}
		return r.Refused != nil
	}
	return false
}

// MarshalJSON writes a side as it is read, for these tests alone.
func (s Side) MarshalJSON() ([]byte, error) {
	if s.Item != nil {
		return json.Marshal(s.Item)
	}
	return json.Marshal(s.Response)
}

// UnmarshalJSON reads a turn by another way than the decoder's, for these tests alone.
func (m *Message) UnmarshalJSON(text []byte) error {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(text, &fields)
	read := func(name string, into any) {
		if value, there := fields[name]; there && string(value) != "null" {
			err = errors.Join(err, json.Unmarshal(value, into))
		}
	}
	var further Further
	var content any
	read("role", &m.Role)
	read("content", &content)
	read("name", &further.Name)
	read("tool_call_id", &further.ToolCallID)
	read("reasoning_content", &further.Reasoning)
	read("reasoning", &further.Thoughts)
	var calls []json.RawMessage
	if read("tool_calls", &calls); len(calls) > 0 {
		further.ToolCalls = fields["tool_calls"]
	}
	switch content := content.(type) {
	case string:
		m.Content.Text = content
	case []any:
		m.Content.Parts = []string{}
		for _, part := range content {
			if fields, ok := part.(map[string]any); ok {
				part = fields["text"]
			}
			text, _ := part.(string)
			m.Content.Parts = append(m.Content.Parts, text)
		}
	}
	if !reflect.ValueOf(further).IsZero() {
		m.Further = &further
	}
	return err
}

// MarshalJSON writes the numbers of a row as members, for these tests alone.
func (r GymRow) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, number := range r {
		name, _ := json.Marshal(number.Name)
		value, err := json.Marshal(number.Value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, name...), ':'), value...)
	}
	return append(text, '}'), nil
}

// written is a value as a server writes it.
func written(t *testing.T, value any) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// agrees holds a form to what encoding/json reads of the same text, where the form is all that there is to it: some
// fields have a rule of their own, and what is passed over may be a field of the form in another case.
func agrees(t *testing.T, name string, text []byte, into Form) {
	t.Helper()
	switch name {
	case "embed", "pooling", "classify", "pairs", "tokens", "sglang", "sglscore", "slime", "factory", "openr", "openrat",
		"fit", "golden", "openrlhf", "snapshot", "rerank", "tei", "teitok", "teidec", "vertex", "nim", "ranking", "infinity",
		"oip", "gym", "gymrows", "evaluate", "ors", "grader":
		return
	}
	plain := reflect.New(reflect.TypeOf(into).Elem()).Interface()
	if err := json.Unmarshal(text, plain); err != nil {
		t.Fatalf("%s: %q is read as %+v, and encoding/json says %v", name, text, into, err)
	}
	compact := cmp.Transformer("compact", func(raw json.RawMessage) string {
		value := jsontext.Value(bytes.Clone(raw))
		if len(value) > 0 && value.Compact() != nil {
			t.Fatalf("%s: %q is no JSON", name, raw)
		}
		return string(value)
	})
	if diff := cmp.Diff(into, plain, compact, passed); diff != "" {
		t.Fatalf("%s: %q differs from encoding/json's (-ours +theirs):\n%s", name, text, diff)
	}
}
