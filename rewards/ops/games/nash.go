package games

import (
	"errors"
	"fmt"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

// Nash is the mixture π over the candidates that loses to no candidate: Σ_i π_i P[i][j] ≥ 0.5 for every j, the Nash
// equilibrium of the game in which both sides name a candidate and P decides. Of a candidate that is preferred to all
// others it is 1. Where several mixtures do, it is the one with the smallest Σ π_i², so that candidates that are alike
// get alike, whatever their order. Candidates without any comparison are left out; all others must be compared with
// each other. (Munos et al., "Nash Learning from Human Feedback", 2023; the minimax winner of Swamy et al., "A
// Minimaximalist Approach to Reinforcement Learning from Human Feedback", 2024.)
//
// With A = P − 0.5, the mixtures that lose to none are those of the cone A·π ≤ 0, π ≥ 0. That one of least squares is
// the projection of (1, …, 1) on the cone, scaled to the sum 1, and by Moreau's theorem the projection is 1 + v + A·w
// for the v, w ≥ 0 that make its length least: least squares without negative numbers, which [leastSquares] solves in
// finitely many steps. The answer is proved before it is given: no candidate beats it by more than 1e-9.
func Nash(p ops.Matrix) ([]ops.Maybe, error) {
	if err := probabilities(p); err != nil {
		return nil, err
	}
	with := compared(p)
	if len(with) == 0 {
		return nil, errNone
	}
	n := len(with)
	columns, cells := make([][]float64, 2*n), make([]float64, 2*n*n) // of v, then of w
	for a := range columns {
		columns[a] = cells[a*n : (a+1)*n]
	}
	for a, i := range with {
		columns[a][a] = 1
		for b := range a {
			x, back := p.Row(i)[with[b]], p.Row(with[b])[i]
			if !x.Known {
				return nil, fmt.Errorf("candidates %d and %d are not compared", with[b], i)
			}
			payoff := (x.Value - back.Value) / 2
			columns[n+b][a], columns[n+a][b] = payoff, -payoff
		}
	}
	target := make([]float64, n)
	for i := range target {
		target[i] = -1
	}
	rest := leastSquares(columns, target) // target − columns·u, which is minus the projection
	sum := 0.0
	for a := range rest {
		rest[a] = math.Max(0, -rest[a])
		sum += rest[a]
	}
	if !(sum > 0) {
		return nil, errors.New("the equilibrium was not found")
	}
	out := make([]ops.Maybe, p.Rows())
	for a, i := range with {
		out[i] = ops.Some(rest[a] / sum)
	}
	for b := range n {
		gain := 0.0 // of candidate b against the mixture
		for a := range n {
			gain += columns[n+a][b] * rest[a] / sum
		}
		if !(gain <= 1e-9) {
			return nil, fmt.Errorf("the equilibrium was not found: candidate %d beats it by %g", with[b], gain)
		}
	}
	return out, nil
}
