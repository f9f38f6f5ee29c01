package protocols

import (
	"math"
	"testing"
)

// TestConfidence is what TypeSafe's formulas give, worked out by hand.
func TestConfidence(t *testing.T) {
	for _, test := range []struct {
		kind          decisionKind
		best          int
		probabilities []float64
		want          float64
	}{
		{oneOf, 1, []float64{0.25, 0.75}, 0.5},
		{oneOf, 0, []float64{0.7, 0.2, 0.1}, 0.55}, // (3·0.7 − 1)/2
		{graded, 0, []float64{1}, 1},
		{graded, 1, []float64{0.1, 0.8, 0.1}, 0.7},     // 1 − 0.2/(2/3)
		{graded, 0, []float64{0.5, 0, 0, 0.5}, 0},      // 1 − 1.5/1, not below 0
		{graded, 3, []float64{0, 0, 0.25, 0.75}, 0.75}, // 1 − 0.25/1
	} {
		v := verdict{probabilities: test.probabilities, best: test.best}
		if got := v.confidence(test.kind); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", test.probabilities, got, test.want)
		}
	}
}

// TestMembersKeepTheirOrder, and say what their values say.
func TestMembersKeepTheirOrder(t *testing.T) {
	got, is := membersOf([]byte(`{"b\n":"x\"y","a":null,"c":{"d":[1]},"e":2}`))
	want := []option{{"b\n", `x"y`}, {"a", ""}, {"c", `{"d":[1]}`}, {"e", "2"}}
	if !is || len(got) != len(want) {
		t.Fatalf("%v, %v", got, is)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	for _, other := range []string{``, `null`, `[1]`, `"a"`} {
		if got, is := membersOf([]byte(other)); is || got != nil {
			t.Errorf("%q: %v", other, got)
		}
	}
}
