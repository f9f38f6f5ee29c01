package protocols

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// openRLHF is OpenRLHF's remote reward model (openrlhf/cli/serve_rm.py). The client posts to a URL that its user
// writes, so the URL's query may choose the model and the truncation; without it an item that is too long is refused,
// since a reward of half a response would train the policy on it. Of a problem the trainer looks at the status alone,
// so that the native form of one will do.
func openRLHF() Protocol {
	return Protocol{
		Name: "openrlhf", Prefix: "/get_reward/", Tell: Problem,
		Routes: []Route{{
			Method: http.MethodPost, Path: "/get_reward", Summary: "OpenRLHF's remote reward model",
			Takes: wire.OpenRLHFRequest{}, Gives: wire.OpenRLHFAnswer{}, Ask: askOpenRLHF,
		}},
	}
}

// askOpenRLHF reads the queries. Some releases send empty shards to all servers but one, which no model need be asked
// about.
func askOpenRLHF(c *Call) (Asked, error) {
	var form wire.OpenRLHFRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request, err := openRLHFScore(c.Request.URL, form.Query)
	if len(form.Query) == 0 {
		return Asked{Known: &rewards.Answer{}, Reply: replyOpenRLHF}, err
	}
	return Asked{Request: request, Reply: replyOpenRLHF}, err
}

// replyOpenRLHF gives the rewards. The client needs a number for every query: one failed item fails the request, with
// that item's status, and the client's own retry asks again.
func replyOpenRLHF(given *rewards.Answer) (Reply, error) {
	n := len(given.Results)
	answer := wire.OpenRLHFAnswer{Rewards: make([]float64, n), ExtraLogs: map[string][]float64{
		"raw": make([]float64, n), "tokens": make([]float64, n), "truncated": make([]float64, n),
	}}
	for i := range given.Results {
		result := &given.Results[i]
		if result.Err != nil {
			return Reply{}, Failed(result.Err, fmt.Sprintf("query[%d]", i))
		}
		answer.Rewards[i], answer.ExtraLogs["raw"][i] = result.Score, result.Raw.Value
		answer.ExtraLogs["tokens"][i], answer.ExtraLogs["truncated"][i] = float64(result.Tokens.Tokens), float64(result.Truncated)
	}
	answer.Scores = answer.Rewards
	return Reply{Body: answer}, nil
}

// openRLHFScore makes the score request of the queries, under the model and truncation that the URL names.
func openRLHFScore(from *url.URL, queries []string) (rewards.Request, error) {
	request := rewards.Request{Question: rewards.Score, Kind: manifest.KindReward, Items: make([]encode.Item, len(queries))}
	for i := range queries {
		request.Items[i] = encode.Item{Text: &queries[i]}
	}
	given, err := options(from, "model", "truncate")
	request.Model, request.Truncate = given.Get("model"), encode.Truncation(given.Get("truncate"))
	return request, err
}
