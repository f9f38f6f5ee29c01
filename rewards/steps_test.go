package rewards

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAggregatesKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 50).Draw(t, "scores")
		threshold := rapid.Float64Range(0, 1).Draw(t, "threshold")
		a := aggregate(scores, threshold, 0)
		if a.Min > a.Mean || a.Mean > slices.Max(scores) || *a.Product > a.Min || a.Last != scores[len(scores)-1] {
			t.Fatalf("min %g, mean %g, product %g, last %g of %v", a.Min, a.Mean, *a.Product, a.Last, scores)
		}
		for i, s := range scores {
			below := a.FirstError != nil && i == *a.FirstError
			switch {
			case below && s >= threshold:
				t.Fatalf("first error %d has score %g, threshold %g", i, s, threshold)
			case s < threshold && (a.FirstError == nil || *a.FirstError > i):
				t.Fatalf("step %d (%g) is an error before the first one", i, s)
			}
		}
	})
}
