package ops

import (
	"fmt"
	"math"
	"slices"
)

// Clip is x, or the limit that it is beyond. Either limit may be infinite; low must not be above high.
func Clip(x, low, high float64) float64 { return min(max(x, low), high) }

// BestOf is how likely one of k independent tries succeeds, 1 − (1 − p)^k, exact where p is small too. (Setlur et al.,
// "Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning", 2024: the value of a best-of-k prover.)
func BestOf(p, k float64) float64 { return -math.Expm1(k * math.Log1p(-p)) }

// Interpolate goes straight from point to point: of x = xs[i] it is ys[i], before the first and behind the last point
// it stays. The xs ascend strictly.
func Interpolate(x float64, xs, ys []float64) (float64, error) {
	if len(xs) != len(ys) || len(xs) == 0 {
		return 0, fmt.Errorf("there are %d and %d coordinates of points", len(xs), len(ys))
	}
	for i := 1; i < len(xs); i++ {
		if !(xs[i] > xs[i-1]) {
			return 0, fmt.Errorf("point %d is at %g, which is not behind %g", i, xs[i], xs[i-1])
		}
	}
	i, found := slices.BinarySearch(xs, x)
	switch last := len(xs) - 1; {
	case found:
		return ys[i], nil
	case i == 0:
		return ys[0], nil
	case i > last:
		return ys[last], nil
	}
	share := (x - xs[i-1]) / (xs[i] - xs[i-1])
	return ys[i-1] + share*(ys[i]-ys[i-1]), nil
}
