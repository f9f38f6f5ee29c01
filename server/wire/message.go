package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// Message is one turn of a conversation, as the clients of chat APIs send it. A field that it does not have is passed
// over where it is null or empty, as such clients send every field that they know.
type Message struct {
	_       struct{} `additionalProperties:"true"`
	Role    string   `json:"role" doc:"system, user or assistant" minLength:"1"`
	Content Content  `json:"content" required:"false" doc:"The turn's text, or a list of texts; null or left out only beside tool_calls"`
	*Further
}

// Further is what a turn may have beside its text, for a chat template that reads it.
type Further struct {
	Name       *string         `json:"name,omitempty" nullable:"true" doc:"Who speaks"`
	ToolCallID *string         `json:"tool_call_id,omitempty" nullable:"true" doc:"Of a tool's turn: the call that it answers"`
	Reasoning  *string         `json:"reasoning_content,omitempty" nullable:"true" doc:"What the assistant thought before its text; of a template that reads it"`
	Thoughts   *string         `json:"reasoning,omitempty" nullable:"true" doc:"Another name of reasoning_content"`
	ToolCalls  json.RawMessage `json:"tool_calls,omitempty" doc:"A list of calls in the form of OpenAI's API; of a template that reads it"`
}

// Content is the text of a turn, or the texts that it is in parts of.
type Content struct {
	Text  string
	Parts []string // instead of Text; nil: there are none
}

// String is the content as one text, its parts on lines of their own: as vLLM gives them to a template that does not
// read parts itself.
func (c *Content) String() string {
	if c.Parts != nil {
		return strings.Join(c.Parts, "\n")
	}
	return c.Text
}

// MarshalJSON writes what is read again as the same content.
func (c Content) MarshalJSON() ([]byte, error) {
	if c.Parts != nil {
		return json.Marshal(c.Parts)
	}
	return json.Marshal(c.Text)
}

// Part is one of several texts of a turn. What else it has is passed over.
type Part struct {
	_    struct{} `additionalProperties:"true"`
	Type string   `json:"type" enum:"text,input_text,output_text"`
	Text string   `json:"text"`
}

// Schema describes the forms that a content has.
func (Content) Schema(r huma.Registry) *huma.Schema {
	part := r.Schema(reflect.TypeFor[Part](), true, "")
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString, Nullable: true},
		{Type: huma.TypeArray, Items: &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString}, part}}},
	}}
}

var messageForm = form[Message]{
	fields: append([]field[Message]{
		{"role", true, (*decoder).role},
		{"content", false, (*decoder).contents},
	}, within(further, furtherFields)...),
	other: (*decoder).absent,
	check: func(d *decoder, m *Message) error { return m.settle(d) },
}

var furtherFields = []field[Further]{
	{"name", false, func(d *decoder, f *Further) error { return d.orNull(&f.Name) }},
	{"tool_call_id", false, func(d *decoder, f *Further) error { return d.orNull(&f.ToolCallID) }},
	{"reasoning_content", false, func(d *decoder, f *Further) error { return d.orNull(&f.Reasoning) }},
	{"reasoning", false, func(d *decoder, f *Further) error { return d.orNull(&f.Thoughts) }},
	{"tool_calls", false, func(d *decoder, f *Further) error { return d.toolCalls(&f.ToolCalls) }},
}

// part is a [Part] as it is read.
type part struct {
	kind string
	text *string
}

var partForm = form[part]{
	fields: []field[part]{
		{"type", true, func(d *decoder, p *part) error { return d.text(&p.kind) }},
		{"text", false, func(d *decoder, p *part) error { return d.orNull(&p.text) }},
	},
	lenient: true,
	check: func(d *decoder, p *part) error {
		switch {
		case p.kind != "text" && p.kind != "input_text" && p.kind != "output_text":
			return d.spoiled(CodeBadItem, "is a part of the type %q, and a turn may have parts of text alone: text, input_text and output_text", short(p.kind))
		case p.text == nil:
			return d.spoiled(CodeInvalidField, "expected required property text to be present")
		}
		return nil
	},
}

// role reads who speaks, which may not be empty. A role that is not Unicode is one that is there.
func (d *decoder) role(into *Message) error {
	if err := d.text(&into.Role); err != nil {
		return err
	}
	if into.Role == "" && d.spoil == nil {
		return d.invalid(`expected length >= 1, got ""`)
	}
	return nil
}

