package protocols

import (
	"slices"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// askSGLangScore asks what stands behind a query and each item: a choice model for the probabilities of tokens, a
// reward model for its outputs, and a process model for those at each of its marks.
func askSGLangScore(c *Call) (Asked, error) {
	var form wire.SGLangScoreRequest
	if err := c.Decode(&form); err != nil {
		return Asked{}, err
	}
	labelled := form.Labels.All != nil || form.Labels.Each != nil
	kinds := []manifest.Kind{manifest.KindReward, manifest.KindProcess, manifest.KindChoice}
	switch {
	case form.Extraction != nil:
		kinds = []manifest.Kind{manifest.KindProcess}
	case labelled:
		kinds = []manifest.Kind{manifest.KindChoice}
	}
	who := c.answerer(form.Model, kinds...)
	softmax, temperature := form.Softmax != nil && *form.Softmax, 1.0
	if form.Temperature != nil {
		temperature = *form.Temperature
	}
	switch {
	case labelled && who.question != rewards.Choose:
		return Asked{}, notHere("label_token_ids: the labels of a process model are its own, in the order of GET /v1/models; leave it out")
	case temperature != 1 && !softmax:
		return Asked{}, notHere("temperature: %g changes probabilities over the whole vocabulary, which are known for 1 alone; set apply_softmax", temperature)
	case who.question == rewards.Choose && !labelled:
		return Asked{}, notHere("label_token_ids: is missing, and a choice model is asked for tokens")
	}
	request, err := native.ScoreRequest(&wire.ScoreRequest{
		Common: wire.Common{Model: who.name}, Items: wire.Behind(&form.Query, &form.Items, form.ItemFirst != nil && *form.ItemFirst),
	})
	request.Question = who.question
	if labelled {
		request.Tokens = tokensOf(&form.Labels)
	}
	engine, labels := c.Engine, form.Labels
	return Asked{Request: request, Reply: func(given *rewards.Answer) (Reply, error) {
		return replySGLangScore(&sglangScoring{answererOf(engine, given), &labels, softmax, temperature}, given)
	}}, err
}

// tokensOf are the tokens of all lists, each once.
func tokensOf(labels *wire.LabelLists) []int64 {
	if labels.Each == nil {
		return labels.All
	}
	all := []int64{}
	for _, ids := range labels.Each {
		for _, id := range ids {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// sglangScoring is what a request asks of its rows.
type sglangScoring struct {
	of          *rewards.ModelInfo
	labels      *wire.LabelLists
	softmax     bool
	temperature float64
}

func replySGLangScore(s *sglangScoring, given *rewards.Answer) (Reply, error) {
	if err := refused(given, "items[%d]"); err != nil {
		return Reply{}, err
	}
	single := s.of == nil || len(given.Results) > 0 && !several(s.of) || len(given.Steps) > 0 && len(s.of.Manifest.Graph.Labels) < 2
	if s.softmax && len(given.Choices) == 0 && single {
		return Reply{}, notHere("apply_softmax: the softmax of the one output of %q is 1 whatever the item; leave it out", given.Model)
	}
	n := len(given.Results) + len(given.Steps) + len(given.Choices)
	answer := wire.SGLangScoreAnswer{Scores: make([]any, n), Model: given.Model, Digest: given.Digest, Usage: poolingUsage(given), Object: "scoring"}
	at := 0
	for err := range given.Errors() {
		if err == nil {
			answer.Scores[at] = s.row(given, at)
		} else if answer.Errors == nil {
			answer.Errors = make([]*wire.Problem, n)
		}
		if err != nil {
			answer.Errors[at] = native.Error(err)
		}
		at++
	}
	return Reply{Body: answer}, nil
}

// row are the scores of one item.
func (s *sglangScoring) row(given *rewards.Answer, at int) any {
	switch {
	case len(given.Choices) > 0:
		return s.likely(&given.Choices[at], at)
	case len(given.Steps) > 0:
		all := stepRows(&given.Steps[at], s.of, untouched)
		for i := range all {
			all[i] = s.normed(all[i])
		}
		return all
	}
	return s.normed(outputsOf(&given.Results[at], s.of))
}

// normed are outputs under the softmax that was asked for.
func (s *sglangScoring) normed(row []float64) []float64 {
	if !s.softmax || len(row) == 0 {
		return row
	}
	for i := range row {
		row[i] /= s.temperature
	}
	return ops.Softmax(row)
}

// likely are the probabilities of an item's tokens: among them alone, or over the whole vocabulary.
func (s *sglangScoring) likely(r *rewards.ChoiceResult, at int) []float64 {
	ids := s.labels.All
	if s.labels.Each != nil {
		ids = s.labels.Each[at]
	}
	row := make([]float64, len(ids))
	for i, id := range ids {
		for k := range r.Candidates {
			if r.Candidates[k].ID != id {
				continue
			}
			if row[i] = r.Candidates[k].Logit; !s.softmax {
				row[i] = likely(r, k, false)
			}
		}
	}
	return s.normed(row)
}
