package encode

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// changed is a copy of a fixture's encoder whose manifest may be changed.
func changed(m *Encoder) Encoder {
	e := *m
	spec := *e.manifest
	e.manifest = &spec
	return e
}

func leading(ids []int64, id int64) int {
	n := 0
	for n < len(ids) && ids[n] == id {
		n++
	}
	return n
}

// TestLeadingBOS: messages, text with any number of BOS in front, and ids with any number, lead with what the policy
// says.
func TestLeadingBOS(t *testing.T) {
	m := fixture(t, "llama-reward-packed")
	bos := *m.manifest.Tokenizer.BOSID
	mark := m.tokens.Decode(bos)
	rapid.Check(t, func(t *rapid.T) {
		e := changed(m)
		e.manifest.Tokenizer.BOS = rapid.SampledFrom([]string{"none", "one", "two"}).Draw(t, "bos")
		written := rapid.IntRange(0, 4).Draw(t, "written")
		word := rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "word")
		rendered := strings.Repeat(mark, written) + word
		items := map[string]Item{
			"messages": {
				Messages: []chat.Message{{Role: roleUser, Content: word}, {Role: roleAssistant, Content: word}},
			},
			"prompt": {Prompt: &word, Response: &word},
			"text":   {Text: &rendered},
			"ids":    {InputIDs: append(slices.Repeat([]int64{bos}, written), bos+7, bos+9)},
		}
		for form, item := range items {
			want := map[string]int{"one": 1, "two": 2}[e.manifest.Tokenizer.BOS]
			if e.manifest.Tokenizer.BOS == "none" {
				want = written
				if form == "messages" || form == "prompt" {
					want = 1 // the template's own
				}
			}
			got, err := encodeWith(&e, item, TruncateError)
			if err != nil {
				t.Fatal(err)
			}
			if have := leading(got.IDs, bos); have != want || got.Positions[0] != len(got.IDs)-1 {
				t.Fatalf("%s: %d BOS lead %v, read at %d; want %d", form, have, got.IDs, got.Positions, want)
			}
		}
	})
}

