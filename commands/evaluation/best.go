package evaluation

import (
	"cmp"
	"context"
	"fmt"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// bestQuestion asks which response is best: by the reward, by the weakest step, or by the win rate.
type bestQuestion struct {
	asking
	answers   []string // the questions that the model answers
	separator string
}

func (bestQuestion) split(row *wire.BestRow) string { return splitOf(row.Split) }

func (bestQuestion) without(row *wire.BestRow, err *failure.Error) verdict {
	return chosen(row, 0, err)
}

func (q bestQuestion) Ask(ctx context.Context, engine bulk.Engine, rows []wire.BestRow) ([]verdict, error) {
	if !asked(q.answers, rewards.Score) && !asked(q.answers, rewards.Steps) {
		return bulk.OneByOne(ctx, rows, func(ctx context.Context, row wire.BestRow) (verdict, error) {
			return q.rank(ctx, engine, &row)
		}, func(err *failure.Error) verdict { return verdict{err: err} })
	}
	var items []encode.Item
	for i := range rows {
		row := &rows[i]
		for k := range row.Responses {
			item := encode.Item{Prompt: &row.Prompt, Response: &row.Responses[k]}
			if asked(q.answers, rewards.Steps) {
				item.Separator = &q.separator
			}
			items = append(items, item)
		}
	}
	scores, errs, err := q.scores(ctx, engine, items)
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i := range rows {
		n := len(rows[i].Responses)
		best := 0
		if order := ops.Order(scores[:n], nil); len(order) > 0 {
			best = order[0]
		}
		verdicts[i] = chosen(&rows[i], best, cmp.Or(errs[:n]...))
		scores, errs = scores[n:], errs[n:]
	}
	return verdicts, nil
}

// chosen is what choosing one response came to.
func chosen(row *wire.BestRow, best int, err *failure.Error) verdict {
	v := verdict{measure: fmt.Sprintf("%s%d", BestOf, len(row.Responses)), err: err}
	if err == nil {
		v.accuracy = once(row.Correct[best])
		for _, right := range row.Correct {
			v.sampler = v.sampler.plus(once(right))
		}
	}
	return v
}

// rank asks a model that compares.
func (q bestQuestion) rank(ctx context.Context, engine bulk.Engine, row *wire.BestRow) (verdict, error) {
	request := q.about(rewards.Rank)
	request.Groups = []rewards.Group{{Prompt: &row.Prompt, Responses: row.Responses}}
	answer, err := engine.Ask(ctx, request)
	why := failure.Of(err)
	if why != nil && bulk.OfCommand(why) {
		return verdict{}, err
	}
	best := 0
	if len(answer.Ranking) > 0 {
		best = answer.Ranking[0]
	}
	for of := range answer.Errors() {
		why = cmp.Or(why, of)
	}
	return chosen(row, best, why), nil
}

// scores are those of the items, or why they have none.
func (q bestQuestion) scores(ctx context.Context, engine bulk.Engine, items []encode.Item) ([]ops.Maybe, []*failure.Error, error) {
	request := q.about(rewards.Score)
	if asked(q.answers, rewards.Steps) {
		request = q.about(rewards.Steps)
	}
	request.Items = items
	answer, err := engine.Ask(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	scores, errs := make([]ops.Maybe, len(items)), make([]*failure.Error, len(items))
	for i := range answer.Results {
		if r := &answer.Results[i]; r.Err == nil {
			scores[i] = ops.Some(r.Score)
		}
	}
	for i := range answer.Steps {
		if r := &answer.Steps[i]; r.Err == nil {
			scores[i] = ops.Some(r.Min)
		}
	}
	at := 0
	for err := range answer.Errors() {
		errs[at] = err
		at++
	}
	return scores, errs, nil
}
