package protocols

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// evalProtocol is the reward endpoint of Eval Protocol, formerly reward-kit: one conversation is asked about, and the
// answer has a score and named metrics. Its client takes the score of whatever is answered with 200, so that an item
// without one refuses the request.
func evalProtocol() Protocol {
	return Protocol{Name: "evalprotocol", Tell: tellFastAPI, Routes: []Route{{
		Method: http.MethodPost, Path: "/evaluate", Summary: "Eval Protocol: how good a conversation's last turn is",
		Takes: wire.EvaluateRequest{}, Gives: wire.EvaluateAnswer{}, Ask: askEvaluate,
	}}}
}

func askEvaluate(c *Call) (Asked, error) {
	var form wire.EvaluateRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	of, question := asking(c, cmp.Or(c.Request.URL.Query().Get("model"), form.Model, form.Kwargs.Model))
	item := native.Item(&wire.Item{Messages: form.Messages})
	if question == rewards.Steps {
		item.Separator = new(cmp.Or(form.Separator, form.Kwargs.Separator, "\n\n"))
	}
	if truth, is := form.GroundTruth.(string); is && of.takesReference {
		item.Reference = &truth
	}
	return Asked{
		Request: rewards.Request{Question: question, Model: of.name, Items: []encode.Item{item}},
		Reply:   replyEvaluate,
	}, nil
}

// asked is a model as a protocol asks for it.
type asks struct {
	name           string
	takesReference bool
}

// asking is how a model that a client names is asked about an item: for its score, or for its steps where that is what
// it answers.
func asking(c *Call, given string) (of asks, question rewards.Question) {
	of, question = asks{name: c.Model(given, rewards.Score)}, rewards.Score
	infos := c.Engine.Models()
	at, only := onlyOne(infos, question)
	if of.name != "" {
		at = slices.IndexFunc(infos, func(m rewards.ModelInfo) bool { return m.Manifest.Name == of.name })
		only = at >= 0
	}
	if !only {
		return of, question
	}
	of.takesReference = infos[at].Manifest.Template.Takes(recipes.Reference)
	if !slices.Contains(infos[at].Answers, string(question)) && slices.Contains(infos[at].Answers, string(rewards.Steps)) {
		question = rewards.Steps
	}
	return of, question
}

func replyEvaluate(given *rewards.Answer) (Reply, error) {
	for err := range given.Errors() {
		if err != nil {
			return Reply{}, Failed(err, "messages")
		}
	}
	answer := wire.EvaluateAnswer{
		Valid: true, Metrics: map[string]wire.EvaluateMetric{},
		Info: wire.EvaluateInfo{Model: given.Model, Digest: given.Digest, Tokens: given.Usage.Tokens},
	}
	if len(given.Steps) > 0 {
		of := &given.Steps[0]
		answer.Score = of.Min
		for i := range of.Steps {
			if score := of.Steps[i].Score; score.Known {
				answer.Steps = append(answer.Steps, wire.EvaluateStep{Index: i, Reward: score.Value, Metrics: map[string]float64{}})
			}
		}
		return Reply{Body: answer}, nil
	}
	answer.Score = rawOf(&given.Results[0])
	for name, score := range components(&given.Results[0]) {
		answer.Metrics[name] = wire.EvaluateMetric{Score: score, Valid: true, Success: true}
	}
	return Reply{Body: answer}, nil
}
