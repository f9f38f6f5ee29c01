package wire

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestLimitsOfARequest: a list of items that is one too long refuses the request as soon as it is.
func TestLimitsOfARequest(t *testing.T) {
	const item, pair = `{"text":"a"}`, `{"prompt":"p","chosen":"a","rejected":"b"}`
	for _, test := range []struct {
		form, begin, each, end string
		limits                 Limits
		most                   int
		path                   string
	}{
		{"score", `{"items":[`, item, `]}`, Limits{}, DefaultItems, "items"},
		{"steps", `{"items":[`, item, `]}`, Limits{Items: 3}, 3, "items"},
		{"tokenize", `{"items":[`, item, `]}`, Limits{Items: 3}, 3, "items"},
		{"rank", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{}, DefaultItems, "responses"},
		{"rank", `{"prompt":"p","responses":[`, `"\ud800"`, `]}`, Limits{Items: 3}, 3, "responses"},
		{"rank", `{"prompt":"p","responses":["a"],"answers":[`, `"a"`, `]}`, Limits{}, DefaultItems, "answers"},
		{"rank", `{"prompt":"p","responses":["a","a","a"],"tags":[`, `{}`, `]}`, Limits{Items: 3}, 3, "tags"},
		{"embed", `{"input":["a","a","a"],"tags":[`, `{"id":1}`, `]}`, Limits{Items: 3}, 3, "tags"},
		{"compare", `{"prompt":"p","responses":["a","b"],"aggregate":[`, `"elo"`, `]}`, Limits{}, 5, "aggregate"},
		{"compare", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{}, DefaultCompared, "responses"},
		{"compare", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{Items: 7}, 7, "responses"},
		{"compare", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{Compared: 5}, 5, "responses"},
		{"compare", `{"pairs":[`, pair, `]}`, Limits{}, DefaultItems / 2, "pairs"},
		{"compare", `{"pairs":[`, pair, `]}`, Limits{Items: 7}, 3, "pairs"},
		{"embed", `{"input":[`, `"a"`, `]}`, Limits{}, DefaultItems, "input"},
		{"embed", `{"input":[`, `"\ud800"`, `]}`, Limits{Items: 3}, 3, "input"},
		{"openrlhf", `{"query":[`, `"a"`, `]}`, Limits{}, DefaultItems, "query"},
		{"pooling", `{"input":[`, `"a"`, `]}`, Limits{}, DefaultItems, "input"},
		{"pooling", `{"input":[`, `[1]`, `]}`, Limits{Items: 3}, 3, "input"},
		{"classify", `{"input":[`, `"\ud800"`, `]}`, Limits{Items: 3}, 3, "input"},
		{"pairs", `{"text_1":"p","text_2":[`, `"a"`, `]}`, Limits{}, DefaultItems, "text_2"},
		{"tokens", `{"query":"p","label_token_ids":[1],"items":[`, `"a"`, `]}`, Limits{Items: 3}, 3, "items"},
		{"sglang", `{"text":[`, `"a"`, `]}`, Limits{}, DefaultItems, "text"},
		{"sglang", `{"text":[`, `["a","b"]`, `]}`, Limits{Items: 3}, 3, "text"},
		{"sglang", `{"input_ids":[`, `[1]`, `]}`, Limits{Items: 3}, 3, "input_ids"},
		{"factory", `{"messages":[`, `"a"`, `]}`, Limits{}, DefaultItems, "messages"},
		{"openr", `{"input_str":[`, `"a"`, `]}`, Limits{}, DefaultItems, "input_str"},
		{"rerank", `{"query":"q","documents":[`, `"a"`, `]}`, Limits{}, DefaultItems, "documents"},
		{"rerank", `{"query":"q","documents":[`, `{"text":"a"}`, `]}`, Limits{Items: 3}, 3, "documents"},
		{"tei", `{"inputs":[`, `["a"]`, `]}`, Limits{}, DefaultItems, "inputs"},
		{"tei", `{"query":"q","texts":[`, `"a"`, `]}`, Limits{Items: 3}, 3, "texts"},
		{"tei", `{"inputs":{"source_sentence":"a","sentences":[`, `"a"`, `]}}`, Limits{Items: 3}, 3, "inputs.sentences"},
		{"teitok", `{"inputs":[`, `"a"`, `]}`, Limits{Items: 3}, 3, "inputs"},
		{"teidec", `{"ids":[`, `[]`, `]}`, Limits{Items: 3}, 3, "ids"},
		{"teidec", `{"ids":[`, `1`, `]}`, Limits{IDs: 3}, 3, "ids"},
		{"vertex", `{"instances":[`, `{"inputs":"a"}`, `]}`, Limits{Items: 3}, 3, "instances"},
		{"ranking", `{"query":"q","passages":[`, `{"text":"a"}`, `]}`, Limits{Items: 3}, 3, "passages"},
		{"infinity", `{"input":[`, `"a"`, `]}`, Limits{}, DefaultItems, "input"},
		{"rerank", `{"query":"q","documents":["a"],"rank_fields":[`, `"text"`, `]}`, Limits{}, DefaultParams, "rank_fields"},
		{"decisions", `{"input":"a","questions":[`, `{"type":"predicate","instructions":"a"}`, `]}`, Limits{}, maxQuestions, "questions"},
		{"oip", `{"inputs":[{"name":"s","shape":[1],"datatype":"BYTES","data":[`, `"a"`, `]}]}`, Limits{Items: 9}, 9, "inputs[0].data"},
		{"oip", `{"inputs":[{"name":"s","datatype":"BYTES","shape":[`, `1`, `]}]}`, Limits{}, 16, "inputs[0].shape"},
		{"oip", `{"inputs":[`, `{"name":"s","shape":[1],"datatype":"BYTES"}`, `]}`, Limits{}, 16, "inputs"},
		{"oip", `{"inputs":[],"outputs":[`, `{"name":"s"}`, `]}`, Limits{}, 16, "outputs"},
		{"ors", `{"candidates":[`, `{"messages":[]}`, `]}`, Limits{Items: 9}, 9, "candidates"},
		{"gymrows", `{"verify_responses":[`, `{"a":1}`, `]}`, Limits{Cells: 9}, 9, "verify_responses"},
		{"state", `{"updates":[`, `{"seen":1}`, `]}`, Limits{}, DefaultUpdates, "updates"},
		{"stateread", `{"queries":[`, `{"key":"a"}`, `]}`, Limits{}, DefaultUpdates, "queries"},
		{"snapshot", `{"spec":{"kind":"running"},"cells":[`, `{"key":"a","value":{}}`, `]}`, Limits{Cells: 9}, 9, "cells"},
		{"state", `{"updates":[{"values":[`, `1`, `]}]}`, Limits{}, DefaultGiven, "updates[0].values"},
		{"rankline", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{Items: 3}, 3, "responses"},
		{"rankline", `{"prompt":"p","answers":[`, `"a"`, `]}`, Limits{Items: 3}, 3, "answers"},
		{"cmpline", `{"prompt":"p","responses":[`, `"a"`, `]}`, Limits{}, DefaultCompared, "responses"},
	} {
		text := func(n int) []byte {
			return []byte(test.begin + strings.TrimSuffix(strings.Repeat(test.each+",", n), ",") + test.end)
		}
		if err := DecodeBody(text(test.most), forms[test.form](), test.limits); err != nil {
			t.Errorf("%s: %d %s: %v", test.form, test.most, test.path, err)
		}
		want := fmt.Sprintf("%s: more than %d, the limit of a request", test.path, test.most)
		err := refusal(text(test.most+1), forms[test.form](), test.limits)
		if err == nil || err.Code != CodeTooManyItems || err.Error() != want {
			t.Errorf("%s: %v, want %s", test.form, err, want)
		}
		broken := append(text(test.most + 1)[:len(test.begin)+(len(test.each)+1)*test.most+1], "and what comes later is not looked at"...)
		if again := DecodeBody(broken, forms[test.form](), test.limits); again == nil || again.Error() != want {
			t.Errorf("%s: %v, want %s", test.form, again, want)
		}
	}
}

