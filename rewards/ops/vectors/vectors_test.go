package vectors

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"
)

func TestCosineOfScaledVectorsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "size")
		vector := rapid.SliceOfN(rapid.Float64Range(0.01, 10), n, n)
		a, b := vector.Draw(t, "a"), vector.Draw(t, "b")
		scale := rapid.Float64Range(1e-100, 1e100).Draw(t, "scale")
		scaled := make([]float64, n)
		for i, x := range a {
			scaled[i] = x * scale
		}
		one, err := Cosine(a, b)
		other, also := Cosine(b, scaled)
		if err != nil || also != nil || math.Abs(one-other) > 1e-12 || one > 1 {
			t.Fatalf("the cosines are %g and %g: %v, %v", one, other, err, also)
		}
		if d, la, lb := floats.Distance(a, b, 2), floats.Norm(a, 2), floats.Norm(b, 2); math.Abs(d*d-(la*la+lb*lb-2*la*lb*one)) > 1e-9*(1+d*d) {
			t.Fatalf("the cosine %g is not by the law of cosines", one)
		}
	})
}

// One candidate's token is at 60° to the first of two reference tokens, and at 90° to the second.
func TestGreedyMatchingOfKnownTokens(t *testing.T) {
	x, y, half := []float64{1, 0}, []float64{0, 2}, []float64{1, math.Sqrt(3)} // half is at 60° to x
	m, err := Greedy(Tokens{Rows: [][]float64{x}}, Tokens{Rows: [][]float64{half, y}})
	if err != nil || math.Abs(m.Precision-0.5) > 1e-12 || math.Abs(m.Recall-0.25) > 1e-12 || math.Abs(m.F1-1.0/3) > 1e-12 {
		t.Errorf("the match is %+v: %v", m, err)
	}
}

func TestSidesOfAMatchSwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SliceOfN(rapid.Float64Range(0.1, 1), 3, 3)
		a, b := Tokens{Rows: rapid.SliceOfN(token, 1, 6).Draw(t, "a")}, Tokens{Rows: rapid.SliceOfN(token, 1, 6).Draw(t, "b")}
		m, err := Greedy(a, b)
		back, also := Greedy(b, a)
		if err != nil || also != nil || m.Precision != back.Recall || m.Recall != back.Precision || math.Abs(m.F1-back.F1) > 1e-15 {
			t.Fatalf("the matches are %+v and %+v", m, back)
		}
		if self, _ := Greedy(a, a); math.Abs(self.F1-1) > 1e-12 {
			t.Fatalf("a text matches itself by %g", self.F1)
		}
	})
}

func TestNoTokenAndNoLengthAreErrors(t *testing.T) {
	one := Tokens{Rows: [][]float64{{1, 2}}}
	for name, of := range map[string]Tokens{
		"no token": {}, "a token of length 0": {Rows: [][]float64{{1, 2}, {0, 0}}}, "only special tokens": {Rows: [][]float64{{1, 2}}, Aside: []bool{true}},
	} {
		_, err := Greedy(one, of)
		_, also := Greedy(of, one)
		if err == nil || also == nil {
			t.Errorf("%s matches", name)
		}
	}
	if _, err := Cosine([]float64{0, 0}, []float64{1, 0}); err == nil {
		t.Error("a vector of length 0 has an angle")
	}
}

// TestDotAndDistanceOfKnownVectors: (1, 2, 3) and (4, -5, 6), and a distance that squares would overflow.
func TestDotAndDistanceOfKnownVectors(t *testing.T) {
	a, b := []float64{1, 2, 3}, []float64{4, -5, 6}
	if got := Dot(a, b); got != 12 {
		t.Errorf("dot %g, want 12", got)
	}
	if got := Distance(a, b); math.Abs(got-math.Sqrt(67)) > 1e-15 {
		t.Errorf("distance %g, want the root of 67", got)
	}
	if got := Distance([]float64{1e200}, []float64{0}); got != 1e200 {
		t.Errorf("distance %g, want 1e200", got)
	}
}

// TestSpecialTokensAreMatchedAndDoNotCount: with one on the other side as near as can be, precision is 1; with what is
// far aside on its own side, nothing changes.
func TestSpecialTokensAreMatchedAndDoNotCount(t *testing.T) {
	x, y := []float64{1, 0}, []float64{0, 1}
	m, err := Greedy(Tokens{Rows: [][]float64{x}}, Tokens{Rows: [][]float64{x, y}, Aside: []bool{true, false}})
	if err != nil || m.Precision != 1 || m.Recall != 0 || m.F1 != 0 {
		t.Errorf("the match is %+v: %v", m, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SliceOfN(rapid.Float64Range(0.1, 1), 3, 3)
		a, b := Tokens{Rows: rapid.SliceOfN(token, 1, 6).Draw(t, "a")}, Tokens{Rows: rapid.SliceOfN(token, 1, 6).Draw(t, "b")}
		far := []float64{-1, -1, -1} // which is nobody's nearest
		more := Tokens{Rows: append([][]float64{far}, a.Rows...), Aside: make([]bool, len(a.Rows)+1)}
		more.Aside[0] = true
		want, err := Greedy(a, b)
		have, also := Greedy(more, b)
		if err != nil || also != nil || have != want {
			t.Fatalf("the match is %+v, and with a special token %+v", want, have)
		}
	})
}
