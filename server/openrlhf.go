package server

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// getReward is OpenRLHF's remote reward model. The client posts to a URL that its user writes, so the URL's query may choose the
// model and the truncation; without it an item that is too long is refused, since a reward of half a response would train the
// policy on it. The client needs a number for every query: one failed item fails the request, with that item's status, and
// the client's own retry asks again.
func (s *Server) getReward(w http.ResponseWriter, r *http.Request) {
	var asked wire.OpenRLHFRequest
	if err := s.decode(w, r, &asked); err != nil {
		s.fail(w, r, err)
		return
	}
	request, err := openRLHFScore(r.URL, asked.Query)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	answer := wire.OpenRLHFAnswer{
		Rewards: []float64{}, Scores: []float64{},
		ExtraLogs: map[string][]float64{"raw": {}, "tokens": {}, "truncated": {}},
	}
	if len(request.Items) == 0 { // some releases send empty shards to all servers but one
		s.write(w, r, http.StatusOK, answer)
		return
	}
	given, err := s.engine.Ask(r.Context(), request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for i := range given.Results {
		if why := given.Results[i].Err; why != nil {
			s.metrics.answered(&given)
			s.fail(w, r, why.Within(fmt.Sprintf("query[%d]", i)))
			return
		}
	}
	s.account(r.Context(), requestID(w), &given)
	logs := answer.ExtraLogs
	for i := range given.Results {
		result := &given.Results[i]
		answer.Rewards = append(answer.Rewards, result.Score)
		logs["raw"] = append(logs["raw"], result.Raw.Value)
		logs["tokens"] = append(logs["tokens"], float64(result.Tokens.Tokens))
		logs["truncated"] = append(logs["truncated"], float64(result.Truncated))
	}
	answer.Scores = answer.Rewards
	s.write(w, r, http.StatusOK, answer)
}

// openRLHFScore makes the score request of the queries, under the model and truncation that the URL names.
func openRLHFScore(from *url.URL, queries []string) (rewards.Request, error) {
	request := rewards.Request{Question: rewards.Score, Kind: manifest.KindReward, Items: make([]encode.Item, len(queries))}
	for i := range queries {
		request.Items[i] = encode.Item{Text: &queries[i]}
	}
	for key, values := range from.Query() {
		switch {
		case len(values) != 1:
			return request, problem.New(failure.CodeInvalidField, "%s: given %d times in the URL", fault.Short(key), len(values))
		case key == "model":
			request.Model = values[0]
		case key == "truncate":
			request.Truncate = encode.Truncation(values[0])
		default:
			return request, problem.New(wire.CodeUnknownField, "%s: unknown in the URL; it takes model and truncate", fault.Short(key))
		}
	}
	return request, nil
}
