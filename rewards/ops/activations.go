package ops

import (
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

// Softmax is e^x_i / Σ e^x_j, without overflow. Softmax(nil) is nil.
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

// LogOdds is the log-odds of value i under a softmax: log p − log(1 − p), without overflow. There must be two values or
// more.
func LogOdds(values []float64, i int) float64 {
	others := slices.Delete(slices.Clone(values), i, i+1)
	top, sum := slices.Max(others), 0.0
	for _, x := range others {
		sum += math.Exp(x - top)
	}
	return values[i] - top - math.Log(sum)
}

// Normalize is (x - mean) / std. The std must not be zero.
func Normalize(x, mean, std float64) float64 { return (x - mean) / std }

// Finite tells a number from NaN and the infinities.
func Finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
