package client

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/games"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/server/wire"
)

// Answer reads the body that answers the body of a request.
func Answer(question rewards.Question, text []byte) (rewards.Answer, error) {
	switch question { //nolint:exhaustive // the others are not asked so
	case rewards.Score:
		return read(text, func(of *wire.ScoreAnswer, a *rewards.Answer) *wire.Answering {
			a.Question, a.Activation, a.Results = question, of.Activation, results(of.Results)
			return &of.Answering
		})
	case rewards.Steps:
		return read(text, func(of *wire.StepsAnswer, a *rewards.Answer) *wire.Answering {
			a.Question, a.Threshold, a.Steps = question, maybe(of.Threshold), steps(of)
			return &of.Answering
		})
	case rewards.Rank:
		return read(text, ranked)
	case rewards.Compare, rewards.Pairs:
		return read(text, func(of *wire.CompareAnswer, a *rewards.Answer) *wire.Answering {
			a.Question = question
			return compared(of, a)
		})
	}
	return rewards.Answer{}, errors.New("no such question")
}

func read[A any](text []byte, into func(of *A, a *rewards.Answer) *wire.Answering) (a rewards.Answer, err error) {
	var of A
	if err := json.Unmarshal(text, &of); err != nil {
		return a, err
	}
	head := into(&of, &a)
	if head.Digest == "" {
		return a, errors.New("it has no digest")
	}
	a.Model, a.Digest, a.Transforms = head.Model, head.Digest, head.Transforms
	a.Usage = rewards.Usage{
		Items: head.Usage.Items, Tokens: head.Usage.Tokens, Computed: head.Usage.Computed,
		Queue: duration(head.Timings.Queue), Run: duration(head.Timings.Run), Total: duration(head.Timings.Total),
	}
	return a, nil
}

func duration(milliseconds float64) time.Duration {
	return time.Duration(milliseconds * float64(time.Millisecond)).Round(time.Microsecond)
}

func failed(of *wire.Problem) *failure.Error {
	if of == nil {
		return nil
	}
	return &failure.Error{Code: of.Code, Detail: of.Detail}
}

func results(of []wire.ScoreResult) []rewards.Result {
	all := make([]rewards.Result, len(of))
	for i := range of {
		all[i] = result(&of[i])
	}
	return all
}

func result(of *wire.ScoreResult) rewards.Result {
	r := rewards.Result{
		Err: failed(of.Error), Raw: maybe(of.Raw), Scores: of.Scores, Logits: of.Logits, Gradient: of.Gradient,
		Parts: parts(of.Components), Values: of.Values, Vectors: of.Vectors, Tokens: tokens(of.Tokens),
	}
	if of.Score != nil {
		r.Score = *of.Score
	}
	return r
}

func tokens(of *wire.Tokens) rewards.Tokens {
	if of == nil {
		return rewards.Tokens{}
	}
	return rewards.Tokens(*of)
}

// parts are those of a recipe, by name: the answer does not tell their order.
func parts(of map[string]wire.Component) []rewards.Part {
	if of == nil {
		return nil
	}
	all := make([]rewards.Part, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		one := of[name]
		all = append(all, rewards.Part{
			Name: name, Model: one.Model, Digest: one.Digest, Err: failed(one.Error), Score: maybe(one.Score), Raw: maybe(one.Raw),
			Scores: one.Scores, Steps: one.Steps, Tokens: tokens(one.Tokens),
		})
	}
	return all
}

func steps(of *wire.StepsAnswer) []rewards.StepsResult {
	all := make([]rewards.StepsResult, len(of.Results))
	for i := range of.Results {
		from, to := &of.Results[i], &all[i]
		to.Err, to.Tokens, to.Threshold = failed(from.Error), tokens(from.Tokens), maybe(of.Threshold)
		if from.Aggregate != nil {
			to.Min, to.Mean, to.Last, to.Product, to.FirstError = from.Min, from.Mean, from.Last, maybe(from.Product), index(from.FirstError)
		}
		for k := range from.Steps {
			s := &from.Steps[k]
			to.Steps = append(to.Steps, rewards.Step{Score: maybe(s.Score), Raw: maybe(s.Raw), Logits: s.Logits, Token: s.Token, End: index(s.End)})
		}
	}
	return all
}

