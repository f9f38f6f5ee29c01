package ops

import (
	"cmp"
	"math"
	"slices"
)

// Preference is the Bradley–Terry probability that a response of reward a is preferred to one of reward b: Sigmoid(a -
// b). Preference(a, b) + Preference(b, a) is exactly 1.
func Preference(a, b float64) float64 { return Sigmoid(a - b) }

// Preferences is the matrix of Preference(rewards[i], rewards[j]), (n, n); its diagonal is 0.5. Where a reward is
// missing, so are its row and its column.
func Preferences(rewards []Maybe) Matrix {
	matrix := NewMatrix(len(rewards), len(rewards))
	for i, a := range rewards {
		row := matrix.Row(i)
		for j, b := range rewards {
			if a.Known && b.Known {
				row[j] = Some(Preference(a.Value, b.Value))
			}
		}
	}
	return matrix
}

// WinRates is the mean of each row of a preference matrix without its diagonal and what is missing; missing where
// nothing is left.
func WinRates(matrix Matrix) []Maybe {
	rates := make([]Maybe, matrix.Rows())
	var known []float64
	for i := range rates {
		known = known[:0]
		for j, p := range matrix.Row(i) {
			if i != j && p.Known {
				known = append(known, p.Value)
			}
		}
		if len(known) > 0 {
			rates[i] = Some(Mean(known))
		}
	}
	return rates
}

// Order lists the indices of the scores that are known from the greatest to the smallest, of equal ones those with the
// greater tie-breaker first, and of those that are equal in that too, or have none, the lower index. Without ties
// nothing has one.
func Order(scores, ties []Maybe) []int {
	var order []int
	for i, score := range scores {
		if score.Known {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		by := cmp.Compare(scores[j].Value, scores[i].Value)
		if by == 0 && ties != nil && ties[i].Known && ties[j].Known {
			by = cmp.Compare(ties[j].Value, ties[i].Value)
		}
		return by
	})
	return order
}

// Skew is the general preference score of embedding a over b, Σ λ_k (a[2k]·b[2k+1] − a[2k+1]·b[2k]); λ is 1 where scale
// is nil. Skew(a, b) = −Skew(b, a). (Zhang et al., "General Preference Modeling with Preference Representations",
// 2024.)
func Skew(a, b, scale []float64) float64 {
	sum := 0.0
	for k := range len(a) / 2 {
		term := a[2*k]*b[2*k+1] - a[2*k+1]*b[2*k]
		if scale != nil {
			term *= scale[k]
		}
		sum += term
	}
	return sum
}

// Unit is the vector scaled to length 1; a vector of length 0 stays as it is.
func Unit(vector []float64) []float64 {
	length := 0.0
	for _, x := range vector {
		length = math.Hypot(length, x)
	}
	out := slices.Clone(vector)
	if length == 0 {
		return out
	}
	for i := range out {
		out[i] /= length
	}
	return out
}
