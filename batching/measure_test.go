package batching

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// costly is a runner that takes as long as the function says for so many tokens, and gives empty rows.
type costly struct {
	took  func(tokens int) time.Duration
	sizes *[]int // of the plans it saw
}

func (c costly) Run(_ context.Context, plan *Plan) ([][]float32, error) {
	*c.sizes = append(*c.sizes, len(plan.IDs))
	time.Sleep(c.took(len(plan.IDs)))
	return make([][]float32, len(plan.Read)), nil
}

func TestMeasure(t *testing.T) {
	linear := func(tokens int) time.Duration { return time.Millisecond + time.Duration(tokens)*10*time.Microsecond }
	for name, c := range map[string]struct {
		took   func(int) time.Duration
		tokens int
		last   int // the largest plan that is run
		cost   cost
	}{
		"overhead matters": {linear, 2048, 2048, cost{base: 1e6, token: 1e4}},
		"saturates at 512": {func(n int) time.Duration {
			return max(4*time.Millisecond, time.Duration(n)*10*time.Microsecond)
		}, 512, 2048, cost{}},
		"slower above 512": {func(n int) time.Duration {
			return linear(n) + time.Duration(max(0, n-512))*10*time.Microsecond
		}, 512, 2048, cost{}},
		"slower above 128": {func(n int) time.Duration {
			return time.Duration(n)*10*time.Microsecond + time.Duration(max(0, n-128))*10*time.Microsecond
		}, 128, 2048, cost{}},
		"a little slower above 128": {func(n int) time.Duration {
			return time.Duration(n)*10*time.Microsecond + time.Duration(max(0, n-128))*700*time.Nanosecond
		}, 512, 2048, cost{}},
		"as fast at 128 as at 2048": {func(n int) time.Duration { return time.Duration(n) * 10 * time.Microsecond }, 512, 2048, cost{token: 1e4}},
		"too slow for 512":          {func(n int) time.Duration { return time.Duration(n) * 10 * time.Millisecond }, 128, 256, cost{token: 1e7}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, padded := range []bool{false, true} {
					var sizes []int
					begin := time.Now()
					found, err := Measure(t.Context(), costly{c.took, &sizes}, Options{Padded: padded})
					if err != nil {
						t.Fatal(err)
					}
					budget, got := found.Budget, found.cost
					if budget != (Budget{c.tokens, defaultArea}) || sizes[len(sizes)-1] != c.last {
						t.Errorf("padded %t: budget %+v after plans of up to %d tokens", padded, budget, sizes[len(sizes)-1])
					}
					if c.cost != (cost{}) && (got.of(work{})-c.cost.of(work{})).Abs() > time.Microsecond ||
						(got.of(work{tokens: 300})-c.took(300)).Abs() > c.took(300)/2 {
						t.Errorf("padded %t: cost %+v", padded, got)
					}
					if took := time.Since(begin); took > measureLimit {
						t.Errorf("measured for %v", took)
					}
				}
			})
		})
	}
}

// TestMeasuredOptionsAreTheGivenOnes: beside what was measured, options come back as they were given, with defaults
// where nothing was.
func TestMeasuredOptionsAreTheGivenOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := Options{
			PadID: 7, Heads: 64, Devices: 2, CacheBlocks: 9, MaxItems: 5, MaxDelay: time.Second, WarmIDs: run(0, 200),
		}
		var sizes []int
		runner := costly{func(n int) time.Duration { return time.Duration(n) * time.Microsecond }, &sizes}
		found, err := Measure(t.Context(), runner, given)
		if err != nil {
			t.Fatal(err)
		}
		want := given.withDefaults()
		want.Budget.Tokens, want.Lanes, want.LaneTokens, want.cost = found.Budget.Tokens, 1, 0, found.cost
		if diff := cmp.Diff(want, found, cmp.AllowUnexported(Options{}, cost{})); diff != "" {
			t.Errorf("options (-want +got):\n%s", diff)
		}
	})
}

func TestMeasureWithGivenIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		ids := run(5, 300)
		_, err := Measure(t.Context(), costly{func(int) time.Duration { return 1 }, &sizes}, Options{WarmIDs: ids})
		if err != nil {
			t.Fatal(err)
		}
		if first, last := sizes[0], slices.Max(sizes); first != 300 || last != 1800 {
			t.Errorf("plans of %d to %d tokens", first, last)
		}
	})
}

func TestMeasureFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		failsAbove := func(limit int) Runner {
			return fake{before: func(_ context.Context, plan *Plan) error {
				time.Sleep(time.Millisecond)
				if len(plan.IDs) > limit {
					return boom
				}
				return nil
			}}
		}
		if _, err := Measure(t.Context(), failsAbove(0), Options{}); !errors.Is(err, boom) {
			t.Errorf("error %v", err)
		}
		if found, err := Measure(t.Context(), failsAbove(600), Options{}); err != nil || found.Budget.Tokens != 512 {
			t.Errorf("found %+v, error %v", found, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := Measure(ctx, slow(time.Hour, nil), Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}
