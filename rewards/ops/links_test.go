package ops

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestBestOfIsTheChanceOfOneSuccess(t *testing.T) {
	for _, c := range []struct{ p, k, want float64 }{
		{0.5, 4, 0.9375}, {0, 4, 0}, {1, 4, 1}, {0.3, 1, 0.3}, {1e-12, 4, 4e-12 - 6e-24},
	} {
		if got := BestOf(c.p, c.k); math.Abs(got-c.want) > 1e-15*c.want {
			t.Errorf("BestOf(%g, %g) is %.17g, want %.17g", c.p, c.k, got, c.want)
		}
	}
}

func TestInterpolateGoesThroughItsPoints(t *testing.T) {
	xs, ys := []float64{0, 3.5, 5}, []float64{0, 7, 1}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-10, 10).Draw(t, "x")
		got, err := Interpolate(x, xs, ys)
		want := 2 * Clip(x, 0, 3.5)
		if x > 3.5 {
			want = 7 - 4*(Clip(x, 3.5, 5)-3.5)
		}
		if err != nil || math.Abs(got-want) > 1e-12 {
			t.Fatalf("at %g it is %g, want %g: %v", x, got, want, err)
		}
	})
	for _, bad := range [][]float64{nil, {0, 0, 1}, {0, 1}, {0, math.NaN(), 1}} {
		if _, err := Interpolate(0, bad, ys); err == nil {
			t.Errorf("points at %v are taken", bad)
		}
	}
}
