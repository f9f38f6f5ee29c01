package server

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// orsDoors ask about candidates that share the turns before them.
var orsDoors = []door{{
	name: "ors: score_group", path: "/arith-rm/score_group",
	body: func(items []doorItem) string {
		turn := func(role, text string) any {
			return map[string]any{"role": role, "blocks": []any{map[string]any{"type": "text", "text": text}}}
		}
		candidates := make([]any, len(items))
		for i := range items {
			candidates[i] = map[string]any{"messages": []any{turn("user", items[i].prompt), turn("assistant", items[i].response)}}
		}
		return jsonOf(map[string]any{"candidates": candidates})
	},
	read: func(got reply) ([]ops.Maybe, error) {
		scores, err := orsScores(got)
		if err != nil {
			return nil, err
		}
		values := make([]ops.Maybe, len(scores))
		for i := range scores {
			values[i] = ops.Some(scores[i].Reward)
		}
		return values, nil
	},
}}

// orsScores reads the events of a group's answer as openreward's client does.
func orsScores(got reply) ([]wire.ORSScore, error) {
	if got.status != 200 || got.header.Get("Content-Type") != "text/event-stream" {
		return nil, fmt.Errorf("status %d", got.status)
	}
	text := ""
	for event := range strings.SplitSeq(strings.TrimSuffix(string(got.body), "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(event, "\ndata:")
		switch name {
		case "event: chunk", "event: end":
			if len(data) > 1+2048 {
				return nil, fmt.Errorf("a chunk of %d bytes", len(data))
			}
			text += strings.TrimLeft(data, " ")
		case "event: task_id":
		default:
			return nil, fmt.Errorf("event %q", event)
		}
	}
	var answer wire.ORSScores
	err := json.Unmarshal([]byte(text), &answer)
	return answer.Scores, err
}
