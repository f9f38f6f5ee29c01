package protocols

import (
	"cmp"
	"net/http"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// llamaFactory is LLaMA-Factory's score API (llamafactory/api). Its trainer posts to the URL that reward_model names,
// whatever its path, never looks at the status, and reads scores: a body of an error has none.
func llamaFactory() Protocol {
	return Protocol{
		Name: "llamafactory", Tell: tellEmbeddings,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/v1/score/evaluation", Summary: "LLaMA-Factory: how good is each rendered text?",
			Takes: wire.LLaMAFactoryRequest{}, Gives: wire.LLaMAFactoryAnswer{}, Ask: askLLaMAFactory,
		}},
	}
}

func askLLaMAFactory(c *Call) (Asked, error) {
	var form wire.LLaMAFactoryRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	given, err := options(c.Request.URL, "model", "truncate")
	if err != nil {
		return Asked{}, err
	}
	who := c.answerer(cmp.Or(given.Get("model"), form.Model), manifest.KindReward)
	request := rewards.Request{Question: who.question, Model: who.name, Truncate: encode.Truncation(given.Get("truncate")), Items: make([]encode.Item, len(form.Messages))}
	for i := range form.Messages {
		request.Items[i].Text = &form.Messages[i]
	}
	id := "scoreval-" + c.ID
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		if err := failed(given, "messages[%d]"); err != nil {
			return Reply{}, err
		}
		answer := wire.LLaMAFactoryAnswer{ID: id, Object: "score.evaluation", Model: given.Model, Digest: given.Digest, Scores: make([]float64, len(given.Results))}
		for i := range given.Results {
			answer.Scores[i] = given.Results[i].Score
		}
		return Reply{Body: answer}, nil
	}}, nil
}
