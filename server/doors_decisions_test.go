package server

import (
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var decisionDoors = []door{
	{
		name: "systemone: score of two levels", path: "/v1/systemone", most: 1, of: ops.Sigmoid,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{
				"model": "arith-rm", "state": map[string]any{"question": items[0].prompt, "response": items[0].response, "answer": "x"},
				"questions": map[string]any{"grade": map[string]any{"type": "score", "instructions": "Right?", "criteria": []string{"Incorrect", "Correct"}}},
			})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.SystemOneAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			return numbers([]float64{*answer.Answers["grade"].Score}), nil
		},
	},
	{
		name: "systemone: noul", path: "/v1/systemone", most: 1,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{
				"model": "/models/a-path-of-the-client", "state": map[string]any{"prompt": items[0].prompt, "response": items[0].response},
				"questions": map[string]any{"a": map[string]any{"type": "noul"}},
			})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.SystemOneAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			return numbers([]float64{*answer.Answers["a"].Raw}), nil
		},
	},
	{
		name: "decisions: predicate", path: "/v1/decisions", most: 1, of: ops.Sigmoid,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{
				"model": "arith-rm", "input": []any{
					map[string]any{"role": "user", "content": items[0].prompt},
					map[string]any{"type": "message", "role": "assistant", "content": []any{map[string]any{"type": "output_text", "text": items[0].response}}},
				},
				"questions": []any{map[string]any{"type": "predicate", "instructions": "Right?"}},
			})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.DecisionsAnswer
			if err := readDoor(got, &answer); err != nil || answer.Answers[0].Type == "refusal" {
				return []ops.Maybe{{}}, err
			}
			return numbers([]float64{*answer.Answers[0].Probability}), nil
		},
	},
}
