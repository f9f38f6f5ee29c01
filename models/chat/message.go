package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role" doc:"system, user or assistant" minLength:"1"`
	Content string `json:"content" doc:"The turn's text"`
	More    *More  `json:"-"` // nil: nothing
}

// More is what a turn may have beside its text, for a template that reads it.
type More struct {
	Parts      []string        // of the content, where it came in parts; Content has them on lines of their own
	Name       *string         // who speaks
	ToolCallID *string         // of a tool's turn: the call that it answers
	Reasoning  *string         // what the assistant thought before its text
	ToolCalls  json.RawMessage // a list of calls in the form of OpenAI's API
}

// turn is a message as a template sees it. What the assistant thought has the two names that templates know, as in
// vLLM.
type turn struct {
	Role       string          `json:"role"`
	Content    any             `json:"content"`
	Reasoning  *string         `json:"reasoning_content,omitempty"`
	Thoughts   *string         `json:"reasoning,omitempty"`
	ToolCalls  json.RawMessage `json:"tool_calls,omitempty"`
	Name       *string         `json:"name,omitempty"`
	ToolCallID *string         `json:"tool_call_id,omitempty"`
}

// seen are the messages as a template sees them; none is an empty list.
func seen(messages []Message) any {
	plain := true
	for i := range messages {
		plain = plain && messages[i].More == nil
	}
	if plain {
		return append([]Message{}, messages...)
	}
	turns := make([]turn, len(messages))
	for i := range messages {
		m := &messages[i]
		turns[i] = turn{Role: m.Role, Content: m.Content}
		if more := m.More; more != nil {
			turns[i].Reasoning, turns[i].Thoughts, turns[i].ToolCalls = more.Reasoning, more.Reasoning, called(more.ToolCalls)
			turns[i].Name, turns[i].ToolCallID = more.Name, more.ToolCallID
		}
	}
	return turns
}

// called are calls whose arguments are objects, as transformers and vLLM give them to templates: clients of OpenAI's
// API send them as text. Text that is no object of JSON stays as it is, and so does all else, in its order.
func called(calls json.RawMessage) json.RawMessage {
	if !bytes.Contains(calls, []byte(`"arguments"`)) {
		return calls
	}
	var out bytes.Buffer
	in := jsontext.NewDecoder(bytes.NewReader(calls), jsontext.AllowDuplicateNames(true))
	to := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))
	for {
		token, err := in.ReadToken()
		if err == nil {
			err = to.WriteToken(token)
		}
		if err == nil && givesArguments(in) {
			err = writeArguments(to, in)
		}
		switch {
		case errors.Is(err, io.EOF):
			return out.Bytes()
		case err != nil:
			return calls // whoever renders them says what is wrong
		}
	}
}

// givesArguments tells whether a text that the function of a call is given comes next.
func givesArguments(in *jsontext.Decoder) bool {
	if in.StackDepth() != 3 || in.PeekKind() != jsontext.KindString {
		return false
	}
	_, length := in.StackIndex(3)
	return length%2 == 1 && strings.HasSuffix(string(in.StackPointer()), "/function/arguments")
}

func writeArguments(to *jsontext.Encoder, in *jsontext.Decoder) error {
	text, err := in.ReadToken()
	if err != nil {
		return err
	}
	if object := jsontext.Value(text.String()); object.Kind() == jsontext.KindBeginObject && object.IsValid(jsontext.AllowDuplicateNames(true)) {
		return to.WriteValue(object)
	}
	return to.WriteToken(text)
}
