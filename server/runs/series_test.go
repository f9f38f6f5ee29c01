package runs

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"
)

// orders are ways in which numbers come that are hard for a sketch.
var orders = map[string]func(rng *rand.Rand, i, n int) float64{
	"rising":      func(_ *rand.Rand, i, _ int) float64 { return float64(i) },
	"falling":     func(_ *rand.Rand, i, n int) float64 { return float64(n - i) },
	"normal":      func(rng *rand.Rand, _, _ int) float64 { return rng.NormFloat64() },
	"narrow":      func(rng *rand.Rand, _, _ int) float64 { return 1000 + 1e-6*rng.NormFloat64() },
	"heavy tails": func(rng *rand.Rand, _, _ int) float64 { return math.Tan(math.Pi * (rng.Float64() - 0.5)) },
	"few values":  func(rng *rand.Rand, _, _ int) float64 { return float64(rng.IntN(4)) },
	"drifting":    func(rng *rand.Rand, i, n int) float64 { return 5*float64(i)/float64(n) + rng.NormFloat64() },
}

// TestQuantilesAreWithinTheirError: the rank of each is off by at most its target's share of the numbers, and the
// sketch stays small, in whatever order they come.
func TestQuantilesAreWithinTheirError(t *testing.T) {
	const n = 100_000
	for name, of := range orders {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test's
			s, all := newSeries(seriesKey{}), make([]float64, n)
			for i := range all {
				all[i] = of(rng, i, n)
				s.add(&Value{Number: all[i]})
			}
			slices.Sort(all)
			report := s.report()
			for i, target := range Quantiles {
				q, most := report.Quantiles[i], math.Pi/compression*math.Sqrt(target*(1-target))+2.0/n
				below := float64(sort.SearchFloat64s(all, q)) / n
				upto := float64(sort.Search(n, func(k int) bool { return all[k] > q })) / n
				if below > target+most || upto < target-most {
					t.Errorf("quantile %g is %g, whose rank is from %g to %g", target, q, below, upto)
				}
			}
			if report.Min != all[0] || report.Max != all[n-1] || report.Count != n {
				t.Errorf("%d numbers from %g to %g", report.Count, report.Min, report.Max)
			}
			if kept := s.sketch.Centroids().Len(); kept > 2*compression {
				t.Errorf("the sketch keeps %d centroids of %d numbers", kept, n)
			}
		})
	}
}

// TestFewNumbersHaveQuantiles: those of 1 to 100 are within their error.
func TestFewNumbersHaveQuantiles(t *testing.T) {
	s := newSeries(seriesKey{})
	for i := range 100 {
		s.add(&Value{Number: float64(i + 1)})
	}
	if got := s.report().Quantiles; got[3] < 49 || got[3] > 51 || got[0] > 2 || got[6] < 98 {
		t.Errorf("quantiles of 1 to 100: %v", got)
	}
}

// TestWindows: the first has the first numbers, the last at least as many of the latest, and they never share one.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5*Window).Draw(t, "n")
		s := newSeries(seriesKey{})
		for i := range n {
			s.add(&Value{Number: float64(i)})
		}
		first, last := s.windows()
		if want := min(n, Window); first.Count != want || want > 0 && !near(first.Mean, float64(want-1)/2) {
			t.Fatalf("of %d the first window is %+v", n, first)
		}
		switch {
		case n < 2*Window:
			if last.Count != 0 {
				t.Fatalf("of %d the last window is %+v", n, last)
			}
		case last.Count < Window || last.Count >= 2*Window || last.Count > n-Window || !near(last.Mean, float64(n)-float64(last.Count+1)/2):
			t.Fatalf("of %d the last window is %+v", n, last)
		}
	})
}

// TestDriftIsInDeviations: numbers that rise by half a deviation have a drift of half.
func TestDriftIsInDeviations(t *testing.T) {
	s := newSeries(seriesKey{})
	for i := range 3 * Window {
		x := float64(2*(i%2) - 1) // deviation 1
		if i >= Window {
			x += 0.5
		}
		s.add(&Value{Number: x})
	}
	if got := s.report().Drift; !got.Known || math.Abs(got.Value-0.5) > 2e-3 {
		t.Errorf("drift %v", got)
	}
}

// TestRepeatedValuesAreCounted: exactly while they are few, and never too low by more than a share of one in 33.
func TestRepeatedValuesAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.IntRange(1, 100).Draw(t, "kinds")
		given := rapid.SliceOfN(rapid.IntRange(0, kinds-1), 1, 500).Draw(t, "given")
		var r repeated
		counts := map[float64]int{}
		most := 0
		for _, of := range given {
			r.add(float64(of))
			counts[float64(of)]++
			most = max(most, counts[float64(of)])
		}
		value, count := r.most()
		slack := len(given) / (distinct + 1)
		if len(counts) <= distinct {
			slack = 0
		}
		if count > counts[value] || count < most-slack || len(r.counts) > distinct {
			t.Fatalf("%g has %d of at least %d; %d values are kept", value, count, most, len(r.counts))
		}
	})
}

// TestSaturation: only numbers that are probabilities have ends.
func TestSaturation(t *testing.T) {
	s := newSeries(seriesKey{})
	for _, x := range []float64{0, 0.01, 0.011, 0.5, 0.989, 0.995, 1} {
		s.add(&Value{Number: x, Unit: true})
	}
	s.add(&Value{Number: 1})
	if s.unit != 7 || s.low != 2 || s.high != 2 {
		t.Errorf("of %d probabilities %d are near 0 and %d near 1", s.unit, s.low, s.high)
	}
}
