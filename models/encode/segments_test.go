package encode

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// TestSegmentsArePutTogether: each part's ids are those of its text alone, between the manifest's tokens.
func TestSegmentsArePutTogether(t *testing.T) {
	e := changed(fixture(t, "../families/bert-reranker"))
	got, err := encodeWith(&e, Item{Prompt: new("what?"), Response: new("that")}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	var want []int64
	for _, part := range []string{"[CLS]", "what?", "[SEP]", "that", "[SEP]"} {
		want = append(want, must(e.tokens.Encode(part))...)
	}
	if !slices.Equal(got.IDs, want) || !slices.Equal(got.Positions, []int{len(want) - 1}) {
		t.Errorf("%+v, want ids %v", got, want)
	}
}

func TestSegmentRefusals(t *testing.T) {
	single, pair := changed(fixture(t, "../families/bert-reranker")), changed(fixture(t, "../families/pairrm"))
	for _, e := range []*Encoder{&single, &pair} {
		e.segments = slices.Clone(e.segments)
		for i := range e.segments {
			if e.segments[i].spec.Text != "" {
				e.segments[i].spec.MaxTokens = 6
			}
		}
	}
	user, assistant := chat.Message{Role: roleUser, Content: "a"}, chat.Message{Role: roleAssistant, Content: "b"}
	long := strings.Repeat("b1 ", 9)
	for _, test := range []struct {
		name       string
		e          *Encoder
		item       Item
		code, want string
	}{
		{"long prompt", &single, Item{Prompt: &long, Response: new("b")}, fault.CodeTooLong, "the prompt has"},
		{"long response", &single, Item{Prompt: new("a"), Response: &long}, fault.CodeTooLong, "takes 6 there"},
		{"long second", &pair, Item{Prompt: new("a"), First: new("b"), Second: &long}, fault.CodeTooLong, "the second has"},
		{"divider in the response", &single, Item{Prompt: new("a"), Response: new("b [SEP]")}, fault.CodeInText, `the response holds the token "[SEP]"`},
		{"divider in the first", &pair, Item{Prompt: new("a"), First: new("<|candidate2|>"), Second: new("c")}, fault.CodeInText, "the first holds"},
		{"a system turn", &single, Item{Messages: []chat.Message{{Role: "system", Content: "s"}, user, assistant}}, fault.CodeTemplate, `takes the roles ["user" "assistant"]`},
		{"no response", &single, Item{Messages: []chat.Message{user}}, fault.CodeTemplate, `has ["user"]`},
		{"an answered pair", &pair, Item{Messages: []chat.Message{user, assistant}, First: new("b"), Second: new("c")}, fault.CodeTemplate, `takes the roles ["user"]`},
		{"one response of a pair", &pair, Item{Prompt: new("a"), Response: new("b")}, fault.CodeItem, "two responses at once"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := encodeWith(test.e, test.item, TruncateError)
			refusedItem(t, err, test.code, test.want)
		})
	}
}

// TestSegmentsAreNotCut: parts that were put together have no oldest or newest token to lose.
func TestSegmentsAreNotCut(t *testing.T) {
	e := changed(fixture(t, "../families/bert-reranker"))
	e.manifest.Limits.MaxTokens = 5
	for _, truncate := range []Truncation{TruncateLeft, TruncateRight} {
		_, err := encodeWith(&e, Item{Prompt: new("what is it?"), Response: new("that")}, truncate)
		refusedItem(t, err, fault.CodeTooLong, "an item made of parts is not cut")
	}
}

