package protocols

import (
	"time"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// asksPooler makes the request of a body of the pooling routes, to a model of one of those kinds.
func asksPooler(c *Call, p *wire.Pooler, input *wire.Inputs, beside *wire.Conversing, kinds ...manifest.Kind) (rewards.Request, error) {
	who := c.answerer(p.Model, kinds...)
	cut, err := truncation(p, who.model)
	if err != nil {
		return rewards.Request{}, err
	}
	items := input.Items()
	if beside.Messages != nil {
		items = []wire.Item{{
			Messages: beside.Messages, Reference: beside.Reference, Principle: beside.Principle, Separator: separator(who.model),
		}}
	}
	form := wire.ScoreRequest{Common: wire.Common{Model: who.name, Truncate: cut}, Items: items}
	if who.question == rewards.Score {
		form.Activation = poolerActivation(p).last(who.model)
	}
	request, err := native.ScoreRequest(&form)
	request.Question = who.question
	return request, err
}

// poolerActivation is what a body asks of its outputs.
func poolerActivation(p *wire.Pooler) activation {
	switch of := p.Activated(); {
	case of == nil:
		return asServed
	case *of:
		return activated
	}
	return untouched
}

// itemsOf is the field that a body's items came in.
func itemsOf(beside *wire.Conversing) string {
	if beside.Messages != nil {
		return "messages"
	}
	return "input[%d]"
}

// poolerID is the id of an answer: of the request's X-Request-Id, and else what its body says.
func poolerID(c *Call, prefix, body string) string {
	if body != "" && c.Request.Header.Get("X-Request-Id") == "" {
		return prefix + body
	}
	return prefix + c.ID
}

func poolingHead(id string, given *rewards.Answer) wire.PoolingHead {
	return wire.PoolingHead{ID: id, Object: "list", Created: time.Now().Unix(), Model: given.Model, Digest: given.Digest}
}

func poolingUsage(given *rewards.Answer) wire.PoolingUsage {
	return wire.PoolingUsage{Prompt: given.Usage.Tokens, Total: given.Usage.Tokens}
}
