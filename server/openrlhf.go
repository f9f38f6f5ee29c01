package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// openRLHFRequest is what OpenRLHF's trainers send: text that the client rendered, one query per sample. Its prompts
// and labels are for reward functions that look at them, and a reward model does not; they and unknown keys are passed
// over.
type openRLHFRequest struct {
	_     struct{} `additionalProperties:"true"`
	Query []string `json:"query" nullable:"false" doc:"Prompt and response of each sample, rendered, special tokens kept"`
}

// openRLHFAnswer has one number per query in each of its lists, in order.
type openRLHFAnswer struct {
	Rewards   []float64            `json:"rewards" nullable:"false" doc:"What /v1/score calls score"`
	Scores    []float64            `json:"scores" nullable:"false" doc:"The same numbers; the trainer filters groups by them"`
	ExtraLogs map[string][]float64 `json:"extra_logs" doc:"raw: the graph's output; tokens: read; truncated: cut away"`
}

// openRLHF is OpenRLHF's remote reward model. The client posts to a URL that its user writes, so the URL's query may
// choose the model and the truncation; without it an item that is too long is refused, since a reward of half a
// response would train the policy on it. Of a problem the trainer looks at the status alone, so that the native form of
// one will do.
func (s *Server) openRLHF() *protocol {
	return &protocol{
		prefix:  "/get_reward/",
		problem: problemJSON,
		routes: []route{{
			http.MethodPost, "/get_reward", "OpenRLHF's remote reward model", false,
			ask(s, codec[rewards.ScoreRequest, rewards.ScoreAnswer]{jsonType, s.decodeOpenRLHF, encodeOpenRLHF}, outcomeScored, s.scoreQueries),
			openRLHFRequest{},
			openRLHFAnswer{},
		}},
	}
}

// scoreQueries asks for the scores of queries. Some releases send empty shards to all servers but one.
func (s *Server) scoreQueries(ctx context.Context, request rewards.ScoreRequest) (rewards.ScoreAnswer, error) {
	if len(request.Items) == 0 {
		return rewards.ScoreAnswer{}, nil
	}
	return s.engine.Score(ctx, request)
}

// encodeOpenRLHF gives the rewards. The client needs a number for every query: one failed item fails the request, with
// that item's status, and the client's own retry asks again.
func encodeOpenRLHF(x *exchange, given *rewards.ScoreAnswer) error {
	n := len(given.Results)
	answer := openRLHFAnswer{Rewards: make([]float64, n), ExtraLogs: map[string][]float64{
		"raw": make([]float64, n), "tokens": make([]float64, n), "truncated": make([]float64, n),
	}}
	for i, result := range given.Results {
		if result.Error != nil {
			problem := result.Error.Within(fmt.Sprintf("query[%d]", i))
			problem.Cause = nil // logged with the answer's items
			return problem
		}
		answer.Rewards[i], answer.ExtraLogs["raw"][i] = *result.Score, *result.Raw
		answer.ExtraLogs["tokens"][i], answer.ExtraLogs["truncated"][i] = float64(result.Tokens.Tokens), float64(result.Truncated)
	}
	answer.Scores = answer.Rewards
	return writeJSON(x, http.StatusOK, answer)
}

// decodeOpenRLHF is lenient with keys and strict with queries. Labels are often null, so a null is looked for in the
// queries and not, as elsewhere, in the whole body.
func (s *Server) decodeOpenRLHF(r *http.Request, body []byte) (rewards.ScoreRequest, error) {
	var loose struct {
		Query []*string `json:"query"`
	}
	err := json.Unmarshal(body, &loose)
	if err != nil || loose.Query == nil || slices.Contains(loose.Query, nil) {
		if problem := s.schemas.check(body, &openRLHFRequest{}); problem != nil {
			return rewards.ScoreRequest{}, problem
		}
	}
	switch {
	case err != nil:
		return rewards.ScoreRequest{}, jsonProblem(err)
	case loose.Query == nil || slices.Contains(loose.Query, nil): // a key given twice, in two spellings
		return rewards.ScoreRequest{}, rewards.NewProblem(rewards.CodeInvalidField, "query: given twice, once with null")
	}
	return openRLHFScore(r.URL, loose.Query)
}

// openRLHFScore makes the score request of the queries, under the model and truncation that the URL names.
func openRLHFScore(from *url.URL, queries []*string) (rewards.ScoreRequest, error) {
	request := rewards.ScoreRequest{Items: make([]models.Item, len(queries)), OfText: true}
	for i, query := range queries {
		request.Items[i] = models.Item{Text: query}
	}
	for key, values := range from.Query() {
		switch {
		case len(values) != 1:
			return request, rewards.NewProblem(rewards.CodeInvalidField, "%s: given %d times in the URL", models.Short(key), len(values))
		case key == "model":
			request.Model = values[0]
		case key == "truncate":
			request.Truncate = models.Truncation(values[0])
		default:
			return request, rewards.NewProblem(rewards.CodeUnknownField, "%s: unknown in the URL; it takes model and truncate", models.Short(key))
		}
	}
	return request, nil
}