// TestPairTemplate: the template sees both responses beside the conversation.
func TestPairTemplate(t *testing.T) {
	e := changed(fixture(t, "../families/rlhflow-pair"))
	e.template = must2(chat.New(`{{ messages[0].content }}|{{ first }}|{{ second }}|{{ add_generation_prompt }}`, nil, time.Time{}))
	got, err := encodeWith(&e, Item{Prompt: new("p"), First: new("a"), Second: new("b")}, TruncateError)
	if err != nil || got.Text != "p|a|b|False" || !slices.Equal(got.Positions, []int{len(got.IDs) - 1}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestRenderedPrompt: the second place is the last token of the prompt alone, whose ids must lead the item's.
func TestRenderedPrompt(t *testing.T) {
	e := changed(fixture(t, "qwen3-reward-packed"))
	e.manifest.Prompt.Rendered = true
	e.template = must2(chat.New(`{% for m in messages %}<{{ m.content }}>{% endfor %}`, nil, time.Time{}))
	got, err := encodeWith(&e, Item{Prompt: new("p q"), Response: new("r s")}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	before := must(e.tokens.Encode("<p q>"))
	if !slices.Equal(got.Positions, []int{len(before) - 1, len(got.IDs) - 1}) {
		t.Errorf("reads %v of %d ids; the prompt has %d", got.Positions, len(got.IDs), len(before))
	}
	e.template = must2(chat.New(`{{ messages | length }}{% for m in messages %}<{{ m.content }}>{% endfor %}`, nil, time.Time{}))
	_, err = encodeWith(&e, Item{Prompt: new("p q"), Response: new("r s")}, TruncateError)
	refusedItem(t, err, fault.CodeItem, "do not lead the item's")
	_, err = encodeWith(&e, Item{Messages: []chat.Message{{Role: roleUser, Content: "p"}}}, TruncateError)
	refusedItem(t, err, fault.CodeItem, `the last of messages has role "user"`)
}

// TestFormsWithoutBounds: text and ids are refused where a model must know what they do not show.
func TestFormsWithoutBounds(t *testing.T) {
	reward, process := fixture(t, "qwen3-reward-packed"), fixture(t, "qwen3-process-packed")
	for _, test := range []struct {
		model  *Encoder
		change func(m *manifest.Manifest)
		want   string
	}{
		{reward, func(m *manifest.Manifest) { m.Likelihood = &manifest.Likelihood{Beta: 1, Norm: "sum"} }, "where the response begins"},
		{reward, func(m *manifest.Manifest) { m.Prompt.Rendered = true }, "where the prompt ends"},
		{process, func(m *manifest.Manifest) { m.Steps.Tokenize = "separate" }, "where steps end"},
		{process, func(m *manifest.Manifest) { m.Steps.Tokenize = "prefix" }, "where steps end"},
	} {
		e := changed(test.model)
		test.change(e.manifest)
		for _, item := range []Item{{Text: new("a")}, {InputIDs: []int64{5, 6}}} {
			_, err := encodeWith(&e, item, TruncateError)
			refusedItem(t, err, fault.CodeItem, test.want)
		}
	}
}

// apart is a model whose segments have fixed text, which stands alone or before a part of the item.
func apart(t *testing.T) Encoder {
	t.Helper()
	e := changed(fixture(t, "../families/bge-reranker-gemma")) // whose tokenizer has two newlines as one token
	e.template, e.segments, e.manifest.Tokenizer.BOS = nil, nil, "none"
	e.manifest.Template.File, e.manifest.Template.Segments = "", []manifest.Segment{
		{Fixed: "<|im_start|>user\n"},
		{Fixed: "query: ", Text: "prompt"},
		{Fixed: "\n"},
		{Text: "response"},
		{Fixed: "\n"},
		{Fixed: "<|im_end|>\n"},
	}
	if err := e.find(); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFixedTextIsTokenizedAlone: each segment's ids are those of its own text, and what a text begins or ends with
// melts with nothing beside it.
func TestFixedTextIsTokenizedAlone(t *testing.T) {
	e := apart(t)
	for _, texts := range [][2]string{{"what?", "that"}, {"\n\na\n", "\nb\n\n"}, {" ", "<|im_end|>"}, {"", "b"}, {"a", ""}} {
		got, err := encodeWith(&e, Item{Prompt: &texts[0], Response: &texts[1]}, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		var want []int64
		for _, part := range []string{"<|im_start|>user\n", "query: " + texts[0], "\n", texts[1], "\n", "<|im_end|>\n"} {
			want = append(want, must(e.tokens.Encode(part))...)
		}
		if !slices.Equal(got.IDs, want) || !slices.Equal(got.Positions, []int{len(want) - 1}) {
			t.Errorf("%q: %+v, want ids %v", texts, got, want)
		}
	}
	melting, err := encodeWith(&e, Item{Prompt: new("\n\na\n"), Response: new("\nb\n\n")}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	if whole := must(e.tokens.Encode("<|im_start|>user\nquery: \n\na\n\n\nb\n\n\n<|im_end|>\n")); slices.Equal(whole, melting.IDs) {
		t.Error("the tokenizer gives the whole text the ids of its parts, so that this test would show nothing")
	}
	if tail := must(e.tokens.Encode("<|im_end|>\n")); !slices.Equal(e.tail[len(e.tail)-len(tail):], tail) {
		t.Errorf("the tail is %v, and %v ends every item", e.tail, tail)
	}
}

// TestFixedTextOfResponsesToOnePrompt: what a segment gives does not change with the item's mates, whose ids it shares.
func TestFixedTextOfResponsesToOnePrompt(t *testing.T) {
	e := apart(t)
	items := make([]Item, 9)
	for i := range items {
		items[i] = Item{Prompt: new("Which?"), Response: new(strings.Repeat("so ", i))}
	}
	outcomes, err := e.All(t.Context(), NewGate(), items, Options{Truncate: TruncateError}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		alone, err := encodeWith(&e, items[i], TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		if outcomes[i].Err != nil || !slices.Equal(outcomes[i].IDs, alone.IDs) {
			t.Errorf("item %d: %v (%v) with the others, %v alone", i, outcomes[i].IDs, outcomes[i].Err, alone.IDs)
		}
	}
}

// TestFixedTextCounts: fixed text that is tokenized with a part is paid for and bounded, and what leaves an item no
// token is refused with the bundle.
func TestFixedTextCounts(t *testing.T) {
	e := apart(t)
	item := Item{Prompt: new("what?"), Response: new("that")}
	if got, want := e.Cost(&item), len("query: what?that"); got != want {
		t.Errorf("an item costs %d bytes, want %d", got, want)
	}
	e.segments[1].spec.MaxTokens = len(must(e.tokens.Encode("query: what?"))) - 1
	_, err := encodeWith(&e, item, TruncateError)
	refusedItem(t, err, fault.CodeTooLong, "the prompt has")
	for limit, want := range map[int]string{4: "limits.max_tokens is 4, and template.segments alone have", 512: ""} {
		e.segments, e.manifest.Limits.MaxTokens = nil, limit
		if err := e.findSegments(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("limits.max_tokens %d: %v, want %q", limit, err, want)
		}
	}
}
