package server

import (
	"errors"
	"maps"
	"strconv"
	"strings"

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

// nimDoors are NVIDIA's: a conversation in a chat completion, and passages.
var nimDoors = []door{
	{
		name: "nim: chat", path: "/v1/chat/completions", most: 1,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{"model": "arith-rm", "messages": []any{
				map[string]any{"role": "user", "content": items[0].prompt}, map[string]any{"role": "assistant", "content": items[0].response},
			}})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.RewardChatAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			value, err := strconv.ParseFloat(strings.TrimPrefix(answer.Choices[0].Message.Content, "reward:"), 64)
			if one := answer.Choices[0].Logprobs.Content; err != nil || len(one) != 1 || one[0].Logprob != value {
				return nil, errors.New("content and logprobs differ")
			}
			return []ops.Maybe{ops.Some(value)}, nil
		},
	},
	{
		name: "nim: ranking", path: "/v1/retrieval/nvidia/arith-rm/reranking", shared: true,
		body: func(items []doorItem) string {
			passages := make([]map[string]string, len(items))
			for i := range items {
				passages[i] = map[string]string{"text": items[i].response}
			}
			return jsonOf(map[string]any{"query": map[string]string{"text": items[0].prompt}, "passages": passages, "truncate": "NONE"})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.RankingAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(answer.Rankings))
			for _, one := range answer.Rankings {
				values[one.Index] = ops.Some(one.Logit)
			}
			return values, nil
		},
	},
}

// infinityDoors are Infinity's classes and ranks.
var infinityDoors = []door{
	{
		name: "infinity: classify", path: "/infinity/classify",
		body: func(items []doorItem) string {
			texts := make([]string, len(items))
			for i := range items {
				texts[i] = items[i].text()
			}
			return jsonOf(map[string]any{"model": "arith-rm", "input": texts, "raw_scores": true})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.InfinityClassifyAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(answer.Data))
			for i, classes := range answer.Data {
				values[i] = ops.Some(classes[0].Score)
			}
			return values, nil
		},
	},
	{
		name: "infinity: rerank", path: "/infinity/rerank", shared: true, of: ops.Sigmoid,
		body: func(items []doorItem) string {
			return jsonOf(map[string]any{"model": "arith-rm", "query": items[0].prompt, "documents": doorResponses(items), "return_documents": true})
		},
		read: func(got reply) ([]ops.Maybe, error) {
			var answer wire.InfinityRerankAnswer
			if err := readDoor(got, &answer); err != nil {
				return nil, err
			}
			values := make([]ops.Maybe, len(answer.Results))
			for _, result := range answer.Results {
				values[result.Index] = ops.Some(result.Relevance)
			}
			return values, nil
		},
	},
}
