package native

import (
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/server/wire"
)

// choice is how a rank body selects.
func choice(s *wire.Selecting) ranking.Choice {
	return ranking.Choice{
		Strategy: ranking.Strategy(s.Strategy), Share: maybe(s.Share), Seed: s.Seed, Power: maybe(s.Power), Answers: s.Answers,
	}
}

// sums puts what a compare body asks of its preferences into a request.
func sums(r *rewards.Request, s *wire.Summing) {
	r.Statistics, r.EloScale = s.Statistics, maybe(s.EloScale)
	for _, name := range s.Aggregate {
		r.Aggregates = append(r.Aggregates, ranking.Aggregate(name))
	}
}

func maybe(number *float64) ops.Maybe {
	if number == nil {
		return ops.Maybe{}
	}
	return ops.Some(*number)
}

// selected is what a strategy selected, or why it could not.
func selected(s *ranking.Selection) wire.Selected {
	if s.Err != nil {
		return wire.Selected{Error: Error(s.Err)}
	}
	of := wire.Selected{Picks: make([]wire.Picked, len(s.Picks))}
	for i := range s.Picks {
		of.Picks[i] = wire.Picked(s.Picks[i])
	}
	if s.Votes != nil {
		of.Votes = make([]wire.Vote, len(s.Votes))
	}
	for i, ballot := range s.Votes {
		of.Votes[i] = wire.Vote{Answer: ballot.Key, Weight: ballot.Weight, Indices: ballot.Members}
	}
	if len(s.Votes) > 0 {
		of.Answer = &s.Votes[0].Key
	}
	if s.Bracket != nil {
		of.Games, of.Agrees = make([]wire.Game, len(s.Bracket.Games)), &s.Bracket.Agrees
		for i, game := range s.Bracket.Games {
			of.Games[i] = wire.Game{First: game.First, Second: game.Second, Winner: game.Second}
			if game.FirstWon {
				of.Games[i].Winner = game.First
			}
		}
	}
	return of
}

// statistics are those of a group, or why there are none; nil where nobody asked.
func statistics(s *ranking.Statistics) *wire.Statistics {
	switch {
	case s == nil:
		return nil
	case s.Err != nil:
		return &wire.Statistics{Error: Error(s.Err)}
	}
	return &wire.Statistics{Described: &wire.Described{
		Count: s.Count, Mean: s.Mean.Pointer(), Deviation: s.Deviation.Pointer(), Constant: s.Constant,
		LeaveOneOut: numbers(s.LeaveOneOut), Normalized: numbers(s.Normalized), Ranks: numbers(s.Ranks),
	}}
}

// aggregates are those that were asked for, by name; nil where there are none.
func aggregates(of []ranking.Aggregated) map[string]wire.Aggregated {
	if len(of) == 0 {
		return nil
	}
	all := make(map[string]wire.Aggregated, len(of))
	for i := range of {
		one := wire.Aggregated{Error: Error(of[i].Err)}
		if of[i].Err == nil {
			one.Values = numbers(of[i].Values)
		}
		all[string(of[i].Of)] = one
	}
	return all
}
