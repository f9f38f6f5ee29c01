package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
)

// openRLHFRequest is what OpenRLHF's trainers send: text that the client rendered, one query per sample. Its prompts and labels
// are for reward functions that look at them, and a reward model does not; they and unknown keys are passed over.
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

// getReward is OpenRLHF's remote reward model. The client posts to a URL that its user writes, so the URL's query may choose the
// model and the truncation; without it an item that is too long is refused, since a reward of half a response would train the
// policy on it. The client needs a number for every query: one failed item fails the request, with that item's status, and
// the client's own retry asks again.
func (s *Server) getReward(w http.ResponseWriter, r *http.Request) {
	var asked openRLHFRequest
	if err := s.readBody(w, r, func(body []byte) error { return s.decodeOpenRLHF(body, &asked) }); err != nil {
		s.fail(w, r, err)
		return
	}
	request, err := openRLHFScore(r.URL, asked.Query)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if n := len(request.Items); n > s.options.MaxItems {
		s.fail(w, r, tooMany(n, s.options.MaxItems))
		return
	}
	answer := openRLHFAnswer{
		Rewards: []float64{}, Scores: []float64{},
		ExtraLogs: map[string][]float64{"raw": {}, "tokens": {}, "truncated": {}},
	}
	if len(request.Items) == 0 { // some releases send empty shards to all servers but one
		s.write(w, r, http.StatusOK, answer)
		return
	}
	given, err := s.engine.Score(r.Context(), request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if at, problem := firstProblem(given.Problems()); problem != nil {
		s.metrics.answered(given.Account(), len(given.Results))
		s.fail(w, r, problem.Within(fmt.Sprintf("query[%d]", at)))
		return
	}
	s.account(r.Context(), requestID(w), given.Account(), nil)
	logs := answer.ExtraLogs
	for _, result := range given.Results {
		answer.Rewards = append(answer.Rewards, *result.Score)
		logs["raw"] = append(logs["raw"], *result.Raw)
		logs["tokens"] = append(logs["tokens"], float64(result.Tokens.Tokens))
		logs["truncated"] = append(logs["truncated"], float64(result.Truncated))
	}
	answer.Scores = answer.Rewards
	s.write(w, r, http.StatusOK, answer)
}

func firstProblem(problems []*rewards.Problem) (int, *rewards.Problem) {
	for i, problem := range problems {
		if problem != nil {
			return i, problem
		}
	}
	return 0, nil
}

// decodeOpenRLHF is lenient with keys and strict with queries. Labels are often null, so a null is looked for in the queries
// and not, as elsewhere, in the whole body.
func (s *Server) decodeOpenRLHF(body []byte, asked *openRLHFRequest) error {
	var loose struct {
		Query []*string `json:"query"`
	}
	err := json.Unmarshal(body, &loose)
	if err != nil || loose.Query == nil || slices.Contains(loose.Query, nil) {
		if problem := s.schemas.check(body, asked); problem != nil {
			return problem
		}
	}
	switch {
	case err != nil:
		return jsonProblem(err)
	case loose.Query == nil || slices.Contains(loose.Query, nil): // a key given twice, in two spellings
		return rewards.NewProblem(rewards.CodeInvalidField, "query: given twice, once with null")
	}
	asked.Query = make([]string, len(loose.Query))
	for i, query := range loose.Query {
		asked.Query[i] = *query
	}
	return nil
}

// openRLHFScore makes the score request of the queries, under the model and truncation that the URL names.
func openRLHFScore(from *url.URL, queries []string) (rewards.ScoreRequest, error) {
	request := rewards.ScoreRequest{Items: make([]encode.Item, len(queries)), OfText: true}
	for i := range queries {
		request.Items[i] = encode.Item{Text: &queries[i]}
	}
	for key, values := range from.Query() {
		switch {
		case len(values) != 1:
			return request, rewards.NewProblem(rewards.CodeInvalidField, "%s: given %d times in the URL", fault.Short(key), len(values))
		case key == "model":
			request.Model = values[0]
		case key == "truncate":
			request.Truncate = encode.Truncation(values[0])
		default:
			return request, rewards.NewProblem(rewards.CodeUnknownField, "%s: unknown in the URL; it takes model and truncate", fault.Short(key))
		}
	}
	return request, nil
}
