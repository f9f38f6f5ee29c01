package protocols

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// infinity is Infinity (0.0.78) under a prefix of its own, since its requests to /rerank and /classify look like
// vLLM's, and its answers do not.
func infinity() Protocol {
	return Protocol{
		Name: "infinity", Prefix: "/infinity/", Tell: tellInfinity,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/infinity/classify", Summary: "Infinity's classes of texts",
				Takes: wire.InfinityTextsRequest{}, Gives: wire.InfinityClassifyAnswer{}, Ask: askInfinityClassify,
			},
			{
				Method: http.MethodPost, Path: "/infinity/rerank", Summary: "Infinity's reranker",
				Takes: wire.RerankRequest{}, Gives: wire.InfinityRerankAnswer{}, Ask: askInfinityRerank,
			},
			{
				Method: http.MethodPost, Path: "/infinity/embeddings", Summary: "Infinity's vectors of texts",
				Takes: wire.InfinityTextsRequest{}, Gives: wire.InfinityEmbeddingsAnswer{}, Ask: askInfinityEmbeddings,
			},
			{Method: http.MethodGet, Path: "/infinity/models", Summary: "Infinity's list of models", Gives: wire.InfinityModelsAnswer{}, Tell: tellInfinityModels},
			{Method: http.MethodGet, Path: "/infinity/health", Summary: "The models answer", Open: true, Gives: wire.HealthAnswer{}, Tell: health},
		},
	}
}

// tellInfinity tells a problem as Infinity does, under its status.
func tellInfinity(p *problem.Problem) Reply {
	return Reply{Status: p.Status, Body: wire.OpenAIProblem{Error: openAIError(p, p.Status)}}
}

// infinityModel is who a client means; its name for nobody in particular is none of ours.
func infinityModel(c *Call, given string, question rewards.Question) string {
	if given == "default/not-specified" {
		return ""
	}
	return c.Model(given, question)
}

func infinityHead(c *Call, object string, given *rewards.Answer) wire.InfinityHead {
	return wire.InfinityHead{
		Object: object, Model: given.Model, Digest: given.Digest, ID: "infinity-" + c.ID, Created: time.Now().Unix(),
		Usage: wire.RerankUsage{Prompt: given.Usage.Tokens, Total: given.Usage.Tokens},
	}
}

// infinityTexts are the items of a body.
func infinityTexts(form *wire.InfinityTextsRequest) []encode.Item {
	items := make([]encode.Item, len(form.Input))
	for i := range form.Input {
		items[i].Text = &form.Input[i]
	}
	return items
}

func askInfinityClassify(c *Call) (Asked, error) {
	var form wire.InfinityTextsRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request := rewards.Request{
		Question: rewards.Score, Model: infinityModel(c, form.Model, rewards.Score), Kind: rewarding(c.Engine), Items: infinityTexts(&form),
	}
	function := ""
	if form.Raw != nil && *form.Raw {
		function = functionNone
	}
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		of := classifier(c.Engine, given.Model)
		answer := wire.InfinityClassifyAnswer{InfinityHead: infinityHead(c, "classify", given), Data: make([][]wire.TEIPrediction, len(given.Results))}
		for i := range given.Results {
			if err := given.Results[i].Err; err != nil {
				return Reply{}, Failed(err, fmt.Sprintf("input[%d]", i))
			}
			classes, err := of.classes(&given.Results[i], function)
			if err != nil {
				return Reply{}, err
			}
			answer.Data[i] = classes
		}
		return Reply{Body: answer}, nil
	}}, nil
}

// askInfinityRerank reads the body as that of any reranker: a document comes back as a text of its own.
func askInfinityRerank(c *Call) (Asked, error) {
	var form wire.RerankRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	truncate, err := rerankTruncation(&form)
	if err != nil {
		return Asked{}, err
	}
	request := fitting(c, "", string(form.Query), form.Documents, truncate)
	request.Model = infinityModel(c, form.Model, rewards.Rank)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		order, err := reranked(c, &form, given)
		if err != nil {
			return Reply{}, err
		}
		answer := wire.InfinityRerankAnswer{InfinityHead: infinityHead(c, "rerank", given), Results: make([]wire.InfinityRerankResult, len(order))}
		for i, one := range order {
			answer.Results[i] = wire.InfinityRerankResult{Index: one.index, Relevance: one.value}
			if form.Return != nil && *form.Return {
				answer.Results[i].Document = &form.Documents[one.index]
			}
		}
		return Reply{Body: answer}, nil
	}}, nil
}

func askInfinityEmbeddings(c *Call) (Asked, error) {
	var form wire.InfinityTextsRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request := rewards.Request{Question: rewards.Embed, Model: infinityModel(c, form.Model, rewards.Embed), Items: infinityTexts(&form)}
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		answer := wire.InfinityEmbeddingsAnswer{InfinityHead: infinityHead(c, "list", given), Data: make([]wire.InfinityEmbedding, len(given.Vectors))}
		for i := range given.Vectors {
			of := &given.Vectors[i]
			if of.Err != nil {
				return Reply{}, Failed(of.Err, fmt.Sprintf("input[%d]", i))
			}
			answer.Data[i] = wire.InfinityEmbedding{Object: "embedding", Index: i, Embedding: of.Vector}
			if form.Encoding == "base64" {
				answer.Data[i].Embedding = base64Floats(of.Vector)
			}
		}
		return Reply{Body: answer}, nil
	}}, nil
}

// base64Floats is the base64 of a vector's little-endian float32.
func base64Floats(vector []float64) string {
	bytes := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(float32(x)))
	}
	return base64.StdEncoding.EncodeToString(bytes)
}

func tellInfinityModels(c *Call) (Reply, error) {
	all, stats := c.Engine.Models(), c.Engine.Stats()
	answer := wire.InfinityModelsAnswer{Data: make([]wire.InfinityModel, len(all)), Object: "list"}
	for i := range all {
		of := &all[i]
		one := wire.InfinityModel{ID: of.Manifest.Name, Object: "model", Owner: "infinity", Backend: of.Provider, Capabilities: []string{}}
		for _, can := range []struct{ as, question string }{{"classify", string(rewards.Score)}, {"rerank", string(rewards.Rank)}, {"embed", string(rewards.Embed)}} {
			if slices.Contains(of.Answers, can.question) && (can.as != "classify" || of.Manifest.Kind != manifest.KindEmbedding) {
				one.Capabilities = append(one.Capabilities, can.as)
			}
		}
		for k := range stats {
			if s := &stats[k]; s.Model == of.Manifest.Name {
				one.Stats.Absolute, one.Stats.Pending = s.Items, s.Running
			}
		}
		answer.Data[i] = one
	}
	return Reply{Body: answer}, nil
}
