package games

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

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
// finitely many steps. The answer is proved before it is given: no candidate beats it by more than 1e-9. Where some
// probabilities are so near to 0.5 that rounding finds no such mixture, all are rounded to 1e-6, or to ten times that,
// up to 1e-3 until it does, and nobody beats the mixture by more than that.
func Nash(p ops.Matrix) ([]ops.Maybe, error) {
	if err := probabilities(p); err != nil {
		return nil, err
	}
	with := compared(p)
	if len(with) == 0 {
		return nil, errNone
	}
	n := len(with)
	payoffs := make([]float64, n*n) // of a against b
	for a, i := range with {
		for b := range a {
			x, back := p.Row(i)[with[b]], p.Row(with[b])[i]
			if !x.Known {
				return nil, fmt.Errorf("candidates %d and %d are not compared", with[b], i)
			}
			payoffs[a*n+b] = (x.Value - back.Value) / 2
			payoffs[b*n+a] = -payoffs[a*n+b]
		}
	}
	lost := math.Inf(1)
	for _, grain := range []float64{0, 1e-6, 1e-5, 1e-4, 1e-3} {
		var mixture []float64
		if mixture, lost = equilibrium(payoffs, n, grain); lost <= max(1e-9, grain) {
			out := make([]ops.Maybe, p.Rows())
			for a, i := range with {
				out[i] = ops.Some(mixture[a])
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("the equilibrium was not found: a candidate beats the best mixture by %g", lost)
}

// equilibrium is the mixture for payoffs, which are rounded to a grain where that is not 0, and by how much the best
// answer beats it without rounding.
func equilibrium(payoffs []float64, n int, grain float64) (mixture []float64, lost float64) {
	columns, cells := make([][]float64, 2*n), make([]float64, 2*n*n) // of v, then of w
	for a := range columns {
		columns[a] = cells[a*n : (a+1)*n]
	}
	target := make([]float64, n)
	for a := range n {
		columns[a][a], target[a] = 1, -1
		for b := range n {
			x := payoffs[a*n+b]
			if grain > 0 {
				x = math.Round(x/grain) * grain
			}
			columns[n+b][a] = x
		}
	}
	mixture = leastSquares(columns, target) // target − columns·u, which is minus the projection
	sum := 0.0
	for a := range mixture {
		mixture[a] = math.Max(0, -mixture[a])
		sum += mixture[a]
	}
	if !(sum > 0) {
		return nil, math.Inf(1)
	}
	floats.Scale(1/sum, mixture)
	for b := range n {
		lost = max(lost, floats.Dot(payoffs[b*n:(b+1)*n], mixture))
	}
	return mixture, lost
}
