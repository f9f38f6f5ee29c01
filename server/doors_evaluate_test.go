package server

import (
	"errors"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var evaluateDoors = []door{{
	name: "evalprotocol: evaluate", path: "/evaluate", most: 1,
	body: func(items []doorItem) string {
		return jsonOf(map[string]any{
			"model":    "arith-rm",
			"messages": []any{map[string]any{"role": "user", "content": items[0].prompt}, map[string]any{"role": "assistant", "content": items[0].response}},
		})
	},
	read: func(got reply) ([]ops.Maybe, error) {
		var answer wire.EvaluateAnswer
		if err := readDoor(got, &answer); err != nil {
			return nil, err
		}
		if !answer.Valid {
			return nil, errors.New("a score that is none")
		}
		return []ops.Maybe{ops.Some(answer.Score)}, nil
	},
}}
