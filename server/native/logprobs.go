package native

import (
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/tokenwise"
	"github.com/assay-rm/assay/server/wire"
)

// LogprobsRequest is the request of a logprobs body.
func LogprobsRequest(r *wire.LogprobsRequest) (rewards.Request, error) {
	return about(rewards.Logprobs, &r.Common, r.Items), nil
}

// LogprobsAnswer is the body that answers a logprobs request.
func LogprobsAnswer(a *rewards.Answer) *wire.LogprobsAnswer {
	answer := &wire.LogprobsAnswer{Answering: answering(a), Results: make([]wire.LogprobsResult, len(a.Logprobs))}
	for i := range a.Logprobs {
		answer.Results[i] = spoken(&a.Logprobs[i])
	}
	return answer
}

func spoken(r *tokenwise.Result) wire.LogprobsResult {
	if r.Err != nil {
		return wire.LogprobsResult{Error: Error(r.Err)}
	}
	all := make([]wire.TokenLogprob, len(r.Tokens))
	for i := range r.Tokens {
		t := &r.Tokens[i]
		all[i] = wire.TokenLogprob{
			ID: t.ID, Text: t.Text, End: t.End, Logprob: t.Policy, Reference: t.Reference.Pointer(), Difference: t.Difference.Pointer(),
		}
	}
	result := wire.LogprobsResult{Logprobs: all, Count: len(all), Policy: (*wire.Total)(&r.Policy), Tokens: tokens((*rewards.Tokens)(&r.Read))}
	if len(r.Tokens) > 0 && r.Tokens[0].Reference.Known {
		result.Reference, result.Difference = (*wire.Total)(&r.Reference), (*wire.Total)(&r.Difference)
	}
	return result
}
