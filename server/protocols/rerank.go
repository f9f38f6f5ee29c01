package protocols

import (
	"net/http"
	"strings"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// rerankPaths are where rerankers are asked. Clients join /v1/rerank and /v2/rerank to a base that may end with a
// version itself.
var rerankPaths = []string{
	"/v1/rerank", "/v2/rerank", "/rerank", "/v1/v1/rerank", "/v1/v2/rerank", "/v2/v1/rerank", "/v2/v2/rerank",
}

// rerank is the rerankers of Cohere (cohere 7.3.1, v1 and v2), Jina and vLLM (0.33.0), whose requests cannot be told
// apart: the answer has what the clients of all of them read.
func rerank() Protocol {
	p := Protocol{Name: "rerank", Tell: tellRerank}
	for i, path := range rerankPaths {
		r := Route{Method: http.MethodPost, Path: path, Ask: askRerank}
		if i == 0 || path == "/rerank" { // which others have too
			r.Summary, r.Takes, r.Gives = "Cohere's, Jina's and vLLM's rerankers", wire.RerankRequest{}, wire.RerankAnswer{}
		}
		p.Routes = append(p.Routes, r)
	}
	return p
}

// tellRerank tells a problem so that each client finds its sentence: Cohere's under message, Jina's under detail,
// vLLM's under error.
func tellRerank(p *problem.Problem) Reply {
	return Reply{Status: p.Status, Body: wire.OpenAIProblem{Error: openAIError(p, p.Code), Message: p.Detail, Detail: p.Detail}}
}

// askRerank asks which of the documents answers the query best.
func askRerank(c *Call) (Asked, error) {
	var form wire.RerankRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	truncate, err := rerankTruncation(&form)
	if err != nil {
		return Asked{}, err
	}
	request := fitting(c, form.Model, string(form.Query), form.Documents, truncate)
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) { return replyRerank(c, &form, given) }}, nil
}

// rawAsked tells whether the client wants the raw value, in any of the ways to say so.
func rawAsked(raw *bool, activated ...*bool) bool {
	if raw != nil {
		return *raw
	}
	for _, wanted := range activated {
		if wanted != nil {
			return !*wanted
		}
	}
	return false
}

// truncations are the ways to say which tokens are cut, the newest or the oldest.
var truncations = map[string]encode.Truncation{
	"error": encode.TruncateError, "left": encode.TruncateLeft, "right": encode.TruncateRight,
	"NONE": encode.TruncateError, "START": encode.TruncateLeft, "END": encode.TruncateRight,
}

func rerankTruncation(form *wire.RerankRequest) (encode.Truncation, error) {
	cuts := form.PromptTokens != nil && *form.PromptTokens == -1
	switch {
	case cuts && form.Truncate != "":
		return "", problem.New(failure.CodeInvalidField, "truncate_prompt_tokens: -1 is another way to say truncate, which is given too")
	case cuts && form.Side == "left":
		return encode.TruncateLeft, nil
	case cuts:
		return encode.TruncateRight, nil
	}
	return truncations[form.Truncate], nil
}

// reranked are the documents that fit best, as many as the client wants.
func reranked(c *Call, form *wire.RerankRequest, given *rewards.Answer) ([]relevance, error) {
	raw := rawAsked(form.Raw, form.Activate, form.Activation, form.Softmax)
	order, err := relevances(given.Results, telling(c.Engine, given.Model, raw), "documents")
	if err != nil {
		return nil, err
	}
	if form.TopN != nil && *form.TopN > 0 && *form.TopN < len(order) {
		order = order[:*form.TopN]
	}
	return order, withinBounds(form, given)
}

func replyRerank(c *Call, form *wire.RerankRequest, given *rewards.Answer) (Reply, error) {
	order, err := reranked(c, form, given)
	if err != nil {
		return Reply{}, err
	}
	answer := wire.RerankAnswer{
		ID: "rerank-" + c.ID, Model: given.Model, Digest: given.Digest, Results: make([]wire.RerankResult, len(order)),
		Usage: wire.RerankUsage{Prompt: given.Usage.Tokens, Total: given.Usage.Tokens},
	}
	answer.Meta.Version.Version, answer.Meta.Tokens.Input = "2", given.Usage.Tokens
	if strings.HasSuffix(c.Request.URL.Path, "/v1/rerank") {
		answer.Meta.Version.Version = "1"
	}
	answer.Meta.Billed.Searches = (len(form.Documents) + 99) / 100
	for i, one := range order {
		answer.Results[i] = wire.RerankResult{Index: one.index, Relevance: one.value}
		if form.Return != nil && *form.Return {
			answer.Results[i].Document = &wire.RerankDocument{Text: form.Documents[one.index]}
		}
	}
	return Reply{Body: answer}, nil
}

// withinBounds refuses an answer of documents that the client's own bounds might have cut. They are of a document or a
// query by itself, and what is counted is the two together: what keeps to a bound so keeps to it in any case.
func withinBounds(form *wire.RerankRequest, given *rewards.Answer) error {
	for _, bound := range []struct {
		field string
		most  *int
	}{
		{"max_tokens_per_doc", form.PerDoc}, {"max_tokens_per_query", form.PerQuery}, {"truncate_prompt_tokens", form.PromptTokens},
	} {
		if bound.most == nil || *bound.most <= 0 {
			continue
		}
		for i := range given.Results {
			if n := given.Results[i].Tokens.Tokens; n > *bound.most {
				return problem.New(failure.CodeInvalidField, "%s: documents[%d] has %d tokens with its query, over the bound of %d, and no document or query "+
					"is cut by itself: leave it out, or ask for truncate", bound.field, i, n, *bound.most)
			}
		}
	}
	return nil
}
