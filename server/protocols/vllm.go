package protocols

import (
	"net/http"
	"strings"
	"time"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// vllm is vLLM's pooling API (vllm/entrypoints/pooling). Its activation is asked for by use_activation, which earlier
// releases called activation and softmax: vLLM itself drops those two in silence.
func vllm() Protocol {
	return Protocol{
		Name: "vllm", Tell: tellVLLM,
		Routes: []Route{
			{
				Method: http.MethodPost, Path: "/pooling", Summary: "vLLM: what a model gives for each input: rewards, step rewards or vectors",
				Takes: wire.PoolingRequest{}, Gives: wire.PoolingAnswer{}, Ask: askPooling,
			},
			{
				Method: http.MethodPost, Path: "/classify", Summary: "vLLM: the values of a reward model's labels",
				Takes: wire.ClassifyRequest{}, Gives: wire.ClassifyAnswer{}, Ask: askClassify,
			},
			{
				Method: http.MethodPost, Path: "/score", Summary: "vLLM: how good is each pair of texts?",
				Takes: wire.PairsRequest{}, Gives: wire.PairsAnswer{}, Ask: askPairs,
			},
			{Method: http.MethodPost, Path: "/v1/score", Claims: claimsPairs, Ask: askPairs},
			{
				Method: http.MethodPost, Path: "/generative_scoring", Summary: "vLLM: how likely is the first of some tokens behind each item?",
				Takes: wire.GenerativeRequest{}, Gives: wire.PairsAnswer{}, Ask: askGenerative,
			},
			{Method: http.MethodGet, Path: "/health", Summary: "vLLM: 200 and nothing else where every model scores", Open: true, Tell: vllmHealth},
			{Method: http.MethodGet, Path: "/ping", Summary: "vLLM: as /health", Open: true, Tell: vllmHealth},
			{Method: http.MethodGet, Path: "/version", Summary: "vLLM: the version of this server", Gives: wire.VersionAnswer{}, Tell: vllmVersion},
		},
	}
}

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

func askClassify(c *Call) (Asked, error) {
	var form wire.ClassifyRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	request, err := asksPooler(c, &form.Pooler, &form.Input, &form.Conversing, manifest.KindReward)
	id, as, items := poolerID(c, "classify-", form.RequestID), poolerActivation(&form.Pooler), itemsOf(&form.Conversing)
	engine := c.Engine
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replyClassify(engine, given, id, as, items)
	}}, err
}

func replyClassify(engine Engine, given *rewards.Answer, id string, as activation, items string) (Reply, error) {
	if err := refused(given, items); err != nil {
		return Reply{}, err
	}
	of := modelOf(engine, given.Model)
	answer := wire.ClassifyAnswer{PoolingHead: poolingHead(id, given), Usage: poolingUsage(given), Data: make([]wire.Classified, len(given.Results))}
	for i := range given.Results {
		r, into := &given.Results[i], &answer.Data[i]
		into.Index = i
		if r.Err != nil {
			into.Error = native.Error(r.Err)
			continue
		}
		probs, err := values(r, of, as)
		if err != nil {
			return Reply{}, err
		}
		into.Probs, into.Classes, into.Tokens = probs, len(probs), (*wire.Tokens)(&r.Tokens)
		into.Label = labelOf(of, probs)
	}
	return Reply{Body: answer}, nil
}

// labelOf is the label with the largest value, the first of equal ones; nil where the values are of no labels.
func labelOf(of *rewards.ModelInfo, values []float64) *string {
	if of == nil || len(of.Manifest.Graph.Labels) != len(values) {
		return nil
	}
	best := 0
	for i, x := range values {
		if x > values[best] {
			best = i
		}
	}
	return &of.Manifest.Graph.Labels[best]
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

// tellVLLM tells a problem as vLLM does: 400 for whatever a request may not have. A full queue is 503, since verl gives
// up on any status below 500.
func tellVLLM(p *problem.Problem) Reply {
	status, kind := vllmStatus(p.Status)
	return Reply{Status: status, Body: wire.VLLMProblem{Error: wire.VLLMError{Message: p.Detail, Type: kind, Code: status, Reason: p.Code}}}
}

// vllmStatus is the status of a problem, and vLLM's name of it.
func vllmStatus(status int) (int, string) {
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return http.StatusServiceUnavailable, "Service Unavailable"
	case status == http.StatusUnprocessableEntity || status == http.StatusRequestEntityTooLarge || status == http.StatusUnsupportedMediaType:
		return http.StatusBadRequest, "BadRequestError"
	case status == http.StatusNotFound:
		return status, "NotFoundError"
	case status >= 500:
		return status, "InternalServerError"
	}
	return status, strings.ReplaceAll(http.StatusText(status), " ", "") + "Error"
}

func vllmHealth(c *Call) (Reply, error) { return Reply{}, c.Engine.Ready() }

func vllmVersion(c *Call) (Reply, error) {
	return Reply{Body: wire.VersionAnswer{Version: c.Engine.Version()}}, nil
}