// TestLimitsOfAnItem: an item with a list that is one too long fails alone, whatever is in the rest of that list.
func TestLimitsOfAnItem(t *testing.T) {
	limits := Limits{Messages: 2, Parts: 2, Steps: 3, IDs: 4, Features: 2}
	for _, test := range []struct {
		within, over, path string
		most               int
	}{
		{`"messages":[{"role":"u","content":""},{"role":"u","content":""}]`, `"messages":[{"role":"u","content":""},{"role":"u","content":""},7,{"x":[[]]}]`, "messages", 2},
		{`"messages":[{"role":"u","content":["",""]}]`, `"messages":[{"role":"u","content":["","",7,{"x":[[]]}]}]`, "messages[0].content", 2},
		{`"prompt":"p","steps":["","",""]`, `"prompt":"p","steps":["","","","",""]`, "steps", 3},
		{`"input_ids":[1,2,3,4]`, `"input_ids":[1,2,3,4,null,6]`, "input_ids", 4},
		{`"user":[1,2,3,4]`, `"user":[1,2,3,4,5]`, "user", 4},
		{`"features":{"a":1,"b":2}`, `"features":{"a":1,"b":2,"c":{"d":[3]},"e":4}`, "features", 2},
	} {
		request, err := decoded[ScoreRequest](`{"items":[{`+test.within+`},{`+test.over+`},{"text":"mate"}]}`, limits)
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		want := Error{CodeTooLong, "items[1]." + test.path, fmt.Sprintf("more than %d, the limit of an item", test.most)}
		if request.Items[0].Err != nil || request.Items[1].Err == nil || *request.Items[1].Err != want || request.Items[2].Text == nil {
			t.Errorf("%s: %+v, want %v", test.path, request.Items, want)
		}
		if _, err := decoded[Item](`{`+test.over+`}`, limits); err == nil || err.Code != CodeTooLong || err.Path != test.path {
			t.Errorf("%s alone: %v", test.path, err)
		}
	}
	if _, err := decoded[RankRequest](`{"messages":[{"role":"u","content":""},{"role":"u","content":""},{"role":"u","content":""}],"responses":["a"]}`, limits); err == nil ||
		err.Error() != "messages: more than 2, the limit of an item" || err.Code != CodeTooLong {
		t.Errorf("shared messages: %v", err)
	}
}

