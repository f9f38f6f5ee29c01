package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/wire"
)

// TestTurnsAsChatClientsSendThem: of one conversation the score is the same bits, however it is written; what no model
// is given fails its item alone.
func TestTurnsAsChatClientsSendThem(t *testing.T) {
	s := realServer(t, "qwen3-reward-packed")
	conversations := []string{
		`{"role":"user","content":"12 + 30?"},{"role":"assistant","content":"It is\n42."}`,
		`{"role":"user","content":"12 + 30?","name":null},{"role":"assistant","content":"It is\n42.","refusal":null,"audio":null,"function_call":null,"tool_calls":null,"annotations":[]}`,
		`{"role":"user","content":[{"type":"text","text":"12 + 30?"}]},{"role":"assistant","content":[{"type":"output_text","text":"It is\n42.","annotations":[]}]}`,
		`{"role":"user","content":["12 + 30?"]},{"role":"assistant","content":[{"type":"text","text":"It is"},{"type":"text","text":"42."}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]},{"role":"assistant","content":"It is\n42."}`,
		`{"role":"user","content":"12 + 30?"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}`,
	}
	got := do(t, s, "POST", "/v1/score", `{"items":[{"messages":[`+strings.Join(conversations, `]},{"messages":[`)+`]}]}`)
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	results := decoded[wire.ScoreAnswer](t, got).Results
	for i := range 4 {
		if results[i].Score == nil || *results[i].Score != *results[0].Score {
			t.Errorf("%s: %+v, and written plainly %v", conversations[i], results[i], *results[0].Score)
		}
	}
	for i, want := range map[int]string{
		4: `items[4].messages[0].content[0]: is a part of the type "image_url"`,
		5: `messages[1].tool_calls: model "qwen3-reward-packed" has no chat template that reads it`,
	} {
		if e := results[i].Error; e == nil || e.Code != "bad_item" || !strings.HasPrefix(e.Detail, want) {
			t.Errorf("%s: %+v, want %s", conversations[i], results[i], want)
		}
	}
}