// index is -1 where there is none.
func index(of *int) int {
	if of == nil {
		return -1
	}
	return *of
}

func ranked(of *wire.RankAnswer, a *rewards.Answer) *wire.Answering {
	a.Question, a.Activation, a.Strategy = rewards.Rank, of.Activation, ranking.Strategy(of.Strategy)
	a.Results, a.Statistics, a.Selection = results(of.Responses), statistics(of.Statistics), selection(&of.Selected)
	for _, place := range of.Ranking {
		a.Ranking = append(a.Ranking, place.Index)
	}
	if of.Values != nil {
		a.Values = []map[string]float64{of.Values}
	}
	return &of.Answering
}

func selection(of *wire.Selected) (s ranking.Selection) {
	s.Err = failed(of.Error)
	for _, one := range of.Picks {
		s.Picks = append(s.Picks, ranking.Pick(one))
	}
	if of.Votes != nil {
		s.Votes = make([]groups.Ballot, len(of.Votes))
	}
	for i, vote := range of.Votes {
		s.Votes[i] = groups.Ballot{Key: vote.Answer, Weight: vote.Weight, Members: vote.Indices}
	}
	if of.Agrees == nil {
		return s
	}
	s.Bracket = &games.Bracket{Agrees: *of.Agrees}
	for _, game := range of.Games {
		s.Bracket.Games = append(s.Bracket.Games, games.Comparison{First: game.First, Second: game.Second, FirstWon: game.Winner == game.First})
	}
	return s
}

func statistics(of *wire.Statistics) *ranking.Statistics {
	switch {
	case of == nil:
		return nil
	case of.Error != nil || of.Described == nil:
		return &ranking.Statistics{Err: failed(of.Error)}
	}
	return &ranking.Statistics{
		Count: of.Count, Mean: maybe(of.Mean), Deviation: maybe(of.Deviation), Constant: of.Constant,
		LeaveOneOut: numbers(of.LeaveOneOut), Normalized: numbers(of.Normalized), Ranks: numbers(of.Ranks),
	}
}

func numbers(of []*float64) []ops.Maybe {
	all := make([]ops.Maybe, len(of))
	for i := range of {
		all[i] = maybe(of[i])
	}
	return all
}

func compared(of *wire.CompareAnswer, a *rewards.Answer) *wire.Answering {
	a.Statistics = statistics(of.Statistics)
	if a.Question == rewards.Pairs {
		for i := range of.Results {
			from := &of.Results[i]
			pair := rewards.PairResult{Err: failed(from.Error)}
			if from.Probability != nil && from.Margin != nil {
				pair.Probability, pair.Margin = *from.Probability, *from.Margin
			}
			if from.Chosen != nil && from.Rejected != nil {
				pair.Chosen, pair.Rejected = new(result(from.Chosen)), new(result(from.Rejected))
			}
			a.Pairs = append(a.Pairs, pair)
			if from.Values != nil {
				a.Values = append(a.Values, from.Values)
			}
		}
		return &of.Answering
	}
	if of.Values != nil {
		a.Values = []map[string]float64{of.Values}
	}
	a.Results, a.WinRates, a.Preference = results(of.Responses), numbers(of.WinRate), ops.NewMatrix(len(of.Preference), len(of.Preference))
	for i, row := range of.Preference {
		copy(a.Preference.Row(i), numbers(row))
	}
	for _, name := range slices.Sorted(maps.Keys(of.Aggregates)) {
		one := of.Aggregates[name]
		a.Aggregates = append(a.Aggregates, ranking.Aggregated{Of: ranking.Aggregate(name), Err: failed(one.Error), Values: numbers(one.Values)})
	}
	return &of.Answering
}
