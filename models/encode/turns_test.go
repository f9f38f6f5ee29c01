package encode

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

const (
	partsTemplate = `{% for m in messages %}{{ m.role }}:{% if m.content is string %}{{ m.content }}{% else %}` +
		`{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %} {% endfor %}`
	textTemplate = `{% for m in messages %}{{ m.role + ':' + m.content + ' ' }}{% endfor %}`
	callTemplate = `{% for m in messages %}{{ m.role }}:{{ m.reasoning_content or '' }}{{ m.content }}{{ m.tool_calls or '' }} {% endfor %}`
	oddTemplate  = `{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}({{ p.text }}){% endfor %}{% endif %}{% endfor %}`
)

// twoParts is a conversation whose user's turn has two texts, as a protocol gives it.
func twoParts() []chat.Message {
	return []chat.Message{
		{Role: "user", Content: "12\n+ 30?", More: &chat.More{Parts: []string{"12", "+ 30?"}}},
		{Role: "assistant", Content: "42"},
	}
}

// TestContentsInParts: an item is read as the one whose turns have the texts put together, alone and among mates, by
// the template's way of putting them together.
func TestContentsInParts(t *testing.T) {
	for template, want := range map[string]string{
		partsTemplate: "user:12+ 30? assistant:42 ",
		textTemplate:  "user:12\n+ 30? assistant:42 ",
	} {
		e, err := withFields(template, nil)
		if err != nil {
			t.Fatal(err)
		}
		given := twoParts()
		got, err := encodeWith(e, Item{Messages: given}, TruncateError)
		if err != nil || got.Text != want {
			t.Errorf("%q, %v; want %q", got.Text, err, want)
		}
		if given[0].Content != "12\n+ 30?" || given[0].More == nil {
			t.Errorf("what was given is changed: %+v", given)
		}
		plain := []chat.Message{{Role: "user", Content: strings.TrimSuffix(strings.TrimPrefix(want, "user:"), " assistant:42 ")}}
		items := []Item{
			{Messages: plain, Response: new("42")}, {Messages: given[:1], Response: new("42")}, {Messages: given[:1], Response: new("43")}, {Messages: given},
		}
		outcomes, err := e.All(t.Context(), NewGate(), items, Options{Truncate: TruncateError, KeepText: true}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i, out := range outcomes {
			text := want
			if i == 2 {
				text = strings.Replace(want, "42", "43", 1)
			}
			if out.Err != nil || out.Text != text || i != 2 && !slices.Equal(out.IDs, got.IDs) {
				t.Errorf("%d: %q, %v; want %q", i, out.Text, out.Err, text)
			}
		}
	}
}

// TestTurnsThatATemplateDoesNotRead are refused: they would be left out of what is scored.
func TestTurnsThatATemplateDoesNotRead(t *testing.T) {
	turn := func(more chat.More) Item {
		return Item{Messages: []chat.Message{{Role: "user", Content: "a"}, {Role: "assistant", Content: "b", More: &more}}}
	}
	calls := chat.More{ToolCalls: json.RawMessage(`[1]`)}
	for _, test := range []struct {
		template string
		item     Item
		want     string // the text, or the beginning of the refusal
		refused  bool
	}{
		{callTemplate, turn(calls), "user:a assistant:b[1] ", false},
		{callTemplate, turn(chat.More{Reasoning: new("so ")}), "user:a assistant:so b ", false},
		{textTemplate, turn(calls), "messages[1].tool_calls: model ", true},
		{textTemplate, turn(chat.More{Reasoning: new("so")}), "messages[1].reasoning_content: model ", true},
		{textTemplate, turn(chat.More{Name: new("n"), ToolCallID: new("c")}), "user:a assistant:b ", false},
		{oddTemplate, Item{Messages: twoParts()}, "messages[0].content came in parts, which the chat template of model ", true},
	} {
		e, err := withFields(test.template, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encodeWith(e, test.item, TruncateError)
		var of *fault.Error
		switch {
		case test.refused && (!errors.As(err, &of) || of.Code != fault.CodeItem || !strings.HasPrefix(err.Error(), test.want)):
			t.Errorf("%v, want %s", err, test.want)
		case !test.refused && (err != nil || got.Text != test.want):
			t.Errorf("%q, %v; want %q", got.Text, err, test.want)
		}
	}
}

// TestTheCostOfMoreThanText counts it.
func TestTheCostOfMoreThanText(t *testing.T) {
	e, err := withFields(callTemplate, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := Item{Messages: []chat.Message{{Role: "assistant", Content: "b"}}}
	more := Item{Messages: []chat.Message{{Role: "assistant", Content: "b", More: &chat.More{
		Name: new("12"), ToolCallID: new("345"), Reasoning: new("6789"), ToolCalls: json.RawMessage(`[1,22]`),
	}}}}
	if got := e.Cost(&more) - e.Cost(&plain); got != 2+3+4+6 {
		t.Errorf("%d bytes", got)
	}
}
