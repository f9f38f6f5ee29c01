package groups

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/ops"
)

// drawn is a group of rewards, of which some are missing and some are equal.
func drawn(t *rapid.T) []ops.Maybe {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ops.Maybe {
		if rapid.IntRange(0, 6).Draw(t, "failed") == 0 {
			return ops.Maybe{}
		}
		if rapid.Bool().Draw(t, "small") {
			return ops.Some(float64(rapid.IntRange(-3, 3).Draw(t, "reward")))
		}
		return ops.Some(rapid.Float64Range(-1e6, 1e6).Draw(t, "reward"))
	}), 1, 12).Draw(t, "rewards")
}

func TestLeaveOneOutIsByTheOthersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := drawn(t)
		for i, got := range LeaveOneOut(rewards) {
			others, n := 0.0, 0.0
			for j, r := range rewards {
				if j != i && r.Known {
					others, n = others+r.Value, n+1
				}
			}
			if got.Known != (rewards[i].Known && n > 0) {
				t.Fatalf("response %d has an advantage: %v", i, got.Known)
			}
			if want := rewards[i].Value - others/n; got.Known && math.Abs(got.Value-want) > 1e-8*(1+math.Abs(want)) {
				t.Fatalf("response %d has %g, want %g", i, got.Value, want)
			}
		}
	})
}

func TestNormalizedHasMeanZeroAndDeviationOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := drawn(t)
		s, some := Describe(rewards)
		got := Normalized(rewards, 0)
		if again, _ := Describe(got); some && s.Deviation > 1e-6 && (math.Abs(again.Mean) > 1e-6 || math.Abs(again.Deviation-1) > 1e-6) {
			t.Fatalf("the mean is %g and the deviation %g", again.Mean, again.Deviation)
		}
		if some && s.Constant && slices.ContainsFunc(got, func(m ops.Maybe) bool { return m.Known }) {
			t.Fatalf("a group without variance has advantages: %v", got)
		}
	})
}

// The numbers are of Python: statistics.mean, statistics.stdev of [1, 2, 4].
func TestStatisticsOfAGroup(t *testing.T) {
	rewards := []ops.Maybe{ops.Some(1), ops.Some(2), {}, ops.Some(4)}
	s, _ := Describe(rewards)
	if s.Count != 3 || math.Abs(s.Mean-2.3333333333333335) > 1e-15 || math.Abs(s.Deviation-1.5275252316519465) > 1e-15 || s.Constant {
		t.Errorf("the statistics are %+v", s)
	}
	if diff := cmp.Diff([]ops.Maybe{ops.Some(3), ops.Some(2), {}, ops.Some(1)}, Ranks(rewards)); diff != "" {
		t.Error(diff)
	}
}

func TestChoicesFollowTheirResponses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rewards := drawn(t)
		order := ops.Order(rewards, nil)
		for _, f := range []Filter{Best, BestWorst, BestRandom} {
			seed := rapid.Uint64().Draw(t, "seed")
			kept, err := f.Keep(rewards, seed)
			if again, _ := f.Keep(rewards, seed); err != nil || !slices.Equal(kept, again) {
				t.Fatalf("%s keeps %v and then %v: %v", f, kept, again, err)
			}
			switch {
			case len(order) == 0 && len(kept) > 0:
				t.Fatalf("%s keeps %v of nothing", f, kept)
			case len(order) == 0:
			case kept[0] != order[0]:
				t.Fatalf("%s keeps %v and not the best, %d", f, kept, order[0])
			case f == BestWorst && kept[len(kept)-1] != order[len(order)-1]:
				t.Fatalf("%s keeps %v and not the worst, %d", f, kept, order[len(order)-1])
			case f == BestRandom && len(order) > 1 && (len(kept) != 2 || kept[1] == kept[0]):
				t.Fatalf("%s keeps %v", f, kept)
			}
		}
		for _, p := range MarginPairs(rewards, 1) {
			if rewards[p.Chosen].Value-rewards[p.Rejected].Value < 1 {
				t.Fatalf("%v is no pair of %v", p, rewards)
			}
		}
		weights, sum := PowerWeights(rewards, 2), 0.0
		for i, w := range weights {
			if sum += w; w < 0 || w > 0 && !rewards[i].Known {
				t.Fatalf("response %d weighs %g", i, w)
			}
		}
		if len(order) > 0 && math.Abs(sum-1) > 1e-9 {
			t.Fatalf("the weights sum to %g", sum)
		}
	})
}

func TestAShareIsOfThoseThatHaveAReward(t *testing.T) {
	rewards := []ops.Maybe{ops.Some(1), {}, ops.Some(5), ops.Some(3), ops.Some(2), ops.Some(4)}
	got, err := TopShare(rewards, 0.4)
	if diff := cmp.Diff([]int{2, 5}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	hundred := make([]ops.Maybe, 100)
	for i := range hundred {
		hundred[i] = ops.Some(float64(i))
	}
	if got, err := TopShare(hundred, 0.29); len(got) != 29 || err != nil { // 0.29 · 100 is 28.999999999999996
		t.Errorf("0.29 of 100 are %d, %v", len(got), err)
	}
	if _, err := TopShare(rewards, 1.5); err == nil {
		t.Error("a share of 1.5 is taken")
	}
}

// The largest reward is taken for 1, so that no square overflows.
func TestPowersOfLargeRewards(t *testing.T) {
	got := PowerWeights([]ops.Maybe{ops.Some(1e200), {}, ops.Some(-3e200)}, 2)
	if diff := cmp.Diff([]float64{0.1, 0, 0.9}, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{0.5, 0, 0.5}, PowerWeights([]ops.Maybe{ops.Some(0), {}, ops.Some(0)}, 2)); diff != "" {
		t.Error(diff)
	}
}

func TestVotes(t *testing.T) {
	keys := []string{"4", "5", "5", "", "4", "6"}
	ones := []ops.Maybe{ops.Some(1), ops.Some(1), ops.Some(1), ops.Some(1), {}, ops.Some(1)}
	scores := []ops.Maybe{ops.Some(0.9), ops.Some(0.2), ops.Some(0.4), ops.Some(1), {}, ops.Some(0.5)}
	for _, c := range []struct {
		name    string
		weights []ops.Maybe
		mean    bool
		want    []Ballot
	}{
		{"the majority", ones, false, []Ballot{{"5", 2, []int{1, 2}}, {"4", 1, []int{0}}, {"6", 1, []int{5}}}},
		{"the sum of scores", scores, false, []Ballot{{"4", 0.9, []int{0}}, {"5", 0.6000000000000001, []int{1, 2}}, {"6", 0.5, []int{5}}}},
		{"their mean", scores, true, []Ballot{{"4", 0.9, []int{0}}, {"6", 0.5, []int{5}}, {"5", 0.30000000000000004, []int{1, 2}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Vote(keys, c.weights, c.mean)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

// A dialogue of one root with two replies, of which the first has one reply of its own.
func TestTreeSums(t *testing.T) {
	got, err := TreeSums([]int{-1, 0, 0, 1}, []ops.Maybe{ops.Some(1), ops.Some(2), {}, ops.Some(2)})
	if diff := cmp.Diff([]float64{5, 4, 0, 2}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, parents := range [][]int{{1, 0}, {5, -1}, {-1}} {
		if _, err := TreeSums(parents, []ops.Maybe{ops.Some(1), ops.Some(1)}); err == nil {
			t.Errorf("parents %v are a tree", parents)
		}
	}
}
