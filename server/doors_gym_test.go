package server

import (
	"fmt"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var gymDoors = []door{{
	name: "gym: verify", path: "/verify?model=arith-rm", most: 1,
	body: func(items []doorItem) string {
		return jsonOf(map[string]any{
			"responses_create_params": map[string]any{"input": []any{map[string]any{"role": "user", "content": items[0].prompt}}},
			"response": map[string]any{"output": []any{map[string]any{
				"type": "message", "role": "assistant", "content": []any{map[string]any{"type": "output_text", "text": items[0].response}},
			}}},
		})
	},
	read: func(got reply) ([]ops.Maybe, error) {
		var answer wire.GymVerified
		if err := readDoor(got, &answer); err != nil {
			return nil, err
		}
		if failed := answer.Failure != ""; failed != answer.Mask || failed && answer.Reward != 0 {
			return nil, fmt.Errorf("a reward or a failure: %+v", answer)
		}
		return []ops.Maybe{{Value: answer.Reward, Known: answer.Failure == ""}}, nil
	},
}}
