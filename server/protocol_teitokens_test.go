package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/wire"
)

// TestTEITokensAreThoseOfTheTokenizersLibrary: ids, which are special, and where the others stand. The lists are what
// the Python package tokenizers 0.22 says of the same files; its places are in characters, of which é is two bytes.
func TestTEITokensAreThoseOfTheTokenizersLibrary(t *testing.T) {
	const text = "Is 12 é?"
	for bundle, test := range map[string]struct {
		ids    []int64
		places [][2]int // of é both bytes
		plain  string
		whole  string
	}{
		"../encoders/roberta-reranker-packed": {
			[]int64{44, 86, 224, 20, 21, 224, 131, 106, 34},
			[][2]int{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 8}, {6, 8}, {8, 9}},
			text,
			text, // it puts <s> and </s> around a pair, and nothing around one text
		},
		"../families/embedding-bert-mean": {
			[]int64{2, 1, 43, 8, 59, 54, 3},
			[][2]int{{-1, -1}, {0, 2}, {3, 4}, {4, 5}, {6, 8}, {8, 9}, {-1, -1}},
			"1 ##2 e ?",
			"[CLS] [UNK] 1 ##2 e ? [SEP]",
		},
		"llama-reward-packed": {
			[]int64{1, 46, 88, 226, 22, 23, 226, 133, 108, 36},
			[][2]int{{-1, -1}, {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 8}, {6, 8}, {8, 9}},
			text,
			"<|begin_of_text|>" + text,
		},
	} {
		s := realServer(t, bundle)
		got := do(t, s, "POST", "/tokenize", asJSON(t, map[string]any{"inputs": text}))
		if got.status != 200 {
			t.Errorf("%s: %d %s", bundle, got.status, got.body)
			continue
		}
		tokens := decoded[[][]wire.TEIToken](t, got)[0]
		var ids []int64
		for i, token := range tokens {
			ids = append(ids, token.ID)
			if i >= len(test.places) {
				break
			}
			place := [2]int{-1, -1}
			if !token.Special {
				place = [2]int{*token.Start, *token.Stop}
			} else if token.Start != nil || token.Stop != nil || token.Text == "" {
				t.Errorf("%s: special token %d: %+v", bundle, i, token)
			}
			if place != test.places[i] {
				t.Errorf("%s: token %d stands at %v, want %v", bundle, i, place, test.places[i])
			}
			if place[0] >= 0 && token.Text != text[place[0]:place[1]] {
				t.Errorf("%s: token %d is %q, and %q stands there", bundle, i, token.Text, text[place[0]:place[1]])
			}
		}
		if fmt.Sprint(ids) != fmt.Sprint(test.ids) {
			t.Errorf("%s: ids %v, want %v", bundle, ids, test.ids)
		}
		inner := decoded[[][]wire.TEIToken](t, do(t, s, "POST", "/tokenize", asJSON(t, map[string]any{"inputs": []string{text}, "add_special_tokens": false})))[0]
		for _, token := range inner {
			if token.Special {
				t.Errorf("%s: %+v stands in the text alone", bundle, token)
			}
		}
		for skip, want := range map[bool]string{true: test.plain, false: test.whole} {
			texts := decoded[[]string](t, do(t, s, "POST", "/decode", asJSON(t, map[string]any{"ids": [][]int64{test.ids, {}}, "skip_special_tokens": skip})))
			if len(texts) != 2 || texts[0] != want || texts[1] != "" {
				t.Errorf("%s: decoded %q, want %q", bundle, texts, want)
			}
		}
		got = do(t, s, "POST", "/decode", `{"ids":[1,9999999]}`)
		if p := decoded[wire.TEIProblem](t, got); got.status != 422 || !strings.HasPrefix(p.Error, "ids[1]: 9999999 is not between 0 and ") {
			t.Errorf("%s: %d %s", bundle, got.status, got.body)
		}
	}
}

// TestTEITokensAreNeverGuessed: what is asked for otherwise is refused, by TEI's form of a problem.
func TestTEITokensAreNeverGuessed(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{MaxItems: 2})
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/tokenize", `{"inputs":["a","b","c"]}`, 422, "inputs: more than 2, the limit of a request"},
		{"/tokenize", `{"inputs":"a","prompt_name":"query"}`, 422, `prompt_name: "query" is none: no model here has prompts by name`},
		{"/tokenize", `{"inputs":5}`, 422, "inputs: expected array, got 5"},
		{"/decode", `{"ids":[[1],[2],[3]]}`, 422, "ids: more than 2, the limit of a request"},
		{"/decode", `{"ids":"a"}`, 422, `ids: expected array, got "a"`},
		{"/decode?model=nobody", `{"ids":[1]}`, 404, "model: 0 models fit"},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if p := decoded[wire.TEIProblem](t, got); got.status != test.status || !strings.HasPrefix(p.Error, test.want) {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
	}
}