// messages reads a conversation.
func (d *decoder) messages(into *[]Message) error {
	return list(d, into, ofItem(d.limits.Messages), func(d *decoder, m *Message) error {
		d.content = false
		return object(d, &messageForm, m)
	})
}

// contents reads a text, or a list of texts; a null is as good as none.
func (d *decoder) contents(into *Message) error {
	switch d.in.PeekKind() { //nolint:exhaustive // whatever else it is is wrong
	case jsontext.KindNull:
		return d.leave()
	case jsontext.KindString:
		d.content = true
		return d.text(&into.Content.Text)
	case jsontext.KindBeginArray:
		d.content = true
		return list(d, &into.Content.Parts, ofItem(d.limits.Parts), (*decoder).part)
	}
	return d.wrong("string or array")
}

// part reads one of the texts of a turn.
func (d *decoder) part(into *string) error {
	if d.in.PeekKind() == jsontext.KindString {
		return d.text(into)
	}
	var one part
	err := object(d, &partForm, &one)
	if one.text != nil {
		*into = *one.text
	}
	return err
}

// orNull reads a string; a null is as good as none.
func (d *decoder) orNull(into **string) error {
	if none, err := d.null(); none || err != nil {
		return err
	}
	return d.optional(into)
}

// toolCalls reads a list of objects that is handed on as it is. One that is null or empty is none.
func (d *decoder) toolCalls(into *json.RawMessage) error {
	if kind := d.in.PeekKind(); kind != jsontext.KindBeginArray && kind != jsontext.KindNull {
		return d.wrong("array")
	}
	raw, err := d.raw()
	if err != nil || empty(raw) {
		return err
	}
	value := jsontext.Value(bytes.Clone(raw))
	if !value.IsValid(jsontext.AllowDuplicateNames(true)) {
		return d.spoiled(d.unread(), "is not Unicode: a string in the value at byte %d", int(d.in.InputOffset())-len(raw)+1)
	}
	if err := value.Compact(); err != nil {
		return d.syntax(err)
	}
	*into = json.RawMessage(value)
	return nil
}

// raw reads any value, which is not deeper than the limit, and gives its bytes. They are valid as long as the text is.
func (d *decoder) raw() ([]byte, error) {
	begin := d.in.InputOffset()
	if err := d.skip(); err != nil {
		return nil, err
	}
	return bytes.TrimLeft(d.whole[begin:d.in.InputOffset()], " \t\r\n:"), nil
}

// empty tells whether a value is null or has nothing in it.
func empty(raw []byte) bool {
	switch raw[0] {
	case 'n':
		return true
	case '"':
		return len(raw) == 2
	case '[', '{':
		return len(bytes.TrimLeft(raw[1:], " \t\r\n")) == 1
	}
	return false
}

// silent are the fields of a turn that clients of chat APIs send and that hold what no template is given. An item in
// which one of them holds something fails.
var silent = map[string]bool{"refusal": true, "audio": true, "function_call": true, "annotations": true}

// absent reads a field that a turn does not have, and refuses it unless it is null or empty.
func (d *decoder) absent(name string) error {
	raw, err := d.raw()
	switch {
	case err != nil || empty(raw):
		return err
	case silent[name]:
		return d.spoiled(CodeBadItem, "holds something, and no model is given it: a turn has role, content, name, tool_calls, tool_call_id and reasoning_content")
	}
	return d.fail(CodeUnknownField, "unknown field")
}

// further is what a turn has beside its text.
func further(m *Message) *Further {
	if m.Further == nil {
		m.Further = new(Further)
	}
	return m.Further
}

// settle drops what says nothing, and refuses a turn without a content, unless it calls tools.
func (m *Message) settle(d *decoder) error {
	if f := m.Further; f != nil && f.Name == nil && f.ToolCallID == nil && f.Reasoning == nil && f.Thoughts == nil && f.ToolCalls == nil {
		m.Further = nil
	}
	if m.Further != nil && m.Reasoning != nil && m.Thoughts != nil && *m.Reasoning != *m.Thoughts {
		return d.spoiled(CodeBadItem, "has reasoning and reasoning_content, which are two names of one thing, and they differ")
	}
	if d.content || m.Further != nil && m.ToolCalls != nil {
		return nil
	}
	d.path = append(d.path, member("content"))
	err := d.spoiled(CodeInvalidField, "is null or left out, which only a turn with tool_calls may be")
	if err == nil {
		d.path = d.path[:len(d.path)-1]
	}
	return err
}
