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
			ask(s, codec{jsonType, s.decodeOpenRLHF, encodeOpenRLHF}),
			wire.OpenRLHFRequest{},
			wire.OpenRLHFAnswer{},
		}},
	}
}

// encodeOpenRLHF gives the rewards. The client needs a number for every query: one failed item fails the request, with
// that item's status, and the client's own retry asks again.
func encodeOpenRLHF(x *exchange, given *rewards.Answer) error {
	n := len(given.Results)
	answer := wire.OpenRLHFAnswer{Rewards: make([]float64, n), ExtraLogs: map[string][]float64{
		"raw": make([]float64, n), "tokens": make([]float64, n), "truncated": make([]float64, n),
	}}
	for i := range given.Results {
		result := &given.Results[i]
		if result.Err != nil {
			why := result.Err.Within(fmt.Sprintf("query[%d]", i))
			why.Cause = nil // logged with the answer's items
			return why
		}
		answer.Rewards[i], answer.ExtraLogs["raw"][i] = result.Score, result.Raw.Value
		answer.ExtraLogs["tokens"][i], answer.ExtraLogs["truncated"][i] = float64(result.Tokens.Tokens), float64(result.Truncated)
	}
	answer.Scores = answer.Rewards
	return writeJSON(x, http.StatusOK, answer)
}

// decodeOpenRLHF reads the queries. Some releases send empty shards to all servers but one, which no model need be
// asked about.
func (s *Server) decodeOpenRLHF(r *http.Request, body []byte) (asked, error) {
	var form wire.OpenRLHFRequest
	if err := s.decode(body, &form); err != nil {
		return asked{}, err
	}
	request, err := openRLHFScore(r.URL, form.Query)
	if len(form.Query) == 0 {
		return asked{known: &rewards.Answer{}}, err
	}
	return asked{Request: request}, err
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
