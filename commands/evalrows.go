package commands

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
)

// evalRow is a row of a file to measure on.
type evalRow interface{ split() string }

// splitName is the split of a row.
type splitName struct {
	Split string `json:"split"`
}

func (s splitName) split() string { return cmp.Or(s.Split, "all") }

// pairRow is a prompt with a better and a worse response.
type pairRow struct {
	splitName
	Prompt   *string `json:"prompt"`
	Chosen   *string `json:"chosen"`
	Rejected *string `json:"rejected"`
}

func (r *pairRow) check() *rewards.Problem {
	return need(r.Prompt != nil && r.Chosen != nil && r.Rejected != nil, "prompt, chosen and rejected")
}

// pairQuestion asks which of a pair scores higher or, of a model that compares, is preferred.
type pairQuestion struct {
	common rewards.Common
	kind   manifest.Kind
}

func (q pairQuestion) ask(ctx context.Context, engine *rewards.Engine, rows []pairRow) ([]verdict, error) {
	if q.kind != manifest.KindReward {
		return q.compare(ctx, engine, rows)
	}
	items := make([]encode.Item, 0, 2*len(rows))
	for _, row := range rows {
		items = append(items, encode.Item{Prompt: row.Prompt, Response: row.Chosen}, encode.Item{Prompt: row.Prompt, Response: row.Rejected})
	}
	answer, err := engine.Score(ctx, rewards.ScoreRequest{Common: q.common, Items: items})
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i := range verdicts {
		chosen, rejected := answer.Results[2*i], answer.Results[2*i+1]
		if verdicts[i] = (verdict{measure: string(measurePairs), problem: cmp.Or(chosen.Error, rejected.Error)}); verdicts[i].problem == nil {
			verdicts[i].accuracy = once(*chosen.Score > *rejected.Score)
		}
	}
	return verdicts, nil
}

func (q pairQuestion) compare(ctx context.Context, engine *rewards.Engine, rows []pairRow) ([]verdict, error) {
	pairs := make([]rewards.Pair, len(rows))
	for i, row := range rows {
		pairs[i] = rewards.Pair{Prompted: rewards.Prompted{Prompt: row.Prompt}, Chosen: row.Chosen, Rejected: row.Rejected}
	}
	answer, err := engine.Compare(ctx, rewards.CompareRequest{Common: q.common, Pairs: pairs})
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i, result := range answer.Results {
		if verdicts[i] = (verdict{measure: string(measurePairs), problem: result.Error}); result.Error == nil {
			verdicts[i].accuracy = once(*result.Probability > 0.5)
		}
	}
	return verdicts, nil
}

func (pairQuestion) failed(v verdict) *rewards.Problem { return v.problem }

// stepRow is a solution in steps with the index of its first wrong one.
type stepRow struct {
	splitName
	Prompt     *string    `json:"prompt"`
	Problem    *string    `json:"problem"` // ProcessBench's name of the prompt
	Steps      []string   `json:"steps"`
	FirstError firstError `json:"first_error"`
	Label      firstError `json:"label"` // ProcessBench's name of the first error
}

func (r *stepRow) check() *rewards.Problem {
	return need(cmp.Or(r.Prompt, r.Problem) != nil && r.Steps != nil && r.label().given, "prompt, steps and first_error")
}

func (r *stepRow) label() firstError {
	if r.FirstError.given {
		return r.FirstError
	}
	return r.Label
}

// firstError is an index; null, or -1, says that there is none.
type firstError struct {
	given bool
	index *int
}

// UnmarshalJSON tells null from an absent field.
func (f *firstError) UnmarshalJSON(text []byte) error {
	f.given, f.index = true, nil
	if err := json.Unmarshal(text, &f.index); err != nil {
		return err
	}
	if f.index != nil && *f.index == -1 {
		f.index = nil
	}
	return nil
}

// stepQuestion asks for the first step below the threshold.
type stepQuestion struct {
	common    rewards.Common
	threshold float64
}

func (q stepQuestion) ask(ctx context.Context, engine *rewards.Engine, rows []stepRow) ([]verdict, error) {
	items, labels := make([]encode.Item, len(rows)), make([]*int, len(rows))
	for i, row := range rows {
		items[i], labels[i] = encode.Item{Prompt: cmp.Or(row.Prompt, row.Problem), Steps: row.Steps}, row.label().index
	}
	answer, err := engine.Steps(ctx, rewards.StepsRequest{Common: q.common, Threshold: &q.threshold, Items: items})
	if err != nil {
		return nil, err
	}
	verdicts := make([]verdict, len(rows))
	for i, result := range answer.Results {
		if verdicts[i] = (verdict{measure: string(measureSteps), problem: result.Error}); result.Error != nil {
			continue
		}
		if want, have := labels[i], result.FirstError; want == nil {
			verdicts[i].correct = once(have == nil)
		} else {
			verdicts[i].erroneous = once(have != nil && *have == *want)
		}
	}
	return verdicts, nil
}

func (stepQuestion) failed(v verdict) *rewards.Problem { return v.problem }

func need(ok bool, fields string) *rewards.Problem {
	if ok {
		return nil
	}
	return rewards.NewProblem(rewards.CodeInvalidField, "the row needs %s", fields)
}
