package native

import (
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// Forms of answers point into the answers that they are made of, which must not change until the forms are written.

// ScoreAnswer is the body that answers a score request.
func ScoreAnswer(a *rewards.Answer) *wire.ScoreAnswer {
	return &wire.ScoreAnswer{Answering: answering(a), Activation: a.Activation, Results: Results(a.Results)}
}

// RankAnswer is the body that answers a rank request.
func RankAnswer(a *rewards.Answer) *wire.RankAnswer {
	answer := &wire.RankAnswer{
		Answering: answering(a), Activation: a.Activation, Strategy: string(a.Strategy), Ranking: ranked(a),
		Selected: selected(&a.Selection), Statistics: statistics(a.Statistics), Responses: Results(a.Results),
	}
	if len(a.Ranking) > 0 {
		answer.Best = &a.Ranking[0]
	}
	if len(a.Values) > 0 {
		answer.Values = a.Values[0]
	}
	return answer
}

// ranked is the places of a rank answer, the best first.
func ranked(a *rewards.Answer) []wire.Ranked {
	places := make([]wire.Ranked, len(a.Ranking))
	for i, at := range a.Ranking {
		places[i] = wire.Ranked{Index: at, Score: a.Results[at].Score}
	}
	return places
}

// CompareAnswer is the body that answers a compare request, of responses or of pairs.
func CompareAnswer(a *rewards.Answer) *wire.CompareAnswer {
	answer := &wire.CompareAnswer{Answering: answering(a)}
	if a.Question == rewards.Pairs {
		answer.Results = make([]wire.PairResult, len(a.Pairs))
		for i := range a.Pairs {
			answer.Results[i] = PairResult(&a.Pairs[i])
			if len(a.Values) > 0 {
				answer.Results[i].Values = a.Values[i]
			}
		}
		return answer
	}
	if len(a.Values) > 0 {
		answer.Values = a.Values[0]
	}
	answer.Preference, answer.WinRate, answer.Responses = table(a.Preference), numbers(a.WinRates), Results(a.Results)
	answer.Aggregates, answer.Statistics = aggregates(a.Aggregates), statistics(a.Statistics)
	return answer
}

// StepsAnswer is the body that answers a steps request.
func StepsAnswer(a *rewards.Answer) *wire.StepsAnswer {
	answer := &wire.StepsAnswer{Answering: answering(a), Threshold: a.Threshold.Pointer(), Results: make([]wire.StepsResult, len(a.Steps))}
	for i := range a.Steps {
		answer.Results[i] = StepsResult(&a.Steps[i])
	}
	return answer
}

// ChooseAnswer is the body that answers a choose request.
func ChooseAnswer(a *rewards.Answer) *wire.ChooseAnswer {
	answer := &wire.ChooseAnswer{Answering: answering(a), Results: make([]wire.ChooseResult, len(a.Choices))}
	for i := range a.Choices {
		r := &a.Choices[i]
		if r.Err != nil {
			answer.Results[i] = wire.ChooseResult{Error: Error(r.Err)}
			continue
		}
		result := wire.ChooseResult{
			Choice: &r.Candidates[r.Best].Text, Candidates: make([]wire.Candidate, len(r.Candidates)), LogSum: &r.LogSum, Share: &r.Share,
			Tokens: tokens(&r.Tokens),
		}
		for k := range r.Candidates {
			result.Candidates[k] = wire.Candidate(r.Candidates[k])
		}
		answer.Results[i] = result
	}
	return answer
}

// TokenizeAnswer is the body that answers a tokenize request.
func TokenizeAnswer(a *rewards.Answer) *wire.TokenizeAnswer {
	answer := &wire.TokenizeAnswer{
		Model: a.Model, Digest: a.Digest, Revision: a.Revision, MaxTokens: a.MaxTokens, TotalMS: milliseconds(a.Usage.Total),
		Results: make([]wire.TokenizeResult, len(a.Tokenized)),
	}
	for i := range a.Tokenized {
		of := &a.Tokenized[i]
		answer.Results[i] = wire.TokenizeResult{
			Text: of.Text, IDs: of.IDs, Read: of.Positions, Tokens: len(of.IDs), Truncated: of.Truncated, Error: Error(of.Err),
		}
	}
	return answer
}

func answering(a *rewards.Answer) wire.Answering {
	u := &a.Usage
	_, failed := a.Items()
	return wire.Answering{
		Model: a.Model, Digest: a.Digest, Revision: a.Revision, Transforms: a.Transforms,
		Usage:   wire.Usage{Items: u.Items, Tokens: u.Tokens, Computed: u.Computed, Failed: failed},
		Timings: wire.Timings{Queue: milliseconds(u.Queue), Run: milliseconds(u.Run), Total: milliseconds(u.Total)},
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Results are the results of items or of responses.
func Results(of []rewards.Result) []wire.ScoreResult {
	results := make([]wire.ScoreResult, len(of))
	for i := range of {
		results[i] = Result(&of[i])
	}
	return results
}

// Result is one score, or why there is none.
func Result(r *rewards.Result) wire.ScoreResult {
	if r.Err != nil {
		return wire.ScoreResult{Error: Error(r.Err), Components: components(r.Parts)}
	}
	return wire.ScoreResult{
		Score: &r.Score, Raw: r.Raw.Pointer(), Scores: r.Scores, Logits: r.Logits, Tokens: tokens(&r.Tokens), Gradient: r.Gradient,
		Components: components(r.Parts), Values: r.Values, Vectors: r.Vectors,
	}
}

// components is what the readings of a recipe gave; nil of a model.
func components(parts []rewards.Part) map[string]wire.Component {
	if parts == nil {
		return nil
	}
	of := make(map[string]wire.Component, len(parts))
	for i := range parts {
		p := &parts[i]
		one := wire.Component{Model: p.Model, Digest: p.Digest, Error: Error(p.Err)}
		if p.Err == nil {
			one.Score, one.Raw, one.Scores, one.Steps, one.Tokens = p.Score.Pointer(), p.Raw.Pointer(), p.Scores, p.Steps, tokens(&p.Tokens)
		}
		of[p.Name] = one
	}
	return of
}

// PairResult is one preference, or why there is none.
func PairResult(r *rewards.PairResult) wire.PairResult {
	result := wire.PairResult{Error: Error(r.Err)}
	if r.Err == nil {
		result.Probability, result.Margin = &r.Probability, &r.Margin
	}
	if r.Chosen != nil {
		result.Chosen, result.Rejected = new(Result(r.Chosen)), new(Result(r.Rejected))
	}
	return result
}

// StepsResult is the steps of one item, or why they have no scores.
func StepsResult(r *rewards.StepsResult) wire.StepsResult {
	if r.Err != nil {
		return wire.StepsResult{Error: Error(r.Err)}
	}
	result := wire.StepsResult{
		Steps:     make([]wire.StepScore, len(r.Steps)),
		Aggregate: &wire.Aggregate{Min: r.Min, Product: r.Product.Pointer(), Mean: r.Mean, Last: r.Last, FirstError: index(&r.FirstError)},
		Tokens:    tokens(&r.Tokens),
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		result.Steps[i] = wire.StepScore{
			Score: s.Score.Pointer(), Raw: s.Raw.Pointer(), Logits: s.Logits, Token: s.Token, End: index(&s.End),
		}
	}
	return result
}

// tokens is nil where a result is of no sequence of its own.
func tokens(t *rewards.Tokens) *wire.Tokens {
	if t.Tokens == 0 {
		return nil
	}
	return (*wire.Tokens)(t)
}

// index is nil where there is none.
func index(at *int) *int {
	if *at < 0 {
		return nil
	}
	return at
}

// table is a matrix, with null where a number is missing.
func table(m ops.Matrix) [][]*float64 {
	rows := make([][]*float64, m.Rows())
	for i := range rows {
		rows[i] = numbers(m.Row(i))
	}
	return rows
}

// numbers are numbers, with null where one is missing.
func numbers(of []ops.Maybe) []*float64 {
	all := make([]*float64, len(of))
	for i := range of {
		all[i] = of[i].Pointer()
	}
	return all
}

// Error is why an item failed, nil where it did not.
func Error(err *failure.Error) *wire.Problem {
	if err == nil {
		return nil
	}
	return new(problem.Item(err))
}
