package batching

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestSmallForwardsAreNotFree: a caller who always has one tiny item waiting, with which nothing else can travel, gets
// no more of the runner's time than one who has long items waiting: neither is ahead by more than three forwards.
func TestSmallForwardsAreNotFree(t *testing.T) {
	known := cost{base: float64(10 * time.Millisecond), token: float64(100 * time.Microsecond)}
	for name, c := range map[string]struct {
		options Options
		left    time.Duration // until the deadline of a tiny item when it leaves
	}{
		"padded, nothing measured":   {Options{Padded: true}, time.Hour},
		"padded":                     {Options{Padded: true, cost: known}, time.Hour},
		"packed, of short deadlines": {Options{cost: known}, 11 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := c.options
				options.MaxItems, options.MaxTokens = 1<<20, 1<<30
				b := New(nil, options)
				if err := b.admit(newCall(t.Context(), Caller{Name: "long"}, many(0, 1000, 500), false)); err != nil {
					t.Fatal(err)
				}
				l := b.lanes[0]
				var long, tiny, most float64
				for i := range 500 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second+c.left)
					one := newCall(ctx, Caller{Name: "tiny"}, many(10_000_000+10*i, 1, 2), false)
					if err := b.admit(one); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					b.next(l)
					price := expected(options.cost, &l.plan)
					switch n := len(l.plan.IDs); {
					case n <= 2:
						tiny += price
					case n == 1000:
						long += price
					default:
						t.Fatalf("a forward of %d tokens", n)
					}
					b.leave(l)
					cancel()
					b.abandon(one) // or it was answered
					if most = max(most, price); tiny > long+3*most || long > tiny+3*most {
						t.Fatalf("after %d forwards the tiny items had %.1f ms, and the long ones %.1f ms", i, tiny/1e6, long/1e6)
					}
				}
			})
		})
	}
}

// TestEveryForwardIsPaidOnce: what callers pay is what all forwards are expected to take, whatever these are: small or
// large, with padding or cached tokens, of sequences that several wait for, or failed and run again in halves.
func TestEveryForwardIsPaidOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := cost{base: rapid.SampledFrom([]float64{0, 1e6}).Draw(t, "base"), token: 5000}
		options := Options{
			MaxItems: 1 << 20, MaxTokens: 1 << 30, Padded: rapid.Bool().Draw(t, "padded"), Budget: drawBudget(t),
			CacheBlocks: rapid.SampledFrom([]int{0, 100}).Draw(t, "blocks"),
			cost:        rapid.SampledFrom([]cost{{}, known}).Draw(t, "cost"),
		}
		took, forwards := 0.0, 0
		runner := fake{slots: [][]fakeSlot{make([]fakeSlot, 100)}, before: func(_ context.Context, plan *Plan) error {
			took += expected(options.cost, plan)
			if forwards++; rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
				return errors.New("a fault")
			}
			return nil
		}}
		b := New(runner, options)
		var accounts []*account
		for i := range rapid.IntRange(1, 3).Draw(t, "callers") {
			caller := Caller{Name: string(rune('a' + i))}
			for range 3 {
				sequences := append(drawSequences(t, 8), drawSequences(t, 8)...)
				if err := b.admit(newCall(context.Background(), caller, sequences, false)); err != nil {
					t.Fatal(err)
				}
			}
			accounts = append(accounts, b.queue.accounts[caller])
		}
		for l := b.lanes[0]; len(b.queue.byIDs) > 0; {
			b.step(context.Background(), l)
			paid := 0.0
			for _, a := range accounts {
				if len(a.turns) == 0 {
					return // and may be forgotten
				}
				paid += float64(a.served)
			}
			if off := paid - took; off < -1e-6*took || off > 1e-6*took+float64(100*forwards) {
				t.Fatalf("%d forwards took %.0f ns, and %.0f ns are paid", forwards, took, paid)
			}
		}
	})
}