// TestEndPolicy: the end policy done twice is the end policy done once, and its id ends every item.
func TestEndPolicy(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	rapid.Check(t, func(t *rapid.T) {
		e := changed(m)
		e.manifest.Tokenizer.End = rapid.SampledFrom([]string{"append", "replace"}).Draw(t, "end")
		end := rapid.Int64Range(0, 9).Draw(t, "id")
		e.manifest.Tokenizer.EndID = &end
		ids := rapid.SliceOfN(rapid.Int64Range(0, 9), 1, 12).Draw(t, "ids")
		once, err := encodeWith(&e, Item{InputIDs: ids}, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := encodeWith(&e, Item{InputIDs: once.IDs}, TruncateError)
		if err != nil || !slices.Equal(once.IDs, twice.IDs) {
			t.Fatalf("%v and then %v, %v", once.IDs, twice.IDs, err)
		}
		extra := 0
		if e.manifest.Tokenizer.End == "append" && ids[len(ids)-1] != end {
			extra = 1
		}
		if last := once.IDs[len(once.IDs)-1]; last != end || len(once.IDs) != len(ids)+extra {
			t.Fatalf("%v became %v, which must end with %d", ids, once.IDs, end)
		}
	})
}

// TestOneIDForBOSAndEnd: where one id leads and ends a text, as GPT-2's reward models have it, a text of that id alone
// is both, and one that has it on both sides gets no other.
func TestOneIDForBOSAndEnd(t *testing.T) {
	e := changed(fixture(t, "llama-reward-packed"))
	one := *e.manifest.Tokenizer.BOSID
	e.manifest.Tokenizer.BOS, e.manifest.Tokenizer.End, e.manifest.Tokenizer.EndID = "one", "append", &one
	other := one + 7
	for _, test := range []struct{ ids, want []int64 }{
		{[]int64{one}, []int64{one}},
		{[]int64{one, one}, []int64{one}},
		{[]int64{other}, []int64{one, other, one}},
		{[]int64{one, other}, []int64{one, other, one}},
		{[]int64{other, one}, []int64{one, other, one}},
		{[]int64{one, other, one, one}, []int64{one, other, one, one}},
	} {
		got, err := encodeWith(&e, Item{InputIDs: test.ids}, TruncateError)
		if err != nil || !slices.Equal(got.IDs, test.want) {
			t.Errorf("%v became %v, %v; want %v", test.ids, got.IDs, err, test.want)
		}
	}
}

// TestPoolingIsThatOfARightPaddedRow: each rule, on the sequence alone, reads what it reads in transformers' row of ids
// with pads behind them, be the pad id the eos, inside the sequence, or absent from it. Rules that read a pad there
// read the last id here.
func TestPoolingIsThatOfARightPaddedRow(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	const pad = int64(1)
	inRow := map[string]func(row []int64) int{
		manifest.PoolLastNotPad: func(row []int64) int { // (position · (id ≠ pad)).argmax
			best := 0
			for at, id := range row {
				if id != pad {
					best = at
				}
			}
			return best
		},
		manifest.PoolBeforeFirstPad: func(row []int64) int { // ((id == pad).argmax − 1) mod L
			return (max(0, slices.Index(row, pad)) - 1 + len(row)) % len(row)
		},
		manifest.PoolCountNotPad: func(row []int64) int { // Σ (id ≠ pad) − 1
			return (len(row) - countOf(row, pad) - 1 + len(row)) % len(row)
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		e := changed(m)
		e.manifest.Tokenizer.PadID = new(pad)
		e.manifest.Pooling = rapid.SampledFrom(
			[]string{manifest.PoolLastNotPad, manifest.PoolBeforeFirstPad, manifest.PoolCountNotPad}).Draw(
			t,
			"pooling",
		)
		ids := rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 12).Draw(t, "ids")
		pads := rapid.IntRange(0, 4).Draw(t, "pads")
		got, err := encodeWith(&e, Item{InputIDs: ids}, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		row := append(slices.Clone(ids), slices.Repeat([]int64{pad}, pads)...)
		want := inRow[e.manifest.Pooling](row)
		nothing := countOf(ids, pad) == len(ids) || e.manifest.Pooling == manifest.PoolBeforeFirstPad && ids[0] == pad
		if nothing {
			want = len(ids) - 1
		}
		if got.Positions[0] != want {
			t.Fatalf("%s of %v: reads %d, want %d", e.manifest.Pooling, ids, got.Positions[0], want)
		}
	})
}

func TestPoolingAtPlaces(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	ids := []int64{9, 4, 5, 9, 4, 5, 7, 9}
	tests := []struct {
		name   string
		change func(e *Encoder)
		read   []int
		fails  string
	}{
		{"last", func(*Encoder) {}, []int{7}, ""},
		{
			"from the end",
			func(e *Encoder) { e.manifest.Pooling, e.manifest.Read.Offset = manifest.PoolFromEnd, 3 },
			[]int{4},
			"",
		},
		{
			"before the start",
			func(e *Encoder) { e.manifest.Pooling, e.manifest.Read.Offset = manifest.PoolFromEnd, 8 },
			nil,
			"reads 8 before the last",
		},
		{"at a token", func(e *Encoder) { e.manifest.Pooling, e.readID = manifest.PoolAtToken, 5 }, []int{5}, ""},
		{
			"at no token",
			func(e *Encoder) { e.manifest.Pooling, e.readID = manifest.PoolAtToken, 6 },
			nil,
			"lacks the token",
		},
		{"prompt", func(e *Encoder) { e.manifest.Prompt.Pattern = []int64{9, 4} }, []int{3, 7}, ""},
		{"no prompt", func(e *Encoder) { e.manifest.Prompt.Pattern = []int64{4, 4} }, nil, "lacks the ids [4 4]"},
		{"prompt after the place read", func(e *Encoder) {
			e.manifest.Pooling, e.readID = manifest.PoolAtToken, 5
			e.manifest.Prompt.Pattern = []int64{7}
		}, nil, "must come later"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := changed(m)
			test.change(&e)
			got, err := encodeWith(&e, Item{InputIDs: ids}, TruncateError)
			if test.fails != "" {
				var known *fault.Error
				if !errors.As(err, &known) || known.Code != fault.CodeItem ||
					!strings.Contains(err.Error(), test.fails) {
					t.Fatalf("%v, want %q", err, test.fails)
				}
				return
			}
			if err != nil || !slices.Equal(got.Positions, test.read) {
				t.Errorf("reads %v, %v; want %v", got.Positions, err, test.read)
			}
		})
	}
}

