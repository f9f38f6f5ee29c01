package games

import (
	"fmt"
	"math/bits"
)

// Comparison is one game of a bracket: two candidates, and whether the first won.
type Comparison struct {
	First, Second int
	FirstWon      bool
}

// Bracket is how a two-sided tournament ended.
type Bracket struct {
	Best, Worst int
	Games       []Comparison // in the order in which they were played
	Agrees      bool         // the best also won against the worst, in the last game
}

// Tournament finds the best and the worst of n candidates, a power of two from 2 on, with few comparisons: neighbours
// play; then winners play winners, and losers losers, until one of each is left, who play last. That is 11 games of 8
// candidates.
//
//	0 1 2 3 4 5 6 7     4 games
//	winners  losers     2 + 2
//	winners  losers     1 + 1
//	  best – worst      1
//
// prefers tells whether the first is preferred; a tie goes to the first. (Zhang et al., "Iterative Nash Policy
// Optimization", 2024, section 4: such a pair is used where the best won the last game.)
func Tournament(n int, prefers func(first, second int) (bool, error)) (Bracket, error) {
	if n < 2 || bits.OnesCount(uint(n)) != 1 {
		return Bracket{}, fmt.Errorf("a tournament has a power of two of candidates, from 2 on, and not %d", n)
	}
	var b Bracket
	play := func(first, second int) (winner, loser int, err error) {
		won, err := prefers(first, second)
		if err != nil {
			return 0, 0, err
		}
		b.Games = append(b.Games, Comparison{first, second, won})
		if won {
			return first, second, nil
		}
		return second, first, nil
	}
	// split plays neighbours, and keeps the side that is wanted of each game.
	split := func(side []int) (winners, losers []int, err error) {
		for i := 0; i < len(side); i += 2 {
			winner, loser, err := play(side[i], side[i+1])
			if err != nil {
				return nil, nil, err
			}
			winners, losers = append(winners, winner), append(losers, loser)
		}
		return winners, losers, nil
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	winners, losers, err := split(all)
	for err == nil && len(winners) > 1 {
		if winners, _, err = split(winners); err == nil {
			_, losers, err = split(losers)
		}
	}
	if err != nil {
		return Bracket{}, err
	}
	best, _, err := play(winners[0], losers[0])
	if err != nil {
		return Bracket{}, err
	}
	b.Best, b.Worst, b.Agrees = winners[0], losers[0], best == winners[0]
	return b, nil
}
