package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTextIsNeverReplaced: a string is read as it is written or refused; nothing is put in the place of what is not
// Unicode.
func TestTextIsNeverReplaced(t *testing.T) {
	for text, want := range map[string]string{
		`"a"`: "a", `"\ud83d\ude00"`: "😀", `"\uD83D\uDE00 \u00e9"`: "😀 é", `"\\ud800"`: `\ud800`, `"\\\\ud800"`: `\\ud800`, "\"é😀\"": "é😀",
		"\"\uFFFD\"": "\uFFFD", `"\ufffd"`: "\uFFFD", `"\u0000"`: "\x00",
	} {
		item, err := decoded[Item](`{"text":`+text+`}`, Limits{})
		if err != nil || *item.Text != want {
			t.Errorf("%s is %q, %v", text, *item.Text, err)
		}
	}
	for text, why := range map[string]string{
		`"\ud83d"`: "half of a surrogate pair", `"\ud83dx"`: "half of a surrogate pair", `"\ude00"`: "half of a surrogate pair",
		`"\ude00\ud83d"`: "half of a surrogate pair", `"\ud83d\ud83d\ude00"`: "half of a surrogate pair", `"\\\ud800"`: "half of a surrogate pair",
		`"\ud83d\u0041"`: "half of a surrogate pair", `"\ud83d\\ude00"`: "half of a surrogate pair", "\"\xff\"": "bytes that are not UTF-8",
		"\"a\xe2\x82\"": "bytes that are not UTF-8", "\"\xed\xa0\x80\"": "bytes that are not UTF-8", "\"\\n\xff\"": "bytes that are not UTF-8",
	} {
		if _, err := decoded[Item](`{"text":`+text+`}`, Limits{}); err == nil || err.Error() != "text: is not Unicode: "+why+", in the string at byte 9" {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestAStringThatIsNotUnicodeSpoilsItsOwnItem: and no other; of the item nothing is left.
func TestAStringThatIsNotUnicodeSpoilsItsOwnItem(t *testing.T) {
	const bad = `"\ud800"`
	spoilt := func(path, at string) *Error {
		return &Error{CodeBadItem, path, "is not Unicode: half of a surrogate pair, in the string at byte " + at}
	}
	mate := Item{Text: new("mate")}
	for _, test := range []struct{ item, path, at string }{
		{`{"text":` + bad + `}`, "items[1].text", "35"},
		{`{"prompt":"p","response":` + bad + `,"separator":"s"}`, "items[1].response", "52"},
		{`{"messages":[{"role":"user","content":"a"},{"role":` + bad + `,"content":` + bad + `}]}`, "items[1].messages[1].role", "78"},
		{`{"prompt":"p","steps":["a",` + bad + `,` + bad + `]}`, "items[1].steps[1]", "54"},
		{`{"features":{"a":1,` + bad + `:2,"\ud801":3}}`, "items[1].features", "46"},
		{`{"text":"a",` + bad + `:{"b":[]},"x":1}`, "items[1].\uFFFD", "39"},
		{`{"text":"a","given":{` + bad + `:1}}`, "items[1].given", "48"},
		{`{"text":"a","given":{"w":["v",` + bad + `]}}`, "items[1].given.w[1]", "57"},
		{`{"messages":[{"role":"user","content":[` + bad + `]}]}`, "items[1].messages[0].content[0]", "66"},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":` + bad + `}]}]}`, "items[1].messages[0].content[0].text", "88"},
		{`{"messages":[{"role":"user","content":"a",` + bad + `:[]}]}`, "items[1].messages[0].\uFFFD", "69"},
	} {
		request, err := decoded[ScoreRequest](`{"items":[{"text":"mate"},`+test.item+`,{"text":"mate"}]}`, Limits{})
		if err != nil {
			t.Errorf("%s: %v", test.item, err)
			continue
		}
		want := []Item{mate, {Err: spoilt(test.path, test.at)}, mate}
		if diff := cmp.Diff(want, request.Items); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.item, diff)
		}
	}
	pairs, err := decoded[CompareRequest](`{"pairs":[{"prompt":`+bad+`,"chosen":"a","rejected":"b"},{"prompt":"p","chosen":"a","rejected":"b"}]}`, Limits{})
	if err != nil || pairs.Pairs[0].Err.Path != "pairs[0].prompt" || pairs.Pairs[0].Chosen != nil || pairs.Pairs[1].Err != nil || *pairs.Pairs[1].Chosen != "a" {
		t.Errorf("pairs: %+v, %v", pairs, err)
	}
	rank, err := decoded[RankRequest](`{"prompt":"p","responses":["a",`+bad+`,"c","`+"\xff"+`"]}`, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	refused := map[int]*Error{
		1: spoilt("responses[1]", "32"),
		3: {CodeBadItem, "responses[3]", "is not Unicode: bytes that are not UTF-8, in the string at byte 45"},
	}
	if diff := cmp.Diff(&RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "", "c", ""}, Refused: refused}, rank); diff != "" {
		t.Errorf("rank (-want +got):\n%s", diff)
	}
}

// TestWhatItemsShareIsRefusedWhole: a spoilt string that no single item owns refuses the request, and so does a line's.
func TestWhatItemsShareIsRefusedWhole(t *testing.T) {
	const bad = `"\ud800"`
	for _, test := range []struct{ form, text, path string }{
		{"score", `{"model":` + bad + `,"items":[{"text":"a"}]}`, "model"},
		{"score", `{"items":[{"text":` + bad + `}],"label":` + bad + `}`, "label"},
		{"rank", `{"prompt":` + bad + `,"responses":["a"]}`, "prompt"},
		{"rank", `{"messages":[{"role":"user","content":` + bad + `}],"responses":["a"]}`, "messages[0].content"},
		{"compare", `{"prompt":` + bad + `,"responses":["a","b"]}`, "prompt"},
		{"openrlhf", `{"query":["a",` + bad + `]}`, "query[1]"},
		{"item", `{"text":` + bad + `}`, "text"},
		{"fit", `{"chosen":` + bad + `,"rejected":"a","prompt":"p"}`, "chosen"},
		{"golden", `{"item":{"text":` + bad + `}}`, "item.text"},
	} {
		err := refusal([]byte(test.text), forms[test.form](), Limits{})
		if err == nil || err.Code != CodeBadJSON || err.Path != test.path {
			t.Errorf("%s: %v", test.text, err)
		}
	}
}

// TestAWrongTypeInASpoiltItemIsStillWrong: an item that fails alone is held to its form all the same.
func TestAWrongTypeInASpoiltItemIsStillWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{"items":[{"text":"\ud800","params":1}]}`:                    "items[0].params: unknown field; it is one of the request, not of an item",
		`{"items":[{"text":"\ud800","response":5}]}`:                  "items[0].response: expected string, got 5",
		`{"items":[{"text":"\ud800"}`:                                 "the body ends inside its JSON value",
		`{"items":[{"messages":[{"role":"\ud800","content":5}]}]}`:    "items[0].messages[0].content: expected string or array, got 5",
		`{"items":[{"text":"\ud800"},{"text":"a","text":"b"}]}`:       "items[1].text: given twice",
		`{"items":[{"input_ids":[1,2,3,"a"],"text":"\ud800"}]}`:       "items[0].input_ids[3]: expected integer, got \"a\"",
		`{"items":[{"text":"\ud800"},{"features":{"\ud800":1e999}}]}`: "items[1].features.: 1e999 is beyond the range of numbers",
	} {
		if _, err := decoded[ScoreRequest](text, Limits{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
