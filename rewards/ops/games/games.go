// Package games turns comparisons of every candidate with every other one into a number for each candidate.
//
// What it takes is a matrix of K candidates, (K, K): margins M, where M[i][j] is by how much i is preferred to j, or
// probabilities P, where P[i][j] is how surely it is, P[i][j] + P[j][i] = 1 and P[i][i] = 0.5. What could not be
// compared is missing. Every function treats the candidates alike: those in another order get the same numbers in that
// order.
package games

import (
	"errors"
	"fmt"

	"github.com/assay-rm/assay/rewards/ops"
)

// tolerance is how far P[i][j] + P[j][i] may be from 1.
const tolerance = 1e-6

// Antisymmetric is (M[i][j] − M[j][i]) / 2, which takes out what a judge gives to the place and not to the candidate.
// It is missing where either order is, and 0 on the diagonal.
func Antisymmetric(margins ops.Matrix) (ops.Matrix, error) {
	if err := square(margins); err != nil {
		return ops.Matrix{}, err
	}
	n := margins.Rows()
	out := ops.NewMatrix(n, n)
	for i := range n {
		out.Row(i)[i] = ops.Some(0)
		for j := range i {
			if ab, ba := margins.Row(i)[j], margins.Row(j)[i]; ab.Known && ba.Known {
				half := ab.Value/2 - ba.Value/2 // which does not overflow where the difference would
				out.Row(i)[j], out.Row(j)[i] = ops.Some(half), ops.Some(-half)
			}
		}
	}
	return out, nil
}

// Probabilities is σ(M / temperature) of antisymmetric margins, so that P[i][j] + P[j][i] = 1. The temperature is
// positive.
func Probabilities(margins ops.Matrix, temperature float64) (ops.Matrix, error) {
	if err := square(margins); err != nil {
		return ops.Matrix{}, err
	}
	if !(temperature > 0) || !ops.Finite(temperature) {
		return ops.Matrix{}, fmt.Errorf("the temperature is %g, and must be positive", temperature)
	}
	n := margins.Rows()
	out := ops.NewMatrix(n, n)
	for i := range n {
		for j, m := range margins.Row(i) {
			if m.Known {
				out.Row(i)[j] = ops.Some(ops.Sigmoid(m.Value / temperature))
			}
		}
	}
	return out, nil
}

// Copeland is the share of its comparisons that each candidate wins (P above 0.5), a tie counting half; missing where
// it has none.
func Copeland(p ops.Matrix) ([]ops.Maybe, error) {
	if err := probabilities(p); err != nil {
		return nil, err
	}
	n := p.Rows()
	won := ops.NewMatrix(n, n)
	for i := range n {
		for j, one := range p.Row(i) {
			switch {
			case !one.Known:
			case one.Value > 0.5:
				won.Row(i)[j] = ops.Some(1)
			case one.Value < 0.5:
				won.Row(i)[j] = ops.Some(0)
			default:
				won.Row(i)[j] = ops.Some(0.5)
			}
		}
	}
	return ops.WinRates(won), nil
}

// square proves that a matrix compares candidates with each other, and that its numbers are finite.
func square(m ops.Matrix) error {
	for i := range m.Rows() {
		row := m.Row(i)
		if len(row) != m.Rows() {
			return fmt.Errorf("the matrix is %d × %d, and must be square", m.Rows(), len(row))
		}
		for j, x := range row {
			if x.Known && !ops.Finite(x.Value) {
				return fmt.Errorf("entry (%d, %d) is %g", i, j, x.Value)
			}
		}
	}
	return nil
}

// probabilities proves that a matrix has P[i][j] + P[j][i] = 1, both known or both missing.
func probabilities(p ops.Matrix) error {
	if err := square(p); err != nil {
		return err
	}
	for i := range p.Rows() {
		for j := range i {
			ab, ba := p.Row(i)[j], p.Row(j)[i]
			if ab.Known != ba.Known {
				return fmt.Errorf("entry (%d, %d) is known and its mirror is not", i, j)
			}
			if !ab.Known {
				continue
			}
			if ab.Value < 0 || ab.Value > 1 || ab.Value+ba.Value < 1-tolerance || ab.Value+ba.Value > 1+tolerance {
				return fmt.Errorf("entries (%d, %d) and (%d, %d) are %g and %g, and must be probabilities that sum to 1",
					i, j, j, i, ab.Value, ba.Value)
			}
		}
	}
	return nil
}

// errNone is what a fit says of a matrix in which nothing is compared.
var errNone = errors.New("no two candidates are compared")

// compared lists the candidates that have any comparison, and their probabilities without gaps where there are none.
func compared(p ops.Matrix) []int {
	var with []int
	for i := range p.Rows() {
		for j, x := range p.Row(i) {
			if i != j && x.Known {
				with = append(with, i)
				break
			}
		}
	}
	return with
}
