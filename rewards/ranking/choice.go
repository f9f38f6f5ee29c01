package ranking

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// Strategy is how some of the responses to one prompt are selected.
type Strategy string

// The strategies. All but the last five go by the order of the scores alone.
const (
	BestOfN      Strategy = "best_of_n"     // the best
	TopN         Strategy = "top_n"         // the best n, alike (RAFT)
	TopShare     Strategy = "top_share"     // the best ⌊share · n⌋ of the n that have a score, alike (RAFT)
	BestWorst    Strategy = "best_worst"    // the best and the worst, alike (PF-PPO)
	BestRandom   Strategy = "best_random"   // the best, and one of the others by chance, alike (PF-PPO)
	PowerWeights Strategy = "power_weights" // all, by |score|^power (PF-PPO)
	Majority     Strategy = "majority"      // those of the answer that most have (self-consistency)
	WeightedVote Strategy = "weighted_vote" // those of the answer with the greatest sum of scores
	WeightedMean Strategy = "weighted_mean" // those of the answer with the greatest mean score
	Tournament   Strategy = "tournament"    // the best and the worst of a two-sided tournament, alike (INPO)
	Nash         Strategy = "nash"          // all, by the mixture that loses to none
)

// mostFitted is how many responses may be fitted to each other, by [Nash] and by the aggregates that are fits.
const mostFitted = 128

// defaultPower is that of PF-PPO's code.
const defaultPower = 2

// Choice is a strategy and what it goes by, each of which belongs to one strategy alone.
type Choice struct {
	Strategy Strategy  // empty: [BestOfN]
	N        int       // of [TopN], at least 1. Others pass it over: it also cuts the ranking
	Share    ops.Maybe // of [TopShare], above 0 and at most 1
	Seed     *int64    // of [BestRandom]: one seed chooses the same place of the order every time
	Power    ops.Maybe // of [PowerWeights], 0 or more; missing: 2
	Answers  []string  // of the votes: the answer of each response; an empty one is none, and does not vote
}

// Compares tells whether the strategy goes by comparisons of responses with each other.
func (c *Choice) Compares() bool { return c.Strategy == Tournament || c.Strategy == Nash }

// Votes tells whether the strategy goes by answers.
func (s Strategy) Votes() bool { return s == Majority || s == WeightedVote || s == WeightedMean }

// Check proves what can be known of a choice among so many responses before they have scores, and fills in the
// strategy. Its error is a [*failure.Error] that names the field.
func (c *Choice) Check(responses int) error {
	if c.Strategy == "" {
		c.Strategy = BestOfN
	}
	at := slices.IndexFunc(rules, func(r rule) bool { return r.of == c.Strategy })
	if at < 0 {
		names := make([]string, len(rules))
		for i := range rules {
			names[i] = string(rules[i].of)
		}
		return invalid("strategy: %q is none of %s", fault.Short(string(c.Strategy)), strings.Join(names, ", "))
	}
	for _, field := range []struct {
		name  string
		there bool
		needs []Strategy
		may   []Strategy
	}{
		{"n", c.N > 0, []Strategy{TopN}, nil},
		{"share", c.Share.Known, []Strategy{TopShare}, []Strategy{TopShare}},
		{"seed", c.Seed != nil, []Strategy{BestRandom}, []Strategy{BestRandom}},
		{"power", c.Power.Known, nil, []Strategy{PowerWeights}},
		{"answers", c.Answers != nil, []Strategy{Majority, WeightedVote, WeightedMean}, []Strategy{Majority, WeightedVote, WeightedMean}},
	} {
		switch {
		case !field.there && slices.Contains(field.needs, c.Strategy):
			return invalid("%s: is missing, and strategy %s goes by it", field.name, c.Strategy)
		case field.there && field.may != nil && !slices.Contains(field.may, c.Strategy):
			return invalid("%s: strategy %s does not go by it", field.name, c.Strategy)
		}
	}
	switch {
	case c.Strategy.Votes() && len(c.Answers) != responses:
		return invalid("answers: there are %d, and %d responses; each has one", len(c.Answers), responses)
	case c.Strategy == Tournament && (responses < 2 || bits.OnesCount(uint(responses)) != 1):
		return invalid("responses: a tournament has a power of two of them, from 2 on, and there are %d", responses)
	case c.Strategy == Nash && responses > mostFitted:
		return failure.New(failure.CodeTooManyItems, "responses: strategy nash takes %d at most, and there are %d", mostFitted, responses)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return failure.New(failure.CodeInvalidField, format, args...)
}
