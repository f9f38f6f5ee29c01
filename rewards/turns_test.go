package rewards

import (
	"encoding/json"
	"testing"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
)

// TestATurnWithMoreThanTextIsNoResponse: what a recipe reads of a response would lose its calls and its reasoning.
func TestATurnWithMoreThanTextIsNoResponse(t *testing.T) {
	user := chat.Message{Role: "user", Content: "q"}
	for _, test := range []struct {
		last     chat.Message
		before   int
		response string
	}{
		{chat.Message{Role: "assistant", Content: "a"}, 1, "a"},
		{chat.Message{Role: "assistant", Content: "a", More: &chat.More{ToolCalls: json.RawMessage("[1]")}}, 2, ""},
		{chat.Message{Role: "assistant", Content: "a", More: &chat.More{Reasoning: new("r")}}, 2, ""},
	} {
		before, response := conversation(&encode.Item{Messages: []chat.Message{user, test.last}})
		if len(before) != test.before || (response == nil) != (test.response == "") || response != nil && *response != test.response {
			t.Errorf("%+v: %d turns before %v", test.last, len(before), response)
		}
	}
}