func TestDepthIsBounded(t *testing.T) {
	for n, want := range map[int]string{
		DefaultDepth:     "",
		DefaultDepth + 1: "labels: lists and objects within each other: more than 64, the limit of depth",
		1 << 20:          "labels: lists and objects within each other: more than 64, the limit of depth",
	} {
		_, err := decoded[OpenRLHFRequest](`{"labels":`+strings.Repeat("[", n)+strings.Repeat("]", n)+`,"query":["a"]}`, Limits{})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// filled repeats a part until the text has about so many bytes.
func filled(begin, part, end string) func(size int) string {
	return func(size int) string {
		return begin + strings.TrimSuffix(strings.Repeat(part, size/len(part)+1), ",") + end
	}
}

// numbered is filled with names that differ.
func numbered(begin, part, end string) func(size int) string {
	return func(size int) string {
		var text strings.Builder
		text.WriteString(begin)
		for i := 0; text.Len() < size; i++ {
			fmt.Fprintf(&text, part, i)
		}
		return strings.TrimSuffix(text.String(), ",") + end
	}
}

// numbers is an item with so many features.
func numbers(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `,"%d":1`, i)
	}
	return `{"features":{` + text.String()[1:] + `}},`
}

// TestHostileTextsCostLittle: to read or refuse a text takes at most 24 times its length and 4 MiB of memory, all that
// is thrown away on the way counted too, whatever its shape.
func TestHostileTextsCostLittle(t *testing.T) {
	for _, test := range []struct {
		name, form string
		text       func(size int) string
	}{
		{"ones for items", "score", filled(`{"items":[`, `1,`, `]}`)},
		{"empty items", "score", filled(`{"items":[`, `{},`, `]}`)},
		{"empty items and a null", "score", filled(`{"items":[`, `{},`, `,null]}`)},
		{"empty lists for items", "score", filled(`{"items":[`, `[],`, `]}`)},
		{"strings for ids", "score", filled(`{"items":[{"input_ids":[`, `"",`, `]}]}`)},
		{"commas in a string for ids", "score", filled(`{"items":[{"input_ids":["`, `,`, `"]}]}`)},
		{"ids", "score", filled(`{"items":[{"input_ids":[`, `1,`, `]}]}`)},
		{"ids below the limit", "score", func(size int) string {
			return `{"items":[{"input_ids":[1` + strings.Repeat(",1", min(size/2, DefaultIDs-1)) + `]}]}`
		}},
		{"ids of many items", "score", filled(`{"items":[`, `{"input_ids":[`+strings.Repeat("1,", 600)+`1]},`, `]}`)},
		{"a user's numbers", "score", filled(`{"items":[{"user":[`, `1,`, `]}]}`)},
		{"empty steps", "steps", filled(`{"items":[{"prompt":"","steps":[`, `"",`, `]}]}`)},
		{"empty steps of many items", "steps", filled(`{"items":[`, `{"steps":[`+strings.Repeat(`"",`, 513)+`""]},`, `]}`)},
		{"empty steps apart of many items", "steps", filled(`{"items":[`, `{"steps":[`+strings.Repeat(`"", `, 512)+`""]},`, `]}`)},
		{"steps of commas", "steps", filled(`{"items":[`, `{"steps":["`+strings.Repeat(`\",\"`, 512)+`"]},`, `]}`)},
		{"short turns", "score", filled(`{"items":[{"messages":[`, `{"role":"ab","content":"ab"},`, `]}]}`)},
		{"short turns of many items", "score", filled(`{"items":[`, `{"messages":[`+strings.Repeat(`{"role":"ab","content":"ab"},`, 64)+`{"role":"ab","content":""}]},`, `]}`)},
		{"short turns for a rank", "rank", filled(`{"messages":[`, `{"role":"ab","content":"ab"},`, `],"responses":["a"]}`)},
		{"short parts", "score", filled(`{"items":[{"messages":[{"role":"u","content":[`, `"",`, `]}]}]}`)},
		{"parts", "score", filled(`{"items":[`, `{"messages":[{"role":"u","content":[`+strings.Repeat(`{"type":"text","text":""},`, 200)+`""]}]},`, `]}`)},
		{"turns that call", "score", filled(`{"items":[{"messages":[`, `{"role":"a","tool_calls":[1]},`, `]}]}`)},
		{"turns with names", "score", filled(`{"items":[{"messages":[`, `{"role":"a","content":"","name":""},`, `]}]}`)},
		{"empty fields of a turn", "score", numbered(`{"items":[{"messages":[{"role":"a","content":"",`, `"%d":null,`, `}]}]}`)},
		{"features", "score", numbered(`{"items":[{"features":{`, `"%d":1,`, `}}]}`)},
		{"features of many items", "score", filled(`{"items":[`, `{"features":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}},`, `]}`)},
		{"many features of many items", "score", filled(`{"items":[`, numbers(500), `]}`)},
		{"unknown fields", "score", numbered(`{`, `"%d":1,`, `}`)},
		{"one field again", "score", filled(`{`, `"model":"m",`, `}`)},
		{"responses", "rank", filled(`{"prompt":"","responses":[`, `"",`, `]}`)},
		{"answers", "rank", filled(`{"prompt":"","answers":[`, `"",`, `]}`)},
		{"names of aggregates", "compare", filled(`{"aggregate":[`, `"elo",`, `]}`)},
		{"spoilt responses", "rank", filled(`{"prompt":"","responses":[`, `"\ud800",`, `]}`)},
		{"spoilt items", "score", filled(`{"items":[`, `{"text":"\ud800"},`, `]}`)},
		{"spoilt steps", "steps", filled(`{"items":[{"steps":[`, `"\ud800",`, `]}]}`)},
		{"responses to compare", "compare", filled(`{"prompt":"","responses":[`, `"",`, `]}`)},
		{"pairs", "compare", filled(`{"pairs":[`, `{"chosen":"","rejected":""},`, `]}`)},
		{"empty pairs", "compare", filled(`{"pairs":[`, `{},`, `]}`)},
		{"queries", "openrlhf", filled(`{"query":[`, `"",`, `]}`)},
		{"elements", "oip", filled(`{"inputs":[{"name":"","shape":[],"datatype":"","data":[`, `1,`, `]}]}`)},
		{"elements in lists", "oip", filled(`{"inputs":[{"name":"","shape":[],"datatype":"","data":[`, `[1],`, `]}]}`)},
		{"empty lists of elements", "oip", filled(`{"inputs":[{"name":"","shape":[],"datatype":"","data":[`, `[],`, `]}]}`)},
		{"empty elements", "oip", filled(`{"inputs":[{"name":"","shape":[],"datatype":"","data":[`, `"",`, `]}]}`)},
		{"depth of elements", "oip", filled(`{"inputs":[{"name":"","shape":[],"datatype":"","data":`, `[`, ``)},
		{"parameters", "oip", numbered(`{"parameters":{`, `"%d":1,`, `}}`)},
		{"turns of a rollout", "gym", filled(`{"responses_create_params":{"input":[`, `{"role":"u","content":"a"},`, `]}}`)},
		{"parts of a turn", "gym", filled(`{"responses_create_params":{"input":[{"content":[`, `{"text":""},`, `]}]}}`)},
		{"candidates", "ors", filled(`{"candidates":[`, `{"messages":[]},`, `]}`)},
		{"turns of a candidate", "ors", filled(`{"candidates":[{"messages":[`, `{"role":"u","blocks":[]},`, `]}]}`)},
		{"blocks of a turn", "ors", filled(`{"candidates":[{"messages":[{"role":"u","blocks":[`, `{"text":"a"},`, `]}]}]}`)},
		{"turns of a grader", "grader", filled(`{"grader":{"input":[`, `{"role":"u","content":"a"},`, `]}}`)},
		{"an item of a grader", "grader", filled(`{"item":[`, `1,`, `]}`)},
		{"rows", "gymrows", filled(`{"verify_responses":[`, `{},`, `]}`)},
		{"rows of a number", "gymrows", filled(`{"verify_responses":[`, `{"a":1},`, `]}`)},
		{"numbers of a row", "gymrows", numbered(`{"verify_responses":[{`, `"%d":1,`, `}]}`)},
		{"passed over fields", "openrlhf", numbered(`{"query":[],`, `"%d":[{}],`, `}`)},
		{"a passed over field again", "openrlhf", filled(`{"query":[],`, `"a":1,`, `}`)},
		{"passed over lists", "openrlhf", filled(`{"query":[],"labels":[`, `[[]],`, `]}`)},
		{"passed over names", "openrlhf", numbered(`{"query":[],"labels":{`, `"%d":1,`, `}}`)},
		{"depth", "openrlhf", filled(`{"labels":`, `[`, ``)},
		{"depth of names", "openrlhf", filled(`{"labels":`, `{"a":`, ``)},
		{"depth at the top", "score", filled(``, `[`, ``)},
		{"one long text", "score", filled(`{"items":[{"text":"`, `a`, `"}]}`)},
		{"one long text of escapes", "score", filled(`{"items":[{"text":"`, `\n`, `"}]}`)},
		{"one long text that is not Unicode", "score", filled(`{"items":[{"text":"`, "\xff", `"}]}`)},
		{"one long name", "score", filled(`{"`, `a`, `":1}`)},
		{"one long word", "score", filled(`{"truncate":"`, `\n`, `"}`)},
		{"one long number", "score", filled(`{"items":[{"input_ids":[`, `1`, `]}]}`)},
		{"one long fraction", "score", filled(`{"items":[{"user":[0.`, `1`, `]}]}`)},
		{"space", "score", filled(``, ` `, ``)},
		{"columns", "score", filled(`{"items":[`, `{"text":"","data_source":"gsm8k","extra_info":{"a":[1]}},`, `]}`)},
		{"many columns", "score", numbered(`{"items":[{`, `"%d":1,`, `}]}`)},
		{"names of columns near to fields", "score", filled(`{"items":[`, `{"referencing":1},`, `]}`)},
		{"metadata", "score", filled(`{"items":[`, `{"id":"a","metadata":{"a":[1,2,3]}},`, `]}`)},
		{"a large metadata", "score", filled(`{"items":[{"metadata":[`, `[],`, `]}]}`)},
		{"short tags", "rank", filled(`{"prompt":"","tags":[`, `{},`, `]}`)},
		{"tags", "rank", filled(`{"prompt":"","tags":[`, `{"id":1,"metadata":2},`, `]}`)},
		{"depth of metadata", "score", filled(`{"items":[{"metadata":`, `[`, ``)},
		{"a long state", "systemone", filled(`{"state":"`, `a`, `","questions":{"a":{"type":"noul"}}}`)},
		{"a state of lists", "systemone", filled(`{"state":[`, `[],`, `],"questions":{"a":{"type":"noul"}}}`)},
		{"questions", "systemone", numbered(`{"state":"","questions":{`, `"%d":{"type":"noul"},`, `}}`)},
		{"choices", "decisions", filled(`{"input":"","questions":[{"type":"choice","instructions":"","choices":[`, `{"value":true},`, `]}]}`)},
		{"levels of many questions", "decisions", filled(`{"input":"","questions":[`, `{"type":"score","instructions":"","levels":[{"label":""},{"label":""},{"label":""}]},`, `]}`)},
		{"golden steps", "golden", filled(`{"steps":[`, `null,`, `]}`)},
		{"golden ids", "golden", filled(`{"ids":[`, `1,`, `]}`)},
		{"golden lists of ids", "golden", filled(`{"ids":[`, `[],`, `]}`)},
	} {
		for _, size := range []int{16 << 10, 1 << 20} {
			text := []byte(test.text(size))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_ = DecodeBody(text, forms[test.form](), Limits{})
			runtime.ReadMemStats(&after)
			took := int(after.TotalAlloc - before.TotalAlloc)
			t.Logf("%-40s %8d bytes take %8d, %5.1f times as much", test.name, len(text), took, float64(took)/float64(len(text)))
			if took > 4<<20+24*len(text) {
				t.Errorf("%s: %d bytes take %d", test.name, len(text), took)
			}
		}
	}
}

