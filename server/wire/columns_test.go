package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestColumnsArePassedOver: what else a data set says of a sample is read as if it were not there, and named.
func TestColumnsArePassedOver(t *testing.T) {
	request, err := decoded[ScoreRequest](`{"items":[
		{"data_source":"openai/gsm8k","prompt":"p","ability":"math","response":"r","reward_model":{"style":"rule","ground_truth":["42",null,"\ud800"]},"extra_info":{"index":7}},
		{"prompt":"q","response":"s","label":1,"data_source":null,"model":"m","tools":null,"images":[],"task":1e999,"idx":0,"a b":[[]],"data_source":2}]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{{Prompt: new("p"), Response: new("r")}, {Prompt: new("q"), Response: new("s")}}
	if diff := cmp.Diff(want, request.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	names := []string{"a b", "ability", "data_source", "extra_info", "idx", "images", "label", "model", "reward_model", "task", "tools"}
	if !cmp.Equal(request.Ignored, names) || !cmp.Equal(request.Kept(), &Kept{Ignored: names}) {
		t.Errorf("%q, %+v", request.Ignored, request.Kept())
	}
	pairs, err := decoded[CompareRequest](`{"pairs":[{"prompt":"p","chosen":"a","rejected":"b","margin":0.5}]}`, Limits{})
	if err != nil || !cmp.Equal(pairs.Kept(), &Kept{Ignored: []string{"margin"}}) {
		t.Errorf("%+v, %v", pairs.Kept(), err)
	}
	for name, form := range map[string]Form{"item": new(Item), "tokline": new(TokenizeLine), "cmpline": new(CompareLine)} {
		ignored, err := DecodeSample([]byte(`{"prompt":"p","z":1,"source":null}`), form, Limits{})
		if err != nil || !cmp.Equal(ignored, []string{"source", "z"}) {
			t.Errorf("%s: %q, %v", name, ignored, err)
		}
	}
}

// TestSlipsOfThePenAreRefused: a field that is nearly one of the item's is no column, and the sentence says which is
// meant.
func TestSlipsOfThePenAreRefused(t *testing.T) {
	refused := func(name, value string) *Error {
		_, err := decoded[ScoreRequest](fmt.Sprintf(`{"items":[{"text":"a"},{"text":"b",%q:%s}]}`, name, value), Limits{})
		return err
	}
	for field, slips := range map[string][]string{
		"response":   {"respose", "Response", "RESPONSE", "responses", "rseponse", "responze", "response_", "re-sponse", "resposne_"},
		"prompt":     {"Prompt", "promt", "prompts", "pormpt", "promtp", "prom"},
		"reference":  {"refeence", "references", "Reference", "preference"},
		"separator":  {"sepaator", "Separator", "separators"},
		"principle":  {"principal", "principles"},
		"input_ids":  {"inputIds", "input-ids", "inputids", "input_id", "InputIDs"},
		"candidates": {"candidate", "candidtes"},
		"text":       {"Text", "tex", "texts", "test", "txet"},
		"user":       {"User", "users", "usr"},
		"steps":      {"step", "Steps", "stepps"},
		"given":      {"givn", "givens", "Given"},
		"id":         {"ID", "Id", "_id"},
		"metadata":   {"meta_data", "metaData", "metadat"},
		"messages":   {"message", "mesages", "Messages"},
		"features":   {"feature", "Features"},
	} {
		for _, name := range slips {
			want := fmt.Sprintf("items[1].%s: unknown field; if %s is meant, write it so, and else give the column another name", name, field)
			if err := refused(name, "null"); err == nil || err.Code != CodeUnknownField || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	for _, name := range []string{
		"task", "uuid", "uid", "idx", "index", "qid", "answer", "question", "solution", "ground_truth", "data_source", "label", "model", "score", "reward",
		"level", "subject", "type", "user_id", "userid", "prompt_id", "text_a", "source", "difficulty", "completion", "rejected", "chosen", "d", "é", "",
	} {
		if err := refused(name, `{"a":1}`); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"tools":                 "unknown field; it would change what the model reads, and is not read here: leave it out, or write it into messages or text",
		"chat_template_kwargs":  "unknown field; it would change what the model reads, and is not read here: leave it out, or write it into messages or text",
		"system":                "unknown field; it would change what the model reads, and is not read here: leave it out, or write it into messages or text",
		"activation":            "unknown field; it is one of the request, not of an item",
		"threshold":             "unknown field; it is one of the request, not of an item",
		strings.Repeat("a", 81): "unknown field; its name has 81 bytes, and that of a column may have 80",
	} {
		if err := refused(name, `{"a":1}`); err == nil || err.Detail != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if err := refused(strings.Repeat("a", 80), "1"); err != nil {
		t.Error(err)
	}
}

// TestColumnsStandInSamplesAlone: not in a request, a message, a tag or a golden line, nor beside responses.
func TestColumnsStandInSamplesAlone(t *testing.T) {
	for _, test := range []struct{ form, text, path string }{
		{"score", `{"items":[{"text":"a"}],"data_source":1}`, "data_source"},
		{"rank", `{"prompt":"p","responses":["a"],"data_source":1}`, "data_source"},
		{"compare", `{"prompt":"p","responses":["a","b"],"data_source":1}`, "data_source"},
		{"rank", `{"prompt":"p","responses":["a"],"tags":[{"data_source":1}]}`, "tags[0].data_source"},
		{"golden", `{"item":{"text":"a","data_source":1}}`, "item.data_source"},
		{"fit", `{"prompt":"p","chosen":"a","rejected":"b","data_source":1}`, "data_source"},
		{"score", `{"\ud800":1,"items":[{"text":"a"}]}`, "\uFFFD"},
	} {
		if err := refusal([]byte(test.text), forms[test.form](), Limits{}); err == nil || err.Code != CodeUnknownField || err.Path != test.path || err.Detail != "unknown field" {
			t.Errorf("%s: %v", test.text, err)
		}
	}
	if _, err := DecodeSample([]byte(`{"prompt":"p","responses":["a","b"],"z":1,"y":2}`), new(CompareLine), Limits{}); err == nil || err.Error() != "y: unknown field" {
		t.Error(err)
	}
}

// TestColumnsAreBounded: an answer names at most so many.
func TestColumnsAreBounded(t *testing.T) {
	text := func(n int) string {
		var items strings.Builder
		for i := range n {
			fmt.Fprintf(&items, `{"text":"a","column%d":%d},`, i, i)
		}
		return `{"items":[` + items.String() + items.String() + `{"text":"b"}]}`
	}
	if request, err := decoded[ScoreRequest](text(DefaultColumns), Limits{}); err != nil || len(request.Ignored) != DefaultColumns {
		t.Errorf("%v", err)
	}
	_, err := decoded[ScoreRequest](text(DefaultColumns+1), Limits{})
	if err == nil || err.Error() != "items[64].column64: unknown field, beside 64 other columns, the limit of a request" {
		t.Errorf("%v", err)
	}
}

// TestSlips against the definition: the fewest slips that make one word of another.
func TestSlips(t *testing.T) {
	for _, test := range []struct {
		a, b string
		most int // the fewest
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "ab", 2},
		{"ab", "ba", 1},
		{"abc", "acb", 1},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
		{"prompt", "prompt", 0},
		{"prompt", "promt", 1},
		{"response", "rseponse", 1},
		{"abcdef", "ghijkl", 6},
		{"a name of many more letters", "a nane of many moer leters", 3},
	} {
		for most := range 8 {
			if got := slips(test.a, test.b, most); got != (most >= test.most) {
				t.Errorf("%q becomes %q by %d slips: %v", test.a, test.b, most, got)
			}
			if got := slips(test.b, test.a, most); got != (most >= test.most) {
				t.Errorf("%q becomes %q by %d slips: %v", test.b, test.a, most, got)
			}
		}
	}
}
