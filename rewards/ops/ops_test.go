package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rewardsOf draws finite rewards as a graph gives them, with nil where one failed.
func rewardsOf(t *rapid.T) []*float64 {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *float64 {
		if rapid.IntRange(0, 9).Draw(t, "failed") == 0 {
			return nil
		}
		if rapid.Bool().Draw(t, "small") {
			return new(float64(rapid.IntRange(-3, 3).Draw(t, "reward"))) // ties
		}
		return new(float64(rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "reward")))
	}), 0, 12).Draw(t, "rewards")
}

func TestPreferencesSumToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := rewardsOf(t)
		matrix := Preferences(rewards)
		for i := range rewards {
			for j := range rewards {
				p, q := matrix[i][j], matrix[j][i]
				if (p == nil) != (rewards[i] == nil || rewards[j] == nil) {
					t.Fatalf("p[%d][%d] is known: %v", i, j, p != nil)
				}
				if p == nil {
					continue
				}
				if *p+*q != 1 || *p < 0 || *p > 1 || (i == j && *p != 0.5) {
					t.Fatalf("p[%d][%d] %g, p[%d][%d] %g", i, j, *p, j, i, *q)
				}
				if (*rewards[i] > *rewards[j]) && *p < *q {
					t.Fatalf("%g is not preferred to %g: %g", *rewards[i], *rewards[j], *p)
				}
			}
		}
		for i, rate := range WinRates(matrix) {
			if rate != nil && (*rate < 0 || *rate > 1) {
				t.Fatalf("win rate %d is %g", i, *rate)
			}
			if rewards[i] == nil && rate != nil {
				t.Fatalf("a response without a reward has win rate %g", *rate)
			}
		}
	})
}

func TestOrderIsAStablePermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rewardsOf(t)
		order := Order(scores)
		var want []int
		for i := range scores {
			if scores[i] != nil {
				want = append(want, i)
			}
		}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(order))); diff != "" {
			t.Fatalf("not a permutation of the scored (-want +got):\n%s", diff)
		}
		for k := 1; k < len(order); k++ {
			a, b := order[k-1], order[k]
			if *scores[a] < *scores[b] || (*scores[a] == *scores[b] && a > b) {
				t.Fatalf("%d (%g) is before %d (%g)", a, *scores[a], b, *scores[b])
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
