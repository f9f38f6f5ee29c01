package server

import (
	"encoding/json"
	"fmt"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var openRLHFDoors = []door{{
	name: "openrlhf: get_reward", path: "/get_reward?model=arith-rm",
	body: func(items []doorItem) string {
		queries := make([]string, len(items))
		for i := range items {
			queries[i] = items[i].text()
		}
		return jsonOf(map[string]any{"query": queries})
	},
	read: func(got reply) ([]ops.Maybe, error) {
		var answer wire.OpenRLHFAnswer
		if err := readDoor(got, &answer); err != nil {
			return nil, err
		}
		return numbers(answer.ExtraLogs["raw"]), nil
	},
}}

// jsonOf writes a value that can be written.
func jsonOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// readDoor reads the answer of a call that succeeded.
func readDoor(got reply, into any) error {
	if got.status != 200 {
		return fmt.Errorf("status %d", got.status)
	}
	return json.Unmarshal(got.body, into)
}

// numbers are values none of which is missing.
func numbers(of []float64) []ops.Maybe {
	all := make([]ops.Maybe, len(of))
	for i := range of {
		all[i] = ops.Some(of[i])
	}
	return all
}
