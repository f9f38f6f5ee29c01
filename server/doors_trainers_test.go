package server

import (
	"encoding/json"
	"fmt"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// trainerDoors are the calls of trainers that have one route each.
var trainerDoors = []door{
	{name: "slime: number", path: "/slime?model=arith-rm", most: 1, body: sampleOf, read: func(got reply) ([]ops.Maybe, error) {
		var x float64
		if err := readDoor(got, &x); err != nil {
			return nil, err
		}
		return numbers([]float64{x}), nil
	}},
	{name: "slime: object", path: "/slime?model=arith-rm&object=true", most: 1, body: sampleOf, read: readSample},
	{name: "slime: rendered", path: "/slime?model=arith-rm&object=true&rendered=true", most: 1, body: func(items []doorItem) string {
		return jsonOf(map[string]any{"prompt": items[0].prompt + " ", "response": items[0].response, "label": nil})
	}, read: readSample, joins: true},
	{name: "llamafactory: score", path: "/v1/score/evaluation", body: func(items []doorItem) string {
		return `{"model":"arith-rm","messages":` + jsonOf(textsOf(items)) + `}`
	}, read: func(got reply) ([]ops.Maybe, error) {
		var answer wire.LLaMAFactoryAnswer
		if err := readDoor(got, &answer); err != nil {
			return nil, err
		}
		return numbers(answer.Scores), nil
	}},
}

func sampleOf(items []doorItem) string {
	return jsonOf(map[string]any{"prompt": items[0].prompt, "response": items[0].response, "label": "42"})
}

func readSample(got reply) ([]ops.Maybe, error) {
	var answer wire.SlimeAnswer
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	if answer.Raw == nil {
		return nil, fmt.Errorf("no raw in %s", got.body)
	}
	return numbers([]float64{*answer.Raw}), nil
}

// readValues reads the steps of OpenR's answer, in lists.
func readValues(got reply) ([][]*float64, error) {
	var answer struct{ Value [][]*float64 }
	if got.status != 200 {
		return nil, fmt.Errorf("status %d: %s", got.status, got.body)
	}
	return answer.Value, json.Unmarshal(got.body, &answer)
}
