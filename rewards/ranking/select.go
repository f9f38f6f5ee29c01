package ranking

import (
	"cmp"
	"errors"
	"slices"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/games"
	"github.com/assay-rm/assay/rewards/ops/groups"
)

// Group is what is known of the responses to one prompt.
type Group struct {
	Scores     []ops.Maybe
	Ties       []ops.Maybe              // of equal scores the one with the greater goes first; nil: nothing has one
	Preference func(i, j int) ops.Maybe // how surely response i is preferred to another one, j; asked by few
}

// Pick is a response that is selected, and its share among those that are.
type Pick struct {
	Index  int
	Weight float64
}

// Selection is what a strategy selects, or why it cannot. Where no response has a score, it selects none.
type Selection struct {
	Err     *failure.Error
	Picks   []Pick          // the greatest weight first, of equal ones the better score; the weights sum to 1
	Votes   []groups.Ballot // of votes: the answers, from the one that wins; of equal ones the one that came first
	Bracket *games.Bracket  // of a tournament
}

// rule is how a strategy selects of responses some of which have scores.
type rule struct {
	of      Strategy
	selects func(c *Choice, g *sorted) (Selection, error)
}

// sorted is a group and the order of its scores, the best first.
type sorted struct {
	*Group

	order  []int
	places []ops.Maybe // of each response: less the place in the order, which has no ties
}

var rules = []rule{
	{BestOfN, filtered(groups.Best)},
	{TopN, func(c *Choice, g *sorted) (Selection, error) { return g.alike(groups.Top(g.places, c.N)), nil }},
	{TopShare, func(c *Choice, g *sorted) (Selection, error) {
		kept, err := groups.TopShare(g.places, c.Share.Value)
		return g.alike(kept), err
	}},
	{BestWorst, filtered(groups.BestWorst)},
	{BestRandom, filtered(groups.BestRandom)},
	{PowerWeights, (*Choice).powers},
	{Majority, (*Choice).vote},
	{WeightedVote, (*Choice).vote},
	{WeightedMean, (*Choice).vote},
	{Tournament, (*Choice).tournament},
	{Nash, (*Choice).nash},
}

// Select gives what the strategy selects of a group. The choice was checked with as many responses.
func (c *Choice) Select(g *Group) Selection {
	of := &sorted{Group: g, order: ops.Order(g.Scores, g.Ties), places: make([]ops.Maybe, len(g.Scores))}
	if len(of.order) == 0 {
		return c.nothing()
	}
	for place, i := range of.order {
		of.places[i] = ops.Some(-float64(place))
	}
	at := slices.IndexFunc(rules, func(r rule) bool { return r.of == c.Strategy })
	s, err := rules[at].selects(c, of)
	if err != nil {
		return Selection{Err: undefined("strategy "+string(c.Strategy), err)}
	}
	return s
}

// nothing is a selection of no response.
func (c *Choice) nothing() Selection {
	if c.Strategy.Votes() {
		return Selection{Votes: []groups.Ballot{}}
	}
	return Selection{}
}

// undefined is why there is no such number of a group. An error that has a code keeps it.
func undefined(what string, err error) *failure.Error {
	if known, ok := errors.AsType[*failure.Error](err); ok {
		return known.Within(what)
	}
	return failure.New(failure.CodeUndefined, "%s: %v", what, err)
}

// filtered selects what a filter keeps.
func filtered(f groups.Filter) func(c *Choice, g *sorted) (Selection, error) {
	return func(c *Choice, g *sorted) (Selection, error) {
		var seed uint64
		if c.Seed != nil {
			seed = uint64(*c.Seed)
		}
		kept, err := f.Keep(g.places, seed)
		return g.alike(kept), err
	}
}

// alike selects some responses with the same weight.
func (g *sorted) alike(indices []int) Selection {
	weights := make([]float64, len(g.Scores))
	for _, i := range indices {
		weights[i] = 1 / float64(len(indices))
	}
	return g.weighed(weights)
}

// weighed selects the responses that have a weight above 0.
func (g *sorted) weighed(weights []float64) Selection {
	var s Selection
	for _, i := range g.order {
		if weights[i] > 0 {
			s.Picks = append(s.Picks, Pick{i, weights[i]})
		}
	}
	slices.SortStableFunc(s.Picks, func(a, b Pick) int { return cmp.Compare(b.Weight, a.Weight) })
	return s
}

func (c *Choice) powers(g *sorted) (Selection, error) {
	power := float64(defaultPower)
	if c.Power.Known {
		power = c.Power.Value
	}
	return g.weighed(groups.PowerWeights(g.Scores, power)), nil
}

// vote selects the responses of the answer that wins, alike. A sum of scores says something where more votes are never
// less: scores below 0 are refused there.
func (c *Choice) vote(g *sorted) (Selection, error) {
	weights := slices.Clone(g.Scores)
	for i := range weights {
		switch x := &weights[i]; {
		case !x.Known:
		case c.Strategy == Majority:
			x.Value = 1
		case c.Strategy == WeightedVote && x.Value < 0 && c.Answers[i] != "":
			return Selection{}, failure.New(failure.CodeUndefined,
				"it adds scores, and that of response %d is %g, below 0; ask for activation sigmoid, or for weighted_mean", i, x.Value)
		}
	}
	votes, err := groups.Vote(c.Answers, weights, c.Strategy == WeightedMean)
	if err != nil || len(votes) == 0 {
		return c.nothing(), err
	}
	for _, ballot := range votes {
		if err := finite("votes", []ops.Maybe{ops.Some(ballot.Weight)}); err != nil {
			return Selection{}, err
		}
	}
	s := g.alike(votes[0].Members)
	s.Votes = votes
	return s, nil
}