// TestSeparateSteps: the ids are those of the rendered prompt, and of each step and separator alone; a step is read at
// its last.
func TestSeparateSteps(t *testing.T) {
	m := fixture(t, "qwen3-process-packed")
	rapid.Check(t, func(t *rapid.T) {
		e := changed(m)
		e.manifest.Pooling = "at_step"
		e.manifest.Steps.Tokenize = "separate"
		e.manifest.Steps.Separator = rapid.SampledFrom([]string{"", "\n", " tag"}).Draw(t, "separator")
		e.manifest.Steps.Skip = rapid.IntRange(0, 1).Draw(t, "skip")
		e.manifest.Steps.Offset = rapid.IntRange(0, 2).Draw(t, "offset")
		prompt := rapid.StringMatching(`[a-z ]{1,20}`).Draw(t, "prompt")
		steps := rapid.SliceOfN(rapid.StringMatching(`[a-z0-9 ]{0,12}[a-z]`), 2, 5).Draw(t, "steps")
		got, err := encodeWith(&e, Item{Prompt: &prompt, Steps: steps}, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		text, err := e.template.Render([]chat.Message{{Role: roleUser, Content: prompt}}, true)
		if err != nil {
			t.Fatal(err)
		}
		want, ends := must(e.tokens.Encode(text)), []int(nil)
		for _, step := range steps {
			want = slices.Concat(want, must(e.tokens.Encode(step)), must(e.tokens.Encode(e.manifest.Steps.Separator)))
			ends = append(ends, len(want)-1-e.manifest.Steps.Offset)
		}
		if !slices.Equal(got.IDs, want) || !slices.Equal(got.Steps, ends) ||
			!slices.Equal(got.Positions, ends[e.manifest.Steps.Skip:]) {
			t.Fatalf("%+v, want ids %v read at %v", got, want, ends)
		}
	})
}

func must(ids []int64, err error) []int64 {
	if err != nil {
		panic(err)
	}
	return ids
}

// TestPrefixSteps: a step is read at the last id of the item cut after it, whatever comes later.
func TestPrefixSteps(t *testing.T) {
	m := fixture(t, "qwen3-process-packed")
	e := changed(m)
	e.manifest.Pooling = "at_step"
	e.manifest.Steps.Tokenize, e.manifest.Steps.Separator = "prefix", "\n\n"
	e.template = must2(chat.New(`{{ messages[0].content }}
{{ messages[1].content }}`, nil, time.Time{}))
	prompt, steps := "What is 2 + 2?", []string{"2 + 2 = 4.", "So 4.", "Done"}
	whole, err := encodeWith(&e, Item{Prompt: &prompt, Steps: steps}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	for k := range steps {
		cut, err := encodeWith(&e, Item{Prompt: &prompt, Steps: steps[:k+1]}, TruncateError)
		if err != nil || !slices.Equal(cut.Positions, whole.Positions[:k+1]) || cut.Positions[k] != len(cut.IDs)-1 {
			t.Errorf("%d steps are read at %v of %d ids, %v; all of them at %v", k+1, cut.Positions, len(cut.IDs), err,
				whole.Positions)
		}
	}
	e.manifest.Steps.Separator = "" // "4." and "4.5" may be cut otherwise
	_, err = encodeWith(&e, Item{Prompt: &prompt, Steps: []string{"<|im_", "end|>"}}, TruncateError)
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != fault.CodeBoundary {
		t.Errorf("%v, want %s: the steps together make one token", err, fault.CodeBoundary)
	}
}

func must2(tpl *chat.Template, err error) *chat.Template {
	if err != nil {
		panic(err)
	}
	return tpl
}

// TestTurns: each step is a user turn, the first joined to the prompt, and the separator is the turn after it.
func TestTurns(t *testing.T) {
	e := changed(fixture(t, "qwen3-process-packed"))
	e.manifest.Pooling = "at_step"
	e.manifest.Steps = manifest.Steps{
		Separator:  "+",
		Tokenize:   "prefix",
		Turns:      true,
		Offset:     1,
		Right:      []int{1},
		Activation: "softmax",
	}
	e.template = must2(chat.New(`{% for m in messages %}[{{ m.role[0] }}]{{ m.content }}{% endfor %}.`, nil, time.Time{}))
	got, err := encodeWith(&e, Item{Prompt: new("p q"), Steps: []string{"one", "two"}}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[u]p q one[a]+[u]two[a]+."; got.Text != want {
		t.Errorf("text %q, want %q", got.Text, want)
	}
	for k, at := range got.Positions {
		if text := e.tokens.Decode(got.IDs[at]); text != "+" {
			t.Errorf("step %d is read at %q", k, text)
		}
	}
}

// TestResponseOfALikelihood: what is read are the tokens before each of the response's, from the first that the prompt
// alone lacks.
func TestResponseOfALikelihood(t *testing.T) {
	m := fixture(t, "llama-reward-packed")
	rapid.Check(t, func(t *rapid.T) {
		e := changed(m)
		e.manifest.Likelihood = &manifest.Likelihood{Beta: 1, Norm: "sum"}
		prompt := rapid.StringMatching(`[a-z ]{1,20}`).Draw(t, "prompt")
		response := rapid.StringMatching(`[a-z0-9 ]{0,20}`).Draw(t, "response")
		got, err := encodeWith(&e, Item{Prompt: &prompt, Response: &response}, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		before, err := e.promptIDs(context.Background(), asked{}, []chat.Message{{Role: roleUser, Content: prompt}, {Role: roleAssistant, Content: response}}, formPrompt, true)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.IDs[:got.Response], before[:got.Response]) ||
			len(got.Positions) != len(got.IDs)-got.Response {
			t.Fatalf("%+v; the prompt alone is %v", got, before)
		}
		if got.Response < len(before) && got.IDs[got.Response] == before[got.Response] {
			t.Fatalf("the response begins at %d, too early", got.Response)
		}
		for i, at := range got.Positions {
			if at != got.Response-1+i {
				t.Fatalf("reads %v, want every token from %d", got.Positions, got.Response-1)
			}
		}
	})
	for _, item := range []Item{{Text: new("a")}, {InputIDs: []int64{5, 6}}} {
		e := changed(m)
		e.manifest.Likelihood = &manifest.Likelihood{Beta: 1, Norm: "sum"}
		var known *fault.Error
		if _, err := encodeWith(&e, item, TruncateError); !errors.As(err, &known) || known.Code != fault.CodeItem {
			t.Errorf("%v, want %s", err, fault.CodeItem)
		}
	}
}
