package encode

import (
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

// inOneText gives items whose turns have one text each, where their content came in parts: put together as the template
// would. A turn whose parts it reads otherwise keeps them, and is refused by [Encoder.checkTurns]. Items without parts
// are the same, and so are the messages that several items share.
func (e *Encoder) inOneText(items []Item) []Item {
	if e.template == nil || !slices.ContainsFunc(items, func(item Item) bool { return slices.ContainsFunc(item.Messages, inParts) }) {
		return items
	}
	items = slices.Clone(items)
	var given, made []chat.Message // the latest
	for i := range items {
		of := items[i].Messages
		if len(of) == 0 {
			continue
		}
		if len(given) != len(of) || &given[0] != &of[0] {
			given, made = of, e.withoutParts(of)
		}
		items[i].Messages = made
	}
	return items
}

func inParts(m chat.Message) bool { return m.More != nil && m.More.Parts != nil }

// withoutParts gives messages without parts, as far as the template joins them.
func (e *Encoder) withoutParts(messages []chat.Message) []chat.Message {
	messages = slices.Clone(messages)
	for i := range messages {
		m := &messages[i]
		if !inParts(*m) {
			continue
		}
		between, ok := e.template.Join(m.Role)
		if !ok {
			continue
		}
		m.Content = strings.Join(m.More.Parts, between)
		more := *m.More
		more.Parts = nil
		if m.More = &more; more.Name == nil && more.ToolCallID == nil && more.Reasoning == nil && more.ToolCalls == nil {
			m.More = nil
		}
	}
	return messages
}

// checkTurns refuses a turn with something that the model's template does not read, and would leave out of the text.
func (e *Encoder) checkTurns(messages []chat.Message) error {
	for i := range messages {
		more := messages[i].More
		switch t := e.template; {
		case more == nil:
		case more.ToolCalls != nil && (t == nil || !t.ReadsToolCalls()):
			return e.unread(i, "tool_calls")
		case more.Reasoning != nil && (t == nil || !t.ReadsReasoning()):
			return e.unread(i, "reasoning_content")
		case more.Parts != nil && t != nil:
			return fault.New(fault.CodeItem, "messages[%d].content came in parts, which the chat template of model %q reads in a way of its own; send one text",
				i, e.manifest.Name)
		}
	}
	return nil
}

func (e *Encoder) unread(message int, field string) error {
	return fault.New(fault.CodeItem, "messages[%d].%s: model %q has no chat template that reads it, so it would not be scored; leave it out, or write it into content",
		message, field, e.manifest.Name)
}
