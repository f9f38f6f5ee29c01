// Package ops has the operators that rewards are made of: pure functions of numbers, each of which gives the same bits every time.
package ops

import (
	"cmp"
	"math"
	"slices"
)

// Sigmoid is 1 / (1 + e^-x), without overflow; Sigmoid(x) + Sigmoid(-x) is exactly 1.
func Sigmoid(x float64) float64 {
	if x > 0 {
		return 1 - Sigmoid(-x) // the smaller side keeps its relative precision
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// Softmax is e^x_i / Σ e^x_j, without overflow. Of no values it is none.
func Softmax(values []float64) []float64 {
	if len(values) == 0 {
		return nil
	}
	top, sum := slices.Max(values), 0.0
	out := make([]float64, len(values))
	for i, x := range values {
		out[i] = math.Exp(x - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// LogSigmoid is log Sigmoid(x), without overflow.
func LogSigmoid(x float64) float64 {
	if x > 0 {
		return -math.Log1p(math.Exp(-x))
	}
	return x - math.Log1p(math.Exp(x))
}

// LogSum is log(e^a + e^b), without overflow; LogSum(a, b) is LogSum(b, a).
func LogSum(a, b float64) float64 {
	return max(a, b) + math.Log1p(math.Exp(min(a, b)-max(a, b)))
}

// LogOdds is the log-odds of value i under a softmax: log p − log(1 − p), without overflow. There must be two values or more.
func LogOdds(values []float64, i int) float64 {
	others := slices.Delete(slices.Clone(values), i, i+1)
	top, sum := slices.Max(others), 0.0
	for _, x := range others {
		sum += math.Exp(x - top)
	}
	return values[i] - top - math.Log(sum)
}

// LogRatio sums log-probabilities over the tokens of a response, rows (tokens, 1), or their differences to a reference's,
// rows (tokens, 2); mean divides by the number of tokens. Of no tokens it is 0.
func LogRatio(rows [][]float64, mean bool) float64 {
	if len(rows) == 0 {
		return 0
	}
	sum := 0.0
	for _, row := range rows {
		sum += row[0]
		if len(row) > 1 {
			sum -= row[1]
		}
	}
	if mean {
		return sum / float64(len(rows))
	}
	return sum
}

// Skew is the general preference score of embedding a over b, Σ λ_k (a[2k]·b[2k+1] − a[2k+1]·b[2k]); λ is 1 where scale is nil.
// Skew(a, b) = −Skew(b, a). (Zhang et al., "General Preference Modeling with Preference Representations", 2024.)
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

// Normalize is (x - mean) / std. The std must not be zero.
func Normalize(x, mean, std float64) float64 { return (x - mean) / std }

// Preference is the Bradley–Terry probability that a response of reward a is preferred to one of reward b: Sigmoid(a - b).
// Preference(a, b) + Preference(b, a) is exactly 1.
func Preference(a, b float64) float64 { return Sigmoid(a - b) }

// Preferences is the matrix of Preference(rewards[i], rewards[j]), (n, n); its diagonal is 0.5. A reward that is nil has an
// unknown value, and its row and column are nil.
func Preferences(rewards []*float64) [][]*float64 {
	matrix := make([][]*float64, len(rewards))
	for i, a := range rewards {
		matrix[i] = make([]*float64, len(rewards))
		for j, b := range rewards {
			if a != nil && b != nil {
				matrix[i][j] = new(Preference(*a, *b))
			}
		}
	}
	return matrix
}

// WinRates is the mean of each row of a preference matrix without its diagonal and what is nil; nil where nothing is left.
func WinRates(matrix [][]*float64) []*float64 {
	rates := make([]*float64, len(matrix))
	for i, row := range matrix {
		var known []float64
		for j, p := range row {
			if i != j && p != nil {
				known = append(known, *p)
			}
		}
		if len(known) > 0 {
			rates[i] = new(Mean(known))
		}
	}
	return rates
}

// Order lists the indices of the scores that are not nil from the greatest to the smallest; of equal ones the lower index leads.
func Order(scores []*float64) []int {
	var order []int
	for i, score := range scores {
		if score != nil {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(*scores[j], *scores[i]) })
	return order
}

// Mean is the mean of at least one value, summed with compensation (Neumaier), and never outside of the values' range. The
// sum must not overflow.
func Mean(values []float64) float64 {
	sum, lost := 0.0, 0.0
	for _, x := range values {
		t := sum + x
		if math.Abs(sum) >= math.Abs(x) {
			lost += (sum - t) + x
		} else {
			lost += (x - t) + sum
		}
		sum = t
	}
	return min(max((sum+lost)/float64(len(values)), slices.Min(values)), slices.Max(values))
}

// Product is the product of the values; of none it is 1.
func Product(values []float64) float64 {
	product := 1.0
	for _, v := range values {
		product *= v
	}
	return product
}

// FirstBelow is the index of the first value below the threshold, nil when there is none.
func FirstBelow(values []float64, threshold float64) *int {
	if i := slices.IndexFunc(values, func(v float64) bool { return v < threshold }); i >= 0 {
		return &i
	}
	return nil
}

// Finite tells a number from NaN and the infinities.
func Finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