// TestAllocations: a few for a request, those of its texts for an item, none for a token.
func TestAllocations(t *testing.T) {
	items := func(n int) []byte {
		return []byte(`{"items":[` + strings.Repeat(`{"prompt":"What is 12 + 30?","response":"It is \"42\"."},`, n-1) + `{"text":"a"}]}`)
	}
	for _, test := range []struct {
		name string
		text []byte
		most float64
	}{
		{"1 item", items(1), 20},
		{"4096 items", items(4096), 4.1 * 4096},
		{"10000 ids", []byte(`{"items":[{"input_ids":[1` + strings.Repeat(",12345", 9999) + `]}]}`), 20},
	} {
		got := testing.AllocsPerRun(20, func() {
			if err := DecodeBody(test.text, new(ScoreRequest), Limits{}); err != nil {
				t.Error(err)
			}
		})
		if got > test.most {
			t.Errorf("%s: %v allocations, and the ceiling is %v", test.name, got, test.most)
		}
	}
}

// TestALimitBelowZeroLetsNothingPass: it is no licence.
func TestALimitBelowZeroLetsNothingPass(t *testing.T) {
	below := Limits{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}
	for text, form := range map[string]string{
		`{"items":[{}]}`: "score", `{"input_ids":[1]}`: "item", `{"messages":[{"role":"u","content":""}]}`: "item", `{"messages":[{"role":"u","content":[""]}]}`: "item", `{"steps":[""]}`: "item", `{"features":{"a":1}}`: "item", `{"candidates":["a"]}`: "item",
		`{"items":[{"x":1}]}`: "score", `{"params":{"a":1},"items":[]}`: "score", `{"given":{"a":1}}`: "item",
	} {
		if err := refusal([]byte(text), forms[form](), below); err == nil || !strings.Contains(err.Detail, "more than -1") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestListsTakeWhatTheyNeed: a list of numbers, or of strings without space between them, has no room to spare.
func TestListsTakeWhatTheyNeed(t *testing.T) {
	item, err := decoded[Item](`{"input_ids":[1`+strings.Repeat(", 23", 999)+`],"user":[1`+strings.Repeat(",2e3", 999)+`],"steps":["a"`+
		strings.Repeat(`,"bcd"`, 999)+`]}`, Limits{})
	if err != nil || cap(item.InputIDs) != 1000 || cap(item.User) != 1000 || cap(item.Steps) != 1000 {
		t.Errorf("room for %d, %d and %d values, %v", cap(item.InputIDs), cap(item.User), cap(item.Steps), err)
	}
}
