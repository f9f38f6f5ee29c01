package batching

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestFitFindsTheCost: of plans whose time is a cost, the fit is that cost's time for any other plan between them.
func TestFitFindsTheCost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term := func(name string, most float64) float64 {
			return rapid.SampledFrom([]float64{0, most / 10, most / 3, most}).Draw(t, name)
		}
		cost := cost{base: term("base", 1e7), token: 1e5, pair: term("pair", 100), key: term("key", 1e4)}
		var samples []sample
		for _, w := range []work{
			{128, 128 * 64, 128},
			{256, 256 * 64, 256},
			{512, 512 * 64, 512},
			{1024, 1024 * 64, 1024},
			{2048, 2048 * 64, 2048},
			{1024, 1024 * 1024, 4096},
			{1500, 1500 * 700, 16 * 1024},
		} {
			samples = append(samples, sample{w, cost.of(w)})
		}
		fitted := fit(samples)
		for _, w := range []work{{700, 700 * 300, 2000}, {200, 200 * 200, 200}, {1024, 1 << 18, 8192}} {
			if off := float64(fitted.of(w))/float64(cost.of(w)) - 1; math.Abs(off) > 0.01 {
				t.Fatalf("%+v fitted as %+v: off by %.3f at %+v", cost, fitted, off, w)
			}
		}
		if fitted.base < 0 || fitted.token < 0 || fitted.pair < 0 || fitted.key < 0 {
			t.Fatalf("%+v", fitted)
		}
	})
}

// TestMeasureChoosesLanes: lanes are used where they answer more together than a wide forward does.
func TestMeasureChoosesLanes(t *testing.T) {
	for name, c := range map[string]struct {
		narrow time.Duration // of a token on one of two threads; a wide forward takes 10 µs a token
		lanes  int
	}{"lanes pay": {18 * time.Microsecond, 2}, "lanes lose": {22 * time.Microsecond, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				runner := timed(func(plan *Plan) time.Duration {
					if plan.Narrow {
						return time.Duration(len(plan.IDs)) * c.narrow
					}
					return time.Duration(len(plan.IDs)) * 10 * time.Microsecond
				})
				found, err := Measure(t.Context(), runner, Options{Lanes: 2})
				if err != nil || found.Lanes != c.lanes {
					t.Errorf("%+v, %v", found, err)
				}
				if c.lanes > 1 && found.LaneTokens != amplePlan/c.lanes {
					t.Errorf("a lane takes %d tokens", found.LaneTokens)
				}
			})
		})
	}
}

// timed is a runner that only takes time.
type timed func(plan *Plan) time.Duration

func (f timed) Run(_ context.Context, plan *Plan) ([][]float32, error) {
	time.Sleep(f(plan))
	return make([][]float32, len(plan.Read)), nil
}

// TestLanesShareTheQueueEvenly: two lanes end what waits within a little of each other.
func TestLanesShareTheQueueEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tokens atomic.Int64
		runner := timed(func(plan *Plan) time.Duration {
			tokens.Add(int64(len(plan.IDs)))
			if !plan.Narrow {
				return time.Duration(len(plan.IDs)) * 10 * time.Microsecond
			}
			return time.Duration(len(plan.IDs)) * 20 * time.Microsecond
		})
		b := New(runner, Options{Lanes: 2, LaneTokens: 1024})
		done := make(chan error, 1)
		go func() { done <- b.Run(t.Context()) }()
		many := make([]Sequence, 64)
		for i := range many {
			many[i] = seq(run(1000*(i+1), 50)...)
		}
		begin := time.Now()
		if _, err := b.Submit(t.Context(), Caller{}, many); err != nil {
			t.Fatal(err)
		}
		ideal := time.Duration(tokens.Load()) * 10 * time.Microsecond
		if took := time.Since(begin); took > ideal*11/10 {
			t.Errorf("%v for what two busy lanes do in %v", took, ideal)
		}
		b.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
