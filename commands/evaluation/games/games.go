// Package games computes what games between language models came to, from their logs, which no model reads: how
// efficient and how fair they were, what each player gained, and how many debates were won.
package games

import (
	"math"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// Game is how a game between two players ended, as GLEE (Shapira et al., 2024) measures it. What a game does not have
// is missing, and counts in no mean.
type Game struct {
	Agreed     ops.Maybe // 1 where it ended with a deal, else 0
	Efficiency ops.Maybe // how much of what there was to gain was gained, or whether they dealt where they should
	Fairness   ops.Maybe
	First      ops.Maybe // what the first player gained, who is the seller of a sale
	Second     ops.Maybe
	Buyer      ops.Maybe // what the buyer of a game of persuasion gained, as the published code counts it
}

// Bargained is a game of bargaining over a whole of 1, of which the first player got a share in a round, from 1. What
// players get shrinks with each round by their discounts: p·d₁^(t−1) and (1−p)·d₂^(t−1). The efficiency is the sum of
// both, and the fairness 1 − 4(p − ½)². Where the share is missing they did not agree, and nothing else is defined.
func Bargained(share ops.Maybe, round int, first, second float64) Game {
	if !share.Known {
		return Game{Agreed: ops.Some(0)}
	}
	p, later := share.Value, float64(round-1)
	gained, left := p*math.Pow(first, later), (1-p)*math.Pow(second, later)
	return Game{
		Agreed: ops.Some(1), Efficiency: ops.Some(gained + left), Fairness: ops.Some(1 - 4*(p-0.5)*(p-0.5)), First: ops.Some(gained), Second: ops.Some(left),
	}
}

// Negotiated is a game over the price of a good that has a value for its seller and one for its buyer. Where they
// traded, they gain price − seller and buyer − price, and the fairness is 1 − 4(price − (seller + buyer) / 2)²; where
// they did not, the price is missing, both gain 0 and the fairness is 1. The efficiency is 1 where they traded just if
// the buyer values the good more, and of equal values whatever they did, as in the published code.
func Negotiated(price ops.Maybe, seller, buyer float64) Game {
	efficiency := ops.Some(one(buyer == seller || price.Known == (buyer > seller)))
	if !price.Known {
		return Game{Agreed: ops.Some(0), Efficiency: efficiency, Fairness: ops.Some(1), First: ops.Some(0), Second: ops.Some(0)}
	}
	off := price.Value - (seller+buyer)/2
	return Game{
		Agreed: ops.Some(1), Efficiency: efficiency, Fairness: ops.Some(1 - 4*off*off), First: ops.Some(price.Value - seller), Second: ops.Some(buyer - price.Value),
	}
}

// Persuaded is a game of persuasion: in each round the seller praises a product, which is good or not, and the buyer
// bought it or not; both lists have the same length, 20 in the paper. The efficiency is the share of the good ones that
// were bought, the fairness that of the bad ones that were not, and the seller gains the share of rounds with a deal. A
// share of nothing is missing. A good product is worth value to the buyer and a bad one worst, at a price of 1. Of k
// good ones bought and r bad ones left the published code says that the buyer gains (k(value − 1) + r(worst − 1)) /
// rounds; it is missing where the value is.
func Persuaded(good, bought []bool, value ops.Maybe, worst float64) Game {
	var goods, deals, taken, left float64
	for i, is := range good {
		goods += one(is)
		deals += one(bought[i])
		taken += one(is && bought[i])
		left += one(!is && !bought[i])
	}
	rounds := float64(len(good))
	game := Game{Efficiency: samples.Ratio(taken, goods), Fairness: samples.Ratio(left, rounds-goods), First: samples.Ratio(deals, rounds)}
	if value.Known {
		game.Buyer = samples.Ratio(taken*(value.Value-1)+left*(worst-1), rounds)
	}
	return game
}

// numbers are those of a game, in the order of their metrics.
func (g *Game) numbers() [6]ops.Maybe {
	return [6]ops.Maybe{g.Efficiency, g.Fairness, g.First, g.Second, g.Buyer, g.Agreed}
}

// Unit is the unit of a game for [Family]: of each number whether it is there, and what it is.
func (g *Game) Unit() []float64 {
	var unit []float64
	for _, number := range g.numbers() {
		unit = append(unit, one(number.Known), number.Value)
	}
	return unit
}

// Family is the family of [Game.Unit]: the means over the games that have the number.
func Family() *samples.Family {
	var metrics []samples.Metric
	for i, name := range []string{"efficiency", "fairness", "first_gain", "second_gain", "buyer_gain_by_code", "agreed"} {
		metrics = append(metrics, samples.Share(name, 2*i+1, 2*i))
	}
	return &samples.Family{Width: 2 * len(metrics), Sums: 2 * len(metrics), Metrics: metrics, Add: addAll}
}

// addAll adds a unit to sums of as many numbers.
func addAll(sums, unit []float64) {
	for i, x := range unit {
		sums[i] += x
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
