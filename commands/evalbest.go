package commands

import (
	"cmp"
	"context"
	"fmt"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
)

// bestRow is a prompt with a sampler's responses and which of them are right.
type bestRow struct {
	splitName
	Prompt    *string  `json:"prompt"`
	Responses []string `json:"responses"`
	Correct   []bool   `json:"correct"`
}

func (r *bestRow) check() *rewards.Problem {
	return need(r.Prompt != nil && len(r.Responses) > 0 && len(r.Responses) == len(r.Correct),
		"prompt, responses, and correct of the same length")
}

// bestQuestion asks which response is best: by the reward, by the weakest step, or by the win rate.
type bestQuestion struct {
	common    rewards.Common
	kind      manifest.Kind
	separator string
}

func (q bestQuestion) ask(ctx context.Context, engine *rewards.Engine, rows []bestRow) ([]verdict, error) {
	if q.kind == manifest.KindPair || q.kind == manifest.KindPreference {
		return oneByOne(ctx, rows, func(ctx context.Context, row bestRow) (verdict, error) {
			return q.rank(ctx, engine, row)
		}, func(problem *rewards.Problem) verdict { return verdict{problem: problem} })
	}
	var items []encode.Item
	for _, row := range rows {
		for i := range row.Responses {
			item := encode.Item{Prompt: row.Prompt, Response: &row.Responses[i]}
			if q.kind == manifest.KindProcess {
				item.Separator = &q.separator
			}
			items = append(items, item)
		}
	}
	scores, problems, err := q.scores(ctx, engine, items)
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i, row := range rows {
		n := len(row.Responses)
		best := 0
		if order := rewards.Order(scores[:n]); len(order) > 0 {
			best = order[0]
		}
		verdicts[i] = row.verdict(best, cmp.Or(problems[:n]...))
		scores, problems = scores[n:], problems[n:]
	}
	return verdicts, nil
}

// verdict is what choosing one response came to.
func (r *bestRow) verdict(best int, problem *rewards.Problem) verdict {
	v := verdict{measure: fmt.Sprintf("%s%d", measureBestOf, len(r.Responses)), problem: problem}
	if problem == nil {
		v.accuracy = once(r.Correct[best])
		for _, right := range r.Correct {
			v.sampler = v.sampler.plus(once(right))
		}
	}
	return v
}

// rank asks a model that compares.
func (q bestQuestion) rank(ctx context.Context, engine *rewards.Engine, row bestRow) (verdict, error) {
	answer, err := engine.Rank(ctx, rewards.RankRequest{
		Common: q.common, Prompted: rewards.Prompted{Prompt: row.Prompt}, Responses: row.Responses,
	})
	problem := rewards.ProblemOf(err)
	if problem != nil && ofCommand(problem) {
		return verdict{}, err
	}
	problem = cmp.Or(problem, firstProblem(answer.Responses))
	best := 0
	if answer.Best != nil {
		best = *answer.Best
	}
	return row.verdict(best, problem), nil
}

func (q bestQuestion) scores(ctx context.Context, engine *rewards.Engine, items []encode.Item) ([]*float64, []*rewards.Problem, error) {
	scores := make([]*float64, len(items))
	if q.kind == manifest.KindReward {
		answer, err := engine.Score(ctx, rewards.ScoreRequest{Common: q.common, Items: items})
		for i := range answer.Results {
			scores[i] = answer.Results[i].Score
		}
		return scores, answer.Problems(), err
	}
	answer, err := engine.Steps(ctx, rewards.StepsRequest{Common: q.common, Items: items})
	for i := range answer.Results {
		if aggregate := answer.Results[i].Aggregate; aggregate != nil {
			scores[i] = &aggregate.Min
		}
	}
	return scores, answer.Problems(), err
}

func (bestQuestion) failed(v verdict) *rewards.Problem { return v.problem }
