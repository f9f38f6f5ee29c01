package server

import (
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

var teiDoors = []door{
	{
		name: "tei: predict pairs raw", path: "/predict?model=arith-rm",
		body: func(items []doorItem) string {
			pairs := make([][]string, len(items))
			for i := range items {
				pairs[i] = []string{items[i].prompt, items[i].response}
			}
			return jsonOf(map[string]any{"inputs": pairs, "raw_scores": true})
		},
		read: readPredictions,
	},
	{
		name: "tei: predict texts", path: "/predict?model=arith-rm", of: ops.Sigmoid,
		body: func(items []doorItem) string {
			texts := make([][]string, len(items))
			for i := range items {
				texts[i] = []string{items[i].text()}
			}
			return jsonOf(map[string]any{"inputs": texts})
		},
		read: readPredictions,
	},
	{
		name: "tei: rerank raw", path: "/rerank", shared: true,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{"model": "arith-rm", "query": items[0].prompt, "texts": doorResponses(items), "raw_scores": true, "return_text": true})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var ranks []wire.TEIRank
			if err := readDoor(got, &ranks); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(ranks))
			for _, rank := range ranks {
				values[rank.Index] = ops.Some(rank.Score)
			}
			return values, nil
		},
	},
	{
		name: "tei: vertex", path: "/vertex",
		body: func(items []doorItem) string {
			instances := make([]map[string]any, len(items))
			for i := range items {
				instances[i] = map[string]any{"model": "arith-rm", "query": items[i].prompt, "texts": []string{items[i].response}, "raw_scores": true}
			}
			return jsonOf(map[string]any{"instances": instances})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer struct{ Predictions [][]wire.TEIRank }
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(answer.Predictions))
			for i, ranks := range answer.Predictions {
				values[i] = ops.Some(ranks[0].Score)
			}
			return values, nil
		},
	},
	{
		name: "tei: hub", path: "/?model=arith-rm", most: 1,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{"inputs": items[0].text(), "parameters": map[string]any{"function_to_apply": "none"}})
		},
		read: readPredictions,
	},
}

// readPredictions reads lists of lists of labels.
func readPredictions(got reply) ([]ops.Maybe, error) {
	var all [][]wire.TEIPrediction
	if err := readDoor(got, &all); err != nil {
		return nil, err
	}
	values := make([]ops.Maybe, len(all))
	for i, classes := range all {
		values[i] = ops.Some(classes[0].Score)
	}
	return values, nil
}
