package wire

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInputsFailAlone: an input with a fault of its own leaves the others as they are.
func TestInputsFailAlone(t *testing.T) {
	tooLong := &Error{CodeTooLong, "input[1]", "more than 2, the limit of an item"}
	for text, want := range map[string]Inputs{
		`{"input":["a","\ud800","b"]}`: {Texts: []string{"a", "\uFFFD", "b"}, Refused: map[int]*Error{
			1: {CodeBadItem, "input[1]", "is not Unicode: half of a surrogate pair, in the string at byte 15"},
		}},
		`{"input":[[1],[1,2,3,4],[5]]}`: {IDs: [][]int64{{1}, nil, {5}}, Refused: map[int]*Error{1: tooLong}},
		`{"input":[1,2,3]}`: {IDs: [][]int64{nil}, Single: true, Refused: map[int]*Error{
			0: {CodeTooLong, "input", "more than 2, the limit of an item"},
		}},
	} {
		got, err := decoded[PoolingRequest](text, Limits{IDs: 2})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if len(got.Input.Texts) > 1 {
			got.Input.Texts[1] = "\uFFFD"
		}
		if diff := cmp.Diff(want, got.Input); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		items := got.Input.Items()
		for i := range items {
			if items[i].Err != want.Refused[i] && *items[i].Err != *want.Refused[i] || (items[i].Err != nil) == (items[i].Text != nil || items[i].InputIDs != nil) {
				t.Errorf("%s: item %d is %+v", text, i, items[i])
			}
		}
	}
	for text, want := range map[string]string{
		`{"input":[1,2.5]}`:                "input[1]: expected integer, got 2.5",
		`{"input":[[1],"a"]}`:              "input[1]: expected array, got \"a\"",
		`{"input":["a",null]}`:             "input[1]: expected string, got null",
		`{"input":null}`:                   "input: expected string or array, got null",
		`{"input":{"a":1}}`:                "input: expected string or array, got an object",
		`{"input":"a","normalize":"no"}`:   "normalize: is no field any more: use_activation says whether the output has its activation",
		`{"input":"a","dimensions":[[0]]}`: "dimensions: is not supported: an output has the model's own size",
		`{"input":"a","softmax":"true"}`:   `softmax: expected boolean, got "true"`,
		`{"input":"\ud800"}`:               "input: is not Unicode: half of a surrogate pair, in the string at byte 10",
	} {
		if _, err := decoded[PoolingRequest](text, Limits{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// TestLabelsAreBounded: as many tokens as candidates, each once.
func TestLabelsAreBounded(t *testing.T) {
	ids := make([]string, DefaultCandidates+1)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	for form, path := range map[string]string{"tokens": "label_token_ids", "sglscore": "label_token_ids"} {
		text := func(n int) []byte {
			return []byte(`{"query":"q","items":["a"],"label_token_ids":[` + strings.Join(ids[:n], ",") + `]}`)
		}
		if err := refusal(text(DefaultCandidates), forms[form](), Limits{}); err != nil {
			t.Errorf("%s: %v", form, err)
		}
		want := path + ": more than 256, the limit of a request"
		if err := refusal(text(DefaultCandidates+1), forms[form](), Limits{}); err == nil || err.Code != CodeTooManyItems || err.Error() != want {
			t.Errorf("%s: %v, want %s", form, err, want)
		}
	}
}
