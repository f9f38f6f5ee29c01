package evaluation

import (
	"cmp"
	"context"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// asking is what every question of an evaluation is asked of and how.
type asking struct {
	model    string
	truncate encode.Truncation
}

// about is a question of it.
func (a asking) about(q rewards.Question) rewards.Request {
	return rewards.Request{Question: q, Model: a.model, Truncate: a.truncate}
}

// failed is why a row has no score.
func (asking) Failed(v verdict) *failure.Error { return v.err }

// splitOf is the split of a row, which may name none.
func splitOf(name string) string { return cmp.Or(name, "all") }

// pairQuestion asks which of a pair scores higher or, of a model that compares, is preferred.
type pairQuestion struct{ asking }

func (pairQuestion) split(row *wire.PairRow) string { return splitOf(row.Split) }

func (pairQuestion) without(_ *wire.PairRow, err *failure.Error) verdict {
	return verdict{measure: string(Pairs), err: err}
}

func (q pairQuestion) Ask(ctx context.Context, engine bulk.Engine, rows []wire.PairRow) ([]verdict, error) {
	request := q.about(rewards.Pairs)
	request.Groups = make([]rewards.Group, len(rows))
	for i := range rows {
		row := &rows[i]
		request.Groups[i] = rewards.Group{Prompt: &row.Prompt, Responses: []string{row.Chosen, row.Rejected}}
	}
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i := range verdicts {
		verdicts[i] = verdictOf(&answer.Pairs[i])
	}
	return verdicts, nil
}

// verdictOf is what a pair came to. Where both responses have scores these decide, whatever the preference is made of.
func verdictOf(pair *rewards.PairResult) verdict {
	v := verdict{measure: string(Pairs)}
	if pair.Chosen == nil {
		if v.err = pair.Err; v.err == nil {
			v.accuracy = once(pair.Probability > 0.5)
		}
		return v
	}
	if v.err = cmp.Or(pair.Chosen.Err, pair.Rejected.Err); v.err == nil {
		v.accuracy = once(pair.Chosen.Score > pair.Rejected.Score)
	}
	return v
}

// stepQuestion asks for the first step below the threshold.
type stepQuestion struct {
	asking
	threshold ops.Maybe
}

func (stepQuestion) split(row *wire.StepRow) string { return splitOf(row.Split) }

func (stepQuestion) without(_ *wire.StepRow, err *failure.Error) verdict {
	return verdict{measure: string(Steps), err: err}
}

func (q stepQuestion) Ask(ctx context.Context, engine bulk.Engine, rows []wire.StepRow) ([]verdict, error) {
	request := q.about(rewards.Steps)
	request.Threshold = q.threshold
	request.Items = make([]encode.Item, len(rows))
	for i := range rows {
		request.Items[i] = encode.Item{Prompt: &rows[i].Prompt, Steps: rows[i].Steps}
	}
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, err
	}
	if !answer.Threshold.Known {
		return nil, failure.New(failure.CodeInvalidField, "threshold: the scores of model %s have no scale, so it must be given", answer.Model)
	}
	verdicts := make([]verdict, len(rows))
	for i := range answer.Steps {
		result := &answer.Steps[i]
		if verdicts[i] = (verdict{measure: string(Steps), err: result.Err}); result.Err != nil {
			continue
		}
		if want := rows[i].FirstError; want < 0 {
			verdicts[i].correct = once(result.FirstError < 0)
		} else {
			verdicts[i].erroneous = once(result.FirstError == want)
		}
	}
	return verdicts, nil
}
