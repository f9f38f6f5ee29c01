package ranking

import (
	"slices"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/games"
)

// tournament selects the best and the worst of a bracket that is played in the order of the responses. All of them must
// have a score: of a bracket with a hole, nobody would know who was spared whom.
//
// The games are read off preferences that are all known, so that of a pair model each tournament costs n(n − 1)
// sequences and not the 22 of 11 games in both orders at n = 8. To read the games alone would take a round of readings
// after the other, log2(n) + 1 of them: 4 forwards in series where one batch does; readings that are admitted, or
// refused, after others of the same request have been paid for; and a rank whose other responses have no win rate, so
// no score. With the prompt and each first response computed once, it would compute 30 responses' tokens in place of
// 64. Who wants that asks compare for the pairs of each round, and pays the same.
func (*Choice) tournament(g *sorted) (Selection, error) {
	if failed := slices.IndexFunc(g.Scores, func(x ops.Maybe) bool { return !x.Known }); failed >= 0 {
		return Selection{}, failure.New(failure.CodeUndefined, "response %d has no score, and all %d must have one", failed, len(g.Scores))
	}
	bracket, err := games.Tournament(len(g.Scores), func(i, j int) (bool, error) {
		p := g.Preference(i, j)
		if !p.Known {
			return false, failure.New(failure.CodeUndefined, "responses %d and %d could not be compared", i, j)
		}
		return p.Value >= 0.5, nil
	})
	if err != nil {
		return Selection{}, err
	}
	s := Selection{Picks: []Pick{{bracket.Best, 0.5}, {bracket.Worst, 0.5}}, Bracket: &bracket}
	return s, nil
}

// nash selects by the mixture over the responses that loses to none. One response alone is all of it.
func (*Choice) nash(g *sorted) (Selection, error) {
	if len(g.order) == 1 {
		return g.alike(g.order), nil
	}
	n := len(g.Scores)
	p := ops.NewMatrix(n, n)
	for _, i := range g.order {
		for _, j := range g.order {
			if i != j {
				p.Row(i)[j] = g.Preference(i, j)
			}
		}
	}
	mixture, err := games.Nash(p)
	if err != nil {
		return Selection{}, err
	}
	weights := make([]float64, n)
	for i, x := range mixture {
		weights[i] = x.Value
	}
	return g.weighed(weights), nil
}

// Aggregate is a way to make one number for each response of the comparisons of all with each other.
type Aggregate string

// The aggregates.
const (
	winRate      Aggregate = "win_rate"      // the mean of the row without the diagonal
	copeland     Aggregate = "copeland"      // the share of the comparisons that are won, a tie counting half
	bradleyTerry Aggregate = "bradley_terry" // the strengths in log-odds under which the comparisons are most likely
	elo          Aggregate = "elo"           // the same on the scale of Elo
	nashMixture  Aggregate = "nash"          // the mixture that loses to none
)

// defaultEloScale is that of chess: who is so many points ahead wins 10 times of 11.
const defaultEloScale = 400

// Aggregated is a number for each response, missing of those that were compared to no other, or why there are none.
type Aggregated struct {
	Err    *failure.Error
	Of     Aggregate
	Values []ops.Maybe
}

// CheckAggregates proves what can be known of aggregates of so many responses before these are compared. Its error is
// a [*failure.Error] that names the field.
func CheckAggregates(names []Aggregate, scale ops.Maybe, responses int) error {
	for i, name := range names {
		switch {
		case name != winRate && name != copeland && name != bradleyTerry && name != elo && name != nashMixture:
			return invalid("aggregate[%d]: is none of win_rate, copeland, bradley_terry, elo, nash", i)
		case slices.Contains(names[:i], name):
			return invalid("aggregate[%d]: %s is given twice", i, name)
		case name != winRate && name != copeland && responses > mostFitted:
			return failure.New(failure.CodeTooManyItems, "aggregate[%d]: %s takes %d responses at most, and there are %d", i, name, mostFitted, responses)
		}
	}
	switch {
	case scale.Known && !slices.Contains(names, elo):
		return invalid("elo_scale: is of the aggregate elo, which is not asked for")
	case scale.Known && (!(scale.Value > 0) || !ops.Finite(scale.Value)):
		return invalid("elo_scale: %g is not above 0", scale.Value)
	}
	return nil
}

// Aggregates gives each aggregate of comparisons, (n, n), in the order of the names. One that has no number says why,
// and the others have theirs.
func Aggregates(names []Aggregate, scale ops.Maybe, p ops.Matrix) []Aggregated {
	if !scale.Known {
		scale = ops.Some(defaultEloScale)
	}
	all := make([]Aggregated, len(names))
	for k, name := range names {
		one := Aggregated{Of: name}
		var err error
		switch name {
		case winRate:
			one.Values = ops.WinRates(p)
		case copeland:
			one.Values, err = games.Copeland(p)
		case bradleyTerry:
			one.Values, err = games.BradleyTerry(p)
		case elo:
			one.Values, err = games.BradleyTerry(p)
			one.Values = games.Elo(one.Values, scale.Value)
		case nashMixture:
			one.Values, err = games.Nash(p)
		}
		if err != nil {
			one = Aggregated{Of: name, Err: undefined("aggregate "+string(name), err)}
		} else if wrong := finite("aggregate "+string(name), one.Values); wrong != nil {
			one = Aggregated{Of: name, Err: wrong}
		}
		all[k] = one
	}
	return all
}
