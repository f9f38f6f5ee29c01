package server

import (
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var graderDoors = []door{{
	name: "graders: run", path: "/v1/fine_tuning/alpha/graders/run", most: 1,
	body: func(items []doorItem) string {
		turn := func(role, content string) any { return map[string]any{"role": role, "content": content} }
		return jsonOf(map[string]any{
			"grader": map[string]any{
				"type": "score_model", "name": "g", "model": "arith-rm",
				"input": []any{turn("user", "{{item.question}}"), turn("assistant", "{{sample.output_text}}")},
			},
			"item": map[string]any{"question": items[0].prompt}, "model_sample": items[0].response,
		})
	},
	read: func(got reply) ([]ops.Maybe, error) {
		var answer wire.GraderRun
		if err := readDoor(got, &answer); err != nil {
			return nil, err
		}
		return []ops.Maybe{ops.Some(answer.Reward)}, nil
	},
}}
