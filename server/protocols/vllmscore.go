package protocols

import (
	"math"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// claimsPairs tells a body of vLLM's score from SGLang's, which has one query and its items.
func claimsPairs(c *Call) bool { return c.Has("queries") || c.Has("text_1") || c.Has("data_1") }

// askPairs reads pairs of texts: a prompt with its response for each. A query may be asked of all documents.
func askPairs(c *Call) (Asked, error) {
	var form wire.PairsRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	who := c.answerer(form.Model, manifest.KindReward, manifest.KindEmbedding)
	cut, err := truncation(&form.Pooler, who.model)
	if err != nil {
		return Asked{}, err
	}
	as := poolerActivation(&form.Pooler)
	request := rewards.Request{Question: rewards.Score, Model: who.name, Truncate: encode.Truncation(cut)}
	if who.question == rewards.Score { // a likeness of two vectors has no activation
		request.Activation = as.last(who.model)
	}
	document := pairItems(&form, &request)
	id, engine := poolerID(c, "score-", form.RequestID), c.Engine
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replyPairs(engine, given, id, as, document+"[%d]")
	}}, nil
}

// pairItems puts the pairs into a request, and gives the name of the documents' field.
func pairItems(form *wire.PairsRequest, request *rewards.Request) string {
	queries, documents, _, document := form.Sides()
	request.Items = make([]encode.Item, len(documents.Texts))
	for i := range documents.Texts {
		q := min(i, len(queries.Texts)-1)
		why := queries.Refused[q]
		if why == nil {
			why = documents.Refused[i]
		}
		switch {
		case why != nil:
			if request.Refused == nil {
				request.Refused = map[int]error{}
			}
			request.Refused[i] = problem.Refused(why)
		case form.Instruction != "":
			request.Items[i].Messages = []chat.Message{
				{Role: "system", Content: form.Instruction}, {Role: "user", Content: queries.Texts[q]}, {Role: "assistant", Content: documents.Texts[i]},
			}
		default:
			request.Items[i].Prompt, request.Items[i].Response = &queries.Texts[q], &documents.Texts[i]
		}
	}
	return document
}

func replyPairs(engine Engine, given *rewards.Answer, id string, as activation, items string) (Reply, error) {
	if err := refused(given, items); err != nil {
		return Reply{}, err
	}
	of := answererOf(engine, given)
	if of != nil && of.Manifest.Asked() != manifest.KindReward {
		as = asServed
	}
	answer := wire.PairsAnswer{PoolingHead: poolingHead(id, given), Usage: poolingUsage(given), Data: make([]wire.PairScored, len(given.Results))}
	for i := range given.Results {
		r, into := &given.Results[i], &answer.Data[i]
		into.Index, into.Object = i, "score"
		if r.Err != nil {
			into.Error = native.Error(r.Err)
			continue
		}
		score, tokens := r.Score, r.Tokens
		if as == untouched {
			if !r.Raw.Known {
				return Reply{}, noRaw()
			}
			score = r.Raw.Value
		}
		into.Score, into.Tokens = &score, (*wire.Tokens)(&tokens)
	}
	return Reply{Body: answer}, nil
}

// noRaw is the problem of a raw output that is asked for where there is none.
func noRaw() *failure.Error {
	return failure.New(failure.CodeInvalidField, "use_activation: false asks for the raw output, and this score is made of several")
}

// askGenerative asks a choice model which of some tokens follows a query and an item.
func askGenerative(c *Call) (Asked, error) {
	var form wire.GenerativeRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	who := c.answerer(form.Model, manifest.KindChoice)
	request := rewards.Request{Question: rewards.Choose, Model: who.name, Tokens: form.Labels}
	native.Items(&request, wire.Behind(&form.Query, &form.Items, form.ItemFirst != nil && *form.ItemFirst))
	id, among := poolerID(c, "generative-scoring-", form.RequestID), form.Softmax == nil || *form.Softmax
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyGenerative(given, id, among) }}, nil
}

func replyGenerative(given *rewards.Answer, id string, among bool) (Reply, error) {
	if err := refused(given, "items[%d]"); err != nil {
		return Reply{}, err
	}
	answer := wire.PairsAnswer{PoolingHead: poolingHead(id, given), Usage: poolingUsage(given), Data: make([]wire.PairScored, len(given.Choices))}
	for i := range given.Choices {
		r, into := &given.Choices[i], &answer.Data[i]
		into.Index, into.Object = i, "score"
		if r.Err != nil {
			into.Error = native.Error(r.Err)
			continue
		}
		score := likely(r, 0, among)
		into.Score, into.Tokens = &score, (*wire.Tokens)(&r.Tokens)
	}
	return Reply{Body: answer}, nil
}

// likely is the probability of a candidate: among the candidates alone, or over the whole vocabulary.
func likely(r *rewards.ChoiceResult, at int, among bool) float64 {
	if among {
		return r.Candidates[at].Probability
	}
	return min(1, math.Exp(r.Candidates[at].Logit-r.LogSum)) // both are rounded
}
