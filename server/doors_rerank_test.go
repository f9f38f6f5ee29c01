package server

import (
	"errors"
	"maps"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// rerankDoors are the rerank routes of every version. Sigmoids of values that are far apart are the same, so that the
// doors of sigmoids are held to what is told, and those of raw values to the raw ones.
var rerankDoors = []door{
	rerankDoor("rerank: v1 sigmoid", "/v1/rerank", nil, ops.Sigmoid),
	rerankDoor("rerank: v1 raw_scores", "/v1/rerank", map[string]any{"raw_scores": true}, nil),
	rerankDoor("rerank: v2 return_documents", "/v2/rerank", map[string]any{"return_documents": true, "top_n": 4096}, ops.Sigmoid),
	rerankDoor("rerank: use_activation", "/rerank", map[string]any{"use_activation": false}, nil),
	rerankDoor("rerank: doubled", "/v1/v2/rerank", map[string]any{"max_tokens_per_doc": 4096}, ops.Sigmoid),
}

func rerankDoor(name, path string, more map[string]any, of func(float64) float64) door {
	return door{
		name: name, path: path, of: of, shared: true,
		body: func(items []doorItem) string {
			body := map[string]any{"model": "arith-rm", "query": items[0].prompt, "documents": doorResponses(items)}
			maps.Copy(body, more)
			return jsonOf(body)
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.RerankAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(answer.Results))
			for i, result := range answer.Results {
				if i > 0 && result.Relevance > answer.Results[i-1].Relevance {
					return nil, errors.New("the best are not first")
				}
				values[result.Index] = ops.Some(result.Relevance)
			}
			return values, nil
		},
	}
}

// doorResponses are the responses of items.
func doorResponses(items []doorItem) []string {
	all := make([]string, len(items))
	for i := range items {
		all[i] = items[i].response
	}
	return all
}
