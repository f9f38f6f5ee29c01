package graphs

import (
	"maps"
	"math"
	"testing"
)

// TestSlopesEqualDifferences holds every derivative to differences of its function in float64.
func TestSlopesEqualDifferences(t *testing.T) {
	const h = 1e-5
	places := []float64{-9.3, -4.1, -2.7, -1.3, -0.6, -0.2, 0.15, 0.4, 0.9, 1.6, 2.8, 3.7, 8.4}
	check := func(name string, x, slope, low, high float64) {
		want := (high - low) / (2 * h)
		if d := math.Abs(slope-want) / math.Max(1, math.Abs(want)); !(d < 1e-7) {
			t.Errorf("%s at %g: slope %g, and differences give %g", name, x, slope, want)
		}
	}
	all := maps.Clone(curves)
	var err error
	all["Gelu"], err = gelu("none")
	must(t, err)
	all["Gelu tanh"], err = gelu("tanh")
	must(t, err)
	all["Elu"], all["Celu"], all["Clip"] = exponential(1, 0.7, 1), exponential(1, 2, 2), clip(-1, 2)
	for name, c := range all {
		for _, x := range places {
			if positive := name == "Log" || name == "Sqrt"; positive && x < 0 {
				continue
			}
			check(name, x, c.d(x, c.f(x)), c.f(x-h), c.f(x+h))
		}
	}
	for name, p := range pairings {
		for _, x := range places {
			for _, y := range []float64{-2.2, -0.7, 0.3, 1.9} {
				if name == "Pow" && x < 0 {
					continue
				}
				check(name+" left", x, p.da(x, y), p.f(x-h, y), p.f(x+h, y))
				check(name+" right", y, p.db(x, y), p.f(x, y-h), p.f(x, y+h))
			}
		}
	}
}

func TestSlopesAtCorners(t *testing.T) {
	for _, one := range []struct {
		name      string
		got, want float64
	}{
		{"Relu at 0", curves["Relu"].d(0, 0), 0},
		{"Abs at 0", curves["Abs"].d(0, 0), 0},
		{"Clip at its border", clip(-1, 1).d(1, 1), 1},
		{"x^0 at 0", pairings["Pow"].da(0, 0), 0},
		{"x^1 at 0", pairings["Pow"].da(0, 1), 1},
		{"0^y by y", pairings["Pow"].db(0, 2), 0},
		{"Max of equals", pairings["Max"].da(2, 2), 0.5},
		{"sigmoid far below", sigmoid(-800), 0},
		{"softplus far above", softplus(800), 800},
	} {
		if one.got != one.want {
			t.Errorf("%s: %g, and %g is wanted", one.name, one.got, one.want)
		}
	}
}
