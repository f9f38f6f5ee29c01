package ordered

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var probabilities = rapid.SliceOfN(rapid.Float64Range(0.001, 0.999), 1, 30)

// The numbers are of numpy 2.4.6 and scipy 1.16.3 over q = [0.9, 0.5, 0.8]: q.mean(), q.prod(), stats.gmean(q), the
// sigmoid of log(q / (1 - q)).mean(), (q / (1 - q)).mean().
func TestReductionsOfThreeSteps(t *testing.T) {
	q := []float64{0.9, 0.5, 0.8}
	for name, want := range map[string]float64{
		"min": 0.5, "max": 0.9, "mean": 0.7333333333333334, "sum": 2.2, "last": 0.8, "product": 0.36,
		"geometric_mean": 0.7113786608980126, "mean_logit": 0.7675460457270753, "mean_odds": 4.666666666666668,
	} {
		got, err := Reductions[name](q)
		if err != nil || math.Abs(got-want) > 1e-14 {
			t.Errorf("%s is %.17g, want %.17g: %v", name, got, want, err)
		}
	}
	if len(Reductions) != 9 {
		t.Errorf("there are %d reductions, and 9 are tested", len(Reductions))
	}
}

func TestReductionsLieAmongTheirSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := probabilities.Draw(t, "steps")
		low, _ := Min(q)
		high, _ := Max(q)
		for _, name := range []string{"mean", "last", "geometric_mean", "mean_logit"} {
			got, err := Reductions[name](q)
			if err != nil || got < low-1e-12 || got > high+1e-12 {
				t.Fatalf("%s is %g, of steps from %g to %g: %v", name, got, low, high, err)
			}
		}
		if product, _ := Product(q); product > low {
			t.Fatalf("the product is %g, above the least step, %g", product, low)
		}
	})
}

func TestScansTelescope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := probabilities.Draw(t, "steps")
		before := rapid.Float64Range(0, 1).Draw(t, "before")
		progress, _ := Sum(Progress(q, before))
		if want := q[len(q)-1] - before; math.Abs(progress-want) > 1e-12 {
			t.Fatalf("progress sums to %g, want %g", progress, want)
		}
		for k, left := range Remaining(Delta(q)) {
			want := q[k]
			if k == len(q)-1 {
				want = 0
			}
			if math.Abs(left-want) > 1e-12 {
				t.Fatalf("from step %d on deltas sum to %g, want %g", k, left, want)
			}
		}
		if diff := cmp.Diff(q, Progress(Cumulative(q), 0), cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWhatHasNoPlaceIsAnError(t *testing.T) {
	for name, reduce := range Reductions {
		for _, q := range [][]float64{nil, {0.5, math.NaN()}, {math.Inf(1)}} {
			if got, err := reduce(q); err == nil {
				t.Errorf("%s of %v is %g", name, q, got)
			}
		}
	}
	for name, q := range map[string][]float64{
		"geometric_mean": {0.5, -0.1}, "mean_logit": {0.5, 1}, "mean_odds": {1}, "product": {1e200, 1e200}, "sum": {1e308, 1e308},
	} {
		if got, err := Reductions[name](q); err == nil {
			t.Errorf("%s of %v is %g", name, q, got)
		}
	}
}
