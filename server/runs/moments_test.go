package runs

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"
)

// near tells whether two numbers are equal but for rounding.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

func numbers(t *rapid.T, name string) []float64 {
	return rapid.SliceOfN(rapid.Float64Range(-1e4, 1e4), 0, 60).Draw(t, name)
}

// TestMomentsAreGonums: mean and deviation are those of all numbers, however they are cut into parts that are merged.
func TestMomentsAreGonums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := [][]float64{numbers(t, "a"), numbers(t, "b"), numbers(t, "c")}
		var all []float64
		var merged Moments
		for _, part := range parts {
			var m Moments
			for _, x := range part {
				m.Add(x)
			}
			merged.Merge(m)
			all = append(all, part...)
		}
		if merged.Count != len(all) {
			t.Fatalf("%d numbers, and %d counted", len(all), merged.Count)
		}
		if len(all) < 2 {
			if merged.Deviation().Known {
				t.Fatalf("a deviation of %v", all)
			}
			return
		}
		mean, deviation := stat.MeanStdDev(all, nil)
		if got := merged.Deviation(); !near(merged.Mean, mean) || math.Abs(got.Value-deviation) > 1e-6*max(1, deviation) {
			t.Fatalf("mean %g and deviation %g, want %g and %g", merged.Mean, got.Value, mean, deviation)
		}
	})
}

// TestCorrelationIsGonums: of pairs, and of pairs less the means of their groups.
func TestCorrelationIsGonums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, within Together
		var xs, ys, gx, gy []float64
		for range rapid.IntRange(1, 4).Draw(t, "groups") {
			var group Together
			x, y := numbers(t, "x"), numbers(t, "y")
			n := min(len(x), len(y))
			for i := range n {
				all.Add(x[i], y[i])
				group.Add(x[i], y[i])
			}
			within.Within(&group)
			xs, ys = append(xs, x[:n]...), append(ys, y[:n]...)
			for i := range n {
				gx, gy = append(gx, x[i]-stat.Mean(x[:n], nil)), append(gy, y[i]-stat.Mean(y[:n], nil))
			}
		}
		for _, of := range []struct {
			name string
			got  Together
			x, y []float64
		}{{"all", all, xs, ys}, {"within groups", within, gx, gy}} {
			if len(of.x) < 2 || stat.StdDev(of.x, nil) < 1e-6 || stat.StdDev(of.y, nil) < 1e-6 {
				continue
			}
			if got := of.got.Correlation(); !got.Known || math.Abs(got.Value-stat.Correlation(of.x, of.y, nil)) > 1e-6 {
				t.Fatalf("%s: %v, want %g", of.name, got, stat.Correlation(of.x, of.y, nil))
			}
		}
	})
}

// TestCorrelationOfScipy: scipy.stats.pearsonr of eight lengths and rewards, scipy 1.17.1.
func TestCorrelationOfScipy(t *testing.T) {
	var of Together
	for i, x := range []float64{12, 40, 33, 75, 8, 51, 29, 64} {
		of.Add(x, []float64{0.2, 1.4, 0.1, 2.9, -0.6, 1.1, 0.9, 1.8}[i])
	}
	const want = 0.9250070761529131
	if got := of.Correlation(); math.Abs(got.Value-want) > 1e-14 {
		t.Errorf("%.17g, want %.17g", got.Value, want)
	}
}

// TestWhatDoesNotVaryHasNoCorrelationAndNoDrift: it is missing, not 0 and not NaN.
func TestWhatDoesNotVaryHasNoCorrelationAndNoDrift(t *testing.T) {
	var of Together
	var m, huge Moments
	for i := range 5 {
		of.Add(float64(i), 3)
		m.Add(3)
		huge.Add(math.Copysign(math.MaxFloat64, float64(i%2)-0.5))
	}
	if got := of.Correlation(); got.Known {
		t.Errorf("correlation %v", got)
	}
	if got := drift(&m, &m); got.Known {
		t.Errorf("drift %v", got)
	}
	if got := huge.Deviation(); got.Known {
		t.Errorf("a deviation of numbers that overflow: %v", got)
	}
}
