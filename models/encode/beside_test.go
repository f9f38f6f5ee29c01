package encode

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// compared renders a reference, which it needs, and a principle, which it may do without.
const compared = `{% if principle is defined %}[{{ principle }}]{% endif %}{{ reference }}=` +
	`{% for m in messages %}{{ m['role'] + ':' + m['content'] + ' ' }}{% endfor %}`

// withFields is the encoder of a fixture with another template and the fields that it names.
func withFields(template string, fields map[string]string) (*Encoder, error) {
	read := func(file string) []byte {
		data, err := os.ReadFile("../testdata/bundles/qwen3-reward-packed/" + file)
		if err != nil {
			panic(err)
		}
		return data
	}
	m, err := manifest.Parse(read("assay.yaml"))
	if err != nil {
		return nil, err
	}
	m.Template.Fields = fields
	return New(&m, read("tokenizer.json"), template, 0)
}

func both(t *testing.T) *Encoder {
	t.Helper()
	e, err := withFields(compared, map[string]string{"reference": "required", "principle": "optional"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestTemplatesNameWhatStandsBeside: a text that is given is a variable of the template, whatever it says, and one that
// is not is undefined.
func TestTemplatesNameWhatStandsBeside(t *testing.T) {
	e := both(t)
	for want, item := range map[string]Item{
		"42=user:p assistant:r ":       {Prompt: new("p"), Response: new("r"), Reference: new("42")},
		"=user:p assistant:r ":         {Prompt: new("p"), Response: new("r"), Reference: new("")},
		"[]42=user:p assistant:r ":     {Prompt: new("p"), Response: new("r"), Reference: new("42"), Principle: new("")},
		"[{{ b }}]é=user:p ":           {Messages: []chat.Message{{Role: "user", Content: "p"}}, Reference: new("é"), Principle: new("{{ b }}")},
		"reference=user:reference ":    {Messages: []chat.Message{{Role: "user", Content: "reference"}}, Reference: new("reference")},
		"rendered by whoever asks for": {Text: new("rendered by whoever asks for")},
	} {
		got, err := encodeWith(e, item, TruncateError)
		if err != nil || got.Text != want {
			t.Errorf("%q, %v; want %q", got.Text, err, want)
		}
	}
}

func TestRefusalsOfWhatStandsBeside(t *testing.T) {
	e, plain, features := both(t), fixture(t, "qwen3-reward-packed"), fixture(t, "../heads/judge")
	for _, test := range []struct {
		model *Encoder
		item  Item
		want  string
	}{
		{e, Item{Prompt: new("p"), Response: new("r")}, "reference is missing, and the template of model \"qwen3-reward-packed\" needs it"},
		{e, Item{Messages: []chat.Message{{Role: "user", Content: "p"}}, Principle: new("x")}, "reference is missing"},
		{e, Item{Text: new("t"), Reference: new("42")}, "text stands alone: reference goes with prompt or messages"},
		{e, Item{InputIDs: []int64{9}, Principle: new("x")}, "input_ids stands alone: principle goes with prompt or messages"},
		{plain, Item{Prompt: new("p"), Response: new("r"), Reference: new("42")}, "reference is for models whose template names it, and that of model"},
		{plain, Item{Prompt: new("p"), Response: new("r"), Principle: new("")}, "principle is for models whose template names it"},
		{plain, Item{Text: new("t"), Principle: new("x")}, "principle is for models whose template names it"},
		{features, Item{Features: Features{"length": 1}, Reference: new("42")}, "reads features, and an item of it has no other form"},
	} {
		_, err := encodeWith(test.model, test.item, TruncateError)
		refusedItem(t, err, fault.CodeItem, test.want)
	}
}

// TestItemsShareARenderingWithEqualTexts: of two items that differ in what stands beside them, none gets the other's.
func TestItemsShareARenderingWithEqualTexts(t *testing.T) {
	e := both(t)
	item := func(response, reference string, principle *string) Item {
		return Item{Prompt: new("1 + 1?"), Response: &response, Reference: &reference, Principle: principle}
	}
	items := []Item{
		item("a", "x", nil), item("b", "x", nil), item("c", "y", nil), item("d", "y", nil), item("e", "x", new("")), item("f", "x", new("")),
		item("g", "y", new("x")), item("h", "x", new("y")),
		{Prompt: new("1 + 1?"), Response: new("i")},
		item("j", "x", nil),
	}
	members := e.families(items)
	for i, want := range []int{0, 0, 2, 2, 4, 4, -1, -1, -1, 0} {
		if have := members[i].family; (have == nil) != (want < 0) || want >= 0 && have != members[want].family {
			t.Errorf("item %d is of family %p", i, have)
		}
	}
	all, err := e.All(t.Context(), NewGate(), items, Options{Truncate: TruncateError, KeepText: true}, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"x=user:1 + 1? assistant:a ", "x=user:1 + 1? assistant:b ", "y=user:1 + 1? assistant:c ", "y=user:1 + 1? assistant:d ",
		"[]x=user:1 + 1? assistant:e ", "[]x=user:1 + 1? assistant:f ", "[x]y=user:1 + 1? assistant:g ", "[y]x=user:1 + 1? assistant:h ",
		"", "x=user:1 + 1? assistant:j ",
	} {
		if all[i].Text != want || (all[i].Err == nil) != (want != "") {
			t.Errorf("item %d: %q, %v; want %q", i, all[i].Text, all[i].Err, want)
		}
	}
	if members[0].family.whole() == nil {
		t.Error("responses with one reference are rendered one by one")
	}
}

// TestWhatStandsBesideCounts: it is rendered and tokenized as the prompt is.
func TestWhatStandsBesideCounts(t *testing.T) {
	e, long := both(t), strings.Repeat("x", 1000)
	bare := Item{Prompt: new("p"), Response: new("r"), Reference: new("")}
	with := bare
	with.Reference, with.Principle = &long, &long
	if more := e.Cost(&with) - e.Cost(&bare); more != 2*len(long) {
		t.Errorf("2 texts of %d bytes count %d", len(long), more)
	}
}

// TestItemsOfPartsAreNotCut: a cut would take a reference for a part of the response, or leave half of one.
func TestItemsOfPartsAreNotCut(t *testing.T) {
	e := changed(both(t))
	e.manifest.Limits.MaxTokens = 8
	for _, item := range []Item{
		{Prompt: new("p"), Response: new(strings.Repeat("r ", 40)), Reference: new("42")},
		{Text: new(strings.Repeat("t ", 40))},
		{InputIDs: make([]int64, 9)},
	} {
		for _, how := range []Truncation{TruncateError, TruncateLeft, TruncateRight} {
			_, err := encodeWith(&e, item, how)
			refusedItem(t, err, fault.CodeTooLong, "an item made of parts is not cut")
		}
	}
}

// TestFieldsAreProved: a template that is said to name a field writes it.
func TestFieldsAreProved(t *testing.T) {
	for _, test := range []struct{ template, field, want string }{
		{"{{ messages[0].content }}", "reference", "template.fields has reference, and template.file chat_template.jinja does not write it"},
		{"{# principle #}{{ messages[0].content }}", "principle", "template.fields has principle, and template.file"},
		{"{{ reference }}{{ messages[0].content }}", "principle", "template.fields has principle, and template.file"},
		{"{{ raise_exception('never') }}", "reference", "a conversation of two turns cannot be encoded"},
	} {
		_, err := withFields(test.template, map[string]string{test.field: "required"})
		refusedItem(t, err, fault.CodeBundle, test.want)
	}
}
