package wire

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTurnsAsTheFieldSendsThem: a content as a text or in parts, calls of tools, and what says nothing.
func TestTurnsAsTheFieldSendsThem(t *testing.T) {
	text := func(text string) Content { return Content{Text: text} }
	for turn, want := range map[string]Message{
		`{"role":"user","content":"a"}`: {Role: "user", Content: text("a")},
		`{"content":[],"role":"user"}`:  {Role: "user", Content: Content{Parts: []string{}}},
		`{"role":"user","content":[{"type":"text","text":"a"},{"text":"b","type":"input_text"},{"type":"output_text","text":"","annotations":[{"x":1}],"logprobs":null},"c"]}`: {
			Role: "user", Content: Content{Parts: []string{"a", "b", "", "c"}},
		},
		`{"role":"assistant","content":"a","refusal":null,"audio":null,"function_call":null,"annotations":[],"tool_calls":null,"name":null,"prefix":{ },"reasoning":null}`: {
			Role: "assistant", Content: text("a"),
		},
		`{"role":"assistant","content":null,"tool_calls":[ {"id":"1", "function":{"arguments":"{}"}} ]}`: {
			Role: "assistant", Further: &Further{ToolCalls: json.RawMessage(`[{"id":"1","function":{"arguments":"{}"}}]`)},
		},
		`{"role":"assistant","tool_calls":[1]}`: {Role: "assistant", Further: &Further{ToolCalls: json.RawMessage(`[1]`)}},
		`{"role":"tool","content":"4","tool_call_id":"1","name":"add"}`: {
			Role: "tool", Content: text("4"), Further: &Further{Name: new("add"), ToolCallID: new("1")},
		},
		`{"role":"assistant","content":"a","reasoning_content":"r"}`:                 {Role: "assistant", Content: text("a"), Further: &Further{Reasoning: new("r")}},
		`{"role":"assistant","content":"a","reasoning":"r"}`:                         {Role: "assistant", Content: text("a"), Further: &Further{Thoughts: new("r")}},
		`{"role":"assistant","content":"a","reasoning":"","reasoning_content":null}`: {Role: "assistant", Content: text("a"), Further: &Further{Thoughts: new("")}},
	} {
		request, err := decoded[ScoreRequest](`{"items":[{"messages":[`+turn+`]}]}`, Limits{})
		if err != nil {
			t.Errorf("%s: %v", turn, err)
			continue
		}
		if diff := cmp.Diff([]Item{{Messages: []Message{want}}}, request.Items); diff != "" {
			t.Errorf("%s (-want +got):\n%s", turn, diff)
		}
	}
}

// TestTurnsThatFailTheirItem: what no model is given fails the item that has it, by name, and no other.
func TestTurnsThatFailTheirItem(t *testing.T) {
	for turn, want := range map[string]Error{
		`{"role":"user","content":null}`:                                   {CodeInvalidField, "content", "is null or left out, which only a turn with tool_calls may be"},
		`{"role":"user"}`:                                                  {CodeInvalidField, "content", "is null or left out, which only a turn with tool_calls may be"},
		`{"role":"user","content":null,"tool_calls":[]}`:                   {CodeInvalidField, "content", "is null or left out, which only a turn with tool_calls may be"},
		`{"role":"user","content":["a",{"type":"image_url","url":{}},5]}`:  {},
		`{"role":"user","content":["a",{"type":"image_url","text":null}]}`: {CodeBadItem, "content[1]", `is a part of the type "image_url", and a turn may have parts of text alone: text, input_text and output_text`},
		`{"role":"user","content":[{"input_audio":{},"type":"input_audio"}]}`: {
			CodeBadItem, "content[0]", `is a part of the type "input_audio", and a turn may have parts of text alone: text, input_text and output_text`,
		},
		`{"role":"user","content":[{"type":"text"}]}`:             {CodeInvalidField, "content[0]", "expected required property text to be present"},
		`{"role":"user","content":[{"type":"text","text":null}]}`: {CodeInvalidField, "content[0]", "expected required property text to be present"},
		`{"role":"assistant","content":"a","refusal":"no"}`: {
			CodeBadItem, "refusal", "holds something, and no model is given it: a turn has role, content, name, tool_calls, tool_call_id and reasoning_content",
		},
		`{"role":"assistant","content":"a","reasoning":"x","reasoning_content":"y"}`: {
			CodeBadItem, "", "has reasoning and reasoning_content, which are two names of one thing, and they differ",
		},
		`{"role":"a","content":"a","tool_calls":["\ud800"]}`: {CodeBadItem, "tool_calls", "is not Unicode: a string in the value at byte 76"},
	} {
		request, err := decoded[ScoreRequest](`{"items":[{"text":"a"},{"messages":[`+turn+`]},{"text":"b"}]}`, Limits{})
		if want == (Error{}) {
			if err == nil || err.Code != CodeInvalidField {
				t.Errorf("%s: %v", turn, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", turn, err)
			continue
		}
		if want.Path != "" {
			want.Path = "." + want.Path
		}
		want.Path = "items[1].messages[0]" + want.Path
		if diff := cmp.Diff([]Item{{Text: new("a")}, {Err: &want}, {Text: new("b")}}, request.Items); diff != "" {
			t.Errorf("%s (-want +got):\n%s", turn, diff)
		}
	}
}
