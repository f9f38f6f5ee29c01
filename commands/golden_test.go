package commands

import (
	"math"
	"testing"
)

func TestDriftIsRelativeAboveOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		have, want float64
		terms      int
		ok         bool
	}{
		{"small and close", 0.5, 0.50009, 0, true},
		{"small and apart", 0.5, 0.5002, 0, false},
		{"large and close", -103.0021, -103, 0, true},
		{"large and apart", -103.02, -103, 0, false},
		{"a sum of 100 tokens", 0.5, 0.5009, 100, true},
		{"a sum of 100 tokens, apart", 0.5, 0.5011, 100, false},
		{"no number", math.Inf(1), 1, 0, false},
	} {
		d := drift{have: []float64{c.have}, want: []float64{c.want}, terms: c.terms}
		if why := d.beyond(1e-4); (why == "") != c.ok {
			t.Errorf("%s: %g of %g is called %q", c.name, c.have, c.want, why)
		}
	}
}
