package server

import (
	"encoding/json"
	"fmt"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var sglangDoors = []door{
	{name: "sglang: classify", path: "/classify", body: textOf, read: readSGLang},
	{name: "sglang: classify of one", path: "/classify", most: 1, body: func(items []doorItem) string {
		return `{"model":"arith-rm","text":` + jsonOf(items[0].text()) + `}`
	}, read: readSGLang},
	{name: "sglang: encode by PUT", method: "PUT", path: "/encode", body: textOf, read: readSGLang},
	{name: "sglang: classify of pairs", path: "/classify", body: func(items []doorItem) string {
		pairs := make([][2]string, len(items))
		for i := range items {
			pairs[i] = [2]string{items[i].prompt, items[i].response}
		}
		return `{"model":"arith-rm","text":` + jsonOf(pairs) + `}`
	}, read: readSGLang},
	{name: "sglang: v1 classify", path: "/v1/classify", body: inputOf(`"use_activation":false,`), read: readClassify},
	{name: "sglang: v1 score", path: "/v1/score", body: func(items []doorItem) string {
		return `{"model":"arith-rm","query":"","items":` + jsonOf(textsOf(items)) + `}`
	}, read: readSGLangScore},
}

func textOf(items []doorItem) string {
	return `{"model":"arith-rm","text":` + jsonOf(textsOf(items)) + `}`
}

// readSGLang reads outputs, or one alone.
func readSGLang(got reply) ([]ops.Maybe, error) {
	var outputs []wire.SGLangOutput
	if json.Unmarshal(got.body, &outputs) != nil {
		outputs = make([]wire.SGLangOutput, 1)
		if err := readDoor(got, &outputs[0]); err != nil {
			return nil, err
		}
	}
	all := make([]ops.Maybe, len(outputs))
	for i, of := range outputs {
		if (of.Embedding == nil) == (of.Error == nil) {
			return nil, fmt.Errorf("item %d: %+v", i, of)
		}
		if of.Embedding != nil {
			all[i] = ops.Some(of.Embedding[0])
		}
	}
	return all, nil
}

func readSGLangScore(got reply) ([]ops.Maybe, error) {
	var answer struct {
		Scores [][]float64
		Errors []*wire.Problem
	}
	if err := readDoor(got, &answer); err != nil {
		return nil, err
	}
	all := make([]ops.Maybe, len(answer.Scores))
	for i, row := range answer.Scores {
		if (row == nil) != (answer.Errors != nil && answer.Errors[i] != nil) {
			return nil, fmt.Errorf("item %d: %v %v", i, row, answer.Errors)
		}
		if row != nil {
			all[i] = ops.Some(row[0])
		}
	}
	return all, nil
}
