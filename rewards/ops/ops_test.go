package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rewardsOf draws finite rewards as a graph gives them, with nothing where one failed.
func rewardsOf(t *rapid.T) []Maybe {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Maybe {
		if rapid.IntRange(0, 9).Draw(t, "failed") == 0 {
			return Maybe{}
		}
		if rapid.Bool().Draw(t, "small") {
			return Some(float64(rapid.IntRange(-3, 3).Draw(t, "reward"))) // ties
		}
		return Some(float64(rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "reward")))
	}), 0, 12).Draw(t, "rewards")
}

func TestPreferencesSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := rewardsOf(t)
		matrix := Preferences(rewards)
		for i, a := range rewards {
			for j, b := range rewards {
				p, q := matrix.Row(i)[j], matrix.Row(j)[i]
				if p.Known != (a.Known && b.Known) {
					t.Fatalf("p[%d][%d] is known: %v", i, j, p.Known)
				}
				if !p.Known {
					continue
				}
				if p.Value+q.Value != 1 || p.Value < 0 || p.Value > 1 || (i == j && p.Value != 0.5) {
					t.Fatalf("p[%d][%d] %g, p[%d][%d] %g", i, j, p.Value, j, i, q.Value)
				}
				if a.Value > b.Value && p.Value < q.Value {
					t.Fatalf("%g is not preferred to %g: %g", a.Value, b.Value, p.Value)
				}
			}
		}
		for i, rate := range WinRates(matrix) {
			if rate.Value < 0 || rate.Value > 1 {
				t.Fatalf("win rate %d is %g", i, rate.Value)
			}
			if !rewards[i].Known && rate.Known {
				t.Fatalf("a response without a reward has win rate %g", rate.Value)
			}
		}
	})
}

func TestOrderIsAStablePermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rewardsOf(t)
		ties := make([]Maybe, len(scores))
		for i := range ties {
			ties[i] = Maybe{float64(rapid.IntRange(0, 2).Draw(t, "tie")), rapid.Bool().Draw(t, "has a tie-breaker")}
		}
		if rapid.Bool().Draw(t, "all have a tie-breaker") {
			for i := range ties {
				ties[i].Known = true
			}
		}
		order := Order(scores, ties)
		var want []int
		for i := range scores {
			if scores[i].Known {
				want = append(want, i)
			}
		}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(order))); diff != "" {
			t.Fatalf("not a permutation of the scored (-want +got):\n%s", diff)
		}
		for k := 1; k < len(order); k++ {
			a, b := order[k-1], order[k]
			x, y := scores[a].Value, scores[b].Value
			broken := x == y && ties[a].Known && ties[b].Known && ties[a].Value != ties[b].Value
			if x < y || broken && ties[a].Value < ties[b].Value || x == y && !broken && a > b {
				t.Fatalf("%d (%g) is before %d (%g)", a, x, b, y)
			}
		}
	})
}

func TestSoftmaxAndSigmoid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 6).Draw(t, "logits")
		var sum float64
		for _, p := range Softmax(logits) {
			if !Finite(p) || p < 0 || p > 1 {
				t.Fatalf("softmax of %v has %g", logits, p)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("softmax of %v sums to %g", logits, sum)
		}
		x := logits[0]
		if two := Softmax([]float64{x, 0})[0]; math.Abs(two-Sigmoid(x)) > 1e-12 {
			t.Fatalf("softmax of (%g, 0) is %g, sigmoid %g", x, two, Sigmoid(x))
		}
	})
}

func TestOperatorValues(t *testing.T) {
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-15*math.Max(1, math.Abs(want)) {
			t.Errorf("%s is %.17g, want %.17g", name, got, want)
		}
	}
	near("sigmoid(0)", Sigmoid(0), 0.5)
	near("sigmoid(2)", Sigmoid(2), 0.88079707797788243)
	if got, want := Sigmoid(-40), 4.248354255291589e-18; math.Abs(got/want-1) > 1e-14 {
		t.Errorf("sigmoid(-40) is %g, want %g: the small side lost its precision", got, want)
	}
	near("sigmoid(-1e300)", Sigmoid(-1e300), 0)
	near("sigmoid(1e300)", Sigmoid(1e300), 1)
	near("normalize", Normalize(1.5, 0.5, 2), 0.5)
	near("mean of 0.1", Mean([]float64{0.1, 0.1, 0.1}), 0.1)
	near("mean with cancellation", Mean([]float64{1e16, 1, -1e16, 1}), 0.5)
	near("product", Product([]float64{0.5, 0.5, 4}), 1)
	near("product of none", Product(nil), 1)
	if Softmax(nil) != nil {
		t.Error("softmax of none is something")
	}
}

func TestSingleStepsSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []float64 {
			return []float64{rapid.Float64Range(-9, 0).Draw(t, "policy"), rapid.Float64Range(-9, 0).Draw(t, "reference")}
		}), 1, 20).Draw(t, "rows")
		cut := rapid.IntRange(0, len(rows)).Draw(t, "cut")
		whole, parts := LogRatio(rows, false), LogRatio(rows[:cut], false)+LogRatio(rows[cut:], false)
		if math.Abs(whole-parts) > 1e-9 || math.Abs(LogRatio(rows, true)*float64(len(rows))-whole) > 1e-9 {
			t.Fatalf("whole %g, parts %g", whole, parts)
		}
		swapped := make([][]float64, len(rows))
		for i, row := range rows {
			swapped[i] = []float64{row[1], row[0]}
		}
		if math.Abs(LogRatio(swapped, false)+whole) > 1e-9 {
			t.Fatal("policy and reference are not each other's opposite")
		}
	})
}

func TestSkewLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vector := rapid.SliceOfN(rapid.Float64Range(-5, 5), 6, 6)
		a, b := Unit(vector.Draw(t, "a")), Unit(vector.Draw(t, "b"))
		scale := Softmax(rapid.SliceOfN(rapid.Float64Range(-5, 5), 3, 3).Draw(t, "scale"))
		s := Skew(a, b, scale)
		if Skew(a, a, scale) != 0 || s != -Skew(b, a, scale) || math.Abs(s) > 1+1e-12 {
			t.Fatalf("skew of %v and %v is %g, back %g, of the first alone %g", a, b, s, Skew(b, a, scale), Skew(a, a, scale))
		}
		if one := Skew(a, b, []float64{1, 1, 1}); one != Skew(a, b, nil) {
			t.Fatal("no scales are not scales of 1")
		}
	})
	if u := Unit([]float64{0, 0}); !slices.Equal(u, []float64{0, 0}) {
		t.Errorf("a vector of length 0 became %v", u)
	}
}

func TestLogOddsStayFinite(t *testing.T) {
	for _, row := range [][]float64{{1000, -1000}, {-1000, 1000}, {0, 0, 0}, {700, 700.5, -700}} {
		if x := LogOdds(row, 0); !Finite(x) {
			t.Errorf("log-odds of %v are %g", row, x)
		}
	}
}

// TestAMatrixIsOneArray: rows share its memory, and neither the matrix nor what is made of it allocates by the cell.
func TestAMatrixIsOneArray(t *testing.T) {
	m := NewMatrix(2, 3)
	m.Row(1)[2] = Some(5)
	if m.Rows() != 2 || len(m.Row(0)) != 3 || cap(m.Row(0)) != 3 || m.Row(0)[2].Known || m.Row(1)[2] != Some(5) {
		t.Errorf("%+v", m)
	}
	if NewMatrix(0, 0).Rows() != 0 || len(WinRates(Preferences(nil))) != 0 {
		t.Error("a matrix of nothing has rows")
	}
	rewards := make([]Maybe, 256)
	for i := range rewards {
		rewards[i] = Some(float64(i % 7))
	}
	if got := testing.AllocsPerRun(5, func() { WinRates(Preferences(rewards)) }); got > 16 {
		t.Errorf("256 rewards allocate %g times, and one array and its win rates are enough", got)
	}
}

func TestWhatIsMissingHasNoPointer(t *testing.T) {
	known, missing := Some(2), Maybe{}
	if p := known.Pointer(); p != &known.Value || *p != 2 {
		t.Errorf("a number points to %v", p)
	}
	if p := missing.Pointer(); p != nil {
		t.Errorf("what is missing points to %v", p)
	}
}
