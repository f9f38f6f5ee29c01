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

// faulty is a shape that panics on one sequence: when it is added, or when a plan is built with it.
type faulty struct {
	shape
	added, built bool
	has          bool
}

const poison = 666

func (f *faulty) reset() {
	f.has = false
	f.shape.reset()
}

func (f *faulty) add(sequence Sequence, cached cachedPrefix, budget *Budget) (fits, shares bool) {
	poisoned := slices.Contains(sequence.IDs, poison)
	if f.added && poisoned {
		panic("a fault of the planner")
	}
	fits, shares = f.shape.add(sequence, cached, budget)
	f.has = f.has || fits && poisoned
	return fits, shares
}

func (f *faulty) build(plan *Plan, placements []placement) []placement {
	placements = f.shape.build(plan, placements) // blocks to be filled are claimed by now
	if f.built && f.has {
		panic("a fault of the planner")
	}
	return placements
}

// TestAFaultOfThePlannerFailsOneItem: a panic while an item is picked or packed fails that item with what it said,
// and no other; the batcher goes on, and nothing stays pinned.
func TestAFaultOfThePlannerFailsOneItem(t *testing.T) {
	for name, fault := range map[string]faulty{"added": {added: true}, "built": {built: true}} {
		for _, lanes := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					runner := fake{slots: [][]fakeSlot{make([]fakeSlot, 100)}}
					b := New(runner, Options{CacheBlocks: 100, Lanes: lanes})
					for _, l := range b.lanes {
						l.newShape = func() shape {
							s := fault
							s.shape = newShape(b.options, l.device.cache)
							return &s
						}
						l.renew()
					}
					done := make(chan error, 1)
					go func() { done <- b.Run(context.Background()) }()
					prompt := run(0, 3*BlockTokens)
					var sequences []Sequence
					for i := range 9 {
						sequences = append(sequences, seq(append(slices.Clone(prompt), int64(700+i))...))
					}
					bad := seq(append(slices.Clone(prompt), poison)...)
					for range 3 {
						o := <-submit(t.Context(), b, append([]Sequence{bad}, sequences...)...)
						var panicked *PanicError
						fails := o.err == nil && errors.As(o.results[0].Err, &panicked)
						if !fails || panicked.Value != "a fault of the planner" {
							t.Fatalf("%v, %v", o.err, o.results[0].Err)
						}
						o.results = o.results[1:]
						checkAnswers(t, o, sequences...)
					}
					synctest.Wait()
					s := b.Stats()
					if s.Failed != 3 || s.Answered != 27 || s.Items != 0 || s.Running != 0 || b.active() != 0 {
						t.Errorf("%+v", s)
					}
					checkCaches(t, b)
					checkQueue(t, &b.queue)
					if len(b.running) > 0 {
						t.Errorf("%d items run for ever", len(b.running))
					}
					b.Close()
					if err := <-done; err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// TestAFaultOfTheQueueEnds: a panic that no item is to blame for fails all that waits, and what comes then is answered.
func TestAFaultOfTheQueueEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(fake{}, Options{})
		o := submit(t.Context(), b, seq(1), seq(2))
		synctest.Wait()
		b.queue.interactive.accounts[0] = nil // there is no such account
		done := make(chan error, 1)
		go func() { done <- b.Run(context.Background()) }()
		synctest.Wait()
		for i, result := range (<-o).results {
			if _, ok := errors.AsType[*PanicError](result.Err); !ok {
				t.Errorf("result %d: %v", i, result.Err)
			}
		}
		checkAnswers(t, <-submit(t.Context(), b, seq(3)), seq(3))
		b.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestAForwardGivesItsBlocksBackOnce: a lane that fails twice with one plan lets go of the blocks that it was to fill
// once, so that no slot is free twice.
func TestAForwardGivesItsBlocksBackOnce(t *testing.T) {
	room := newRoom(Options{CacheBlocks: 10}, []Sequence{seq(run(0, keepAloneFrom)...)})
	l, cache := room.lanes[0], room.devices[0].cache
	room.next(l)
	if len(l.plan.Keep) == 0 {
		t.Fatal("the plan fills no block")
	}
	for range 2 {
		room.mu.Lock()
		room.mend(l, errors.New("a fault"))
		room.mu.Unlock()
	}
	if slots := len(slices.Compact(slices.Sorted(slices.Values(cache.free)))); slots != len(cache.free) || len(cache.blocks) > 0 {
		t.Errorf("%d slots are free, %d of them different, and %d blocks are held", len(cache.free), slots, len(cache.blocks))
	}
	checkCaches(t, room.Batcher)
}

// TestAStuckRunnerHoldsNobodyButRun: when its context ends, Run answers who waits for a runner that heeds nothing,
// and returns with the runner.
func TestAStuckRunnerHoldsNobodyButRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		runner := fake{before: func(context.Context, *Plan) error {
			<-release
			return nil
		}}
		b := New(runner, Options{Budget: Budget{Tokens: 1}})
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		atWork := submit(t.Context(), b, seq(1))
		synctest.Wait()
		queued := submit(t.Context(), b, seq(2), seq(3))
		synctest.Wait()
		time.Sleep(time.Minute)
		stopped := errors.New("stopped")
		cancel(stopped)
		checkErrors(t, <-atWork, ErrClosed)
		checkErrors(t, <-queued, ErrClosed)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("Run returned %v while the runner was at work", err)
		default:
		}
		if s := b.Stats(); s.RunAge != time.Minute {
			t.Errorf("the run in progress is said to be %v old", s.RunAge)
		}
		close(release)
		if err := <-done; !errors.Is(err, stopped) {
			t.Errorf("Run: %v", err)
		}
		want := Stats{Runs: 1, Asked: 1, Computed: 1, RunItems: sizesOf(1), RunTokens: sizesOf(1)}
		if diff := cmp.Diff(want, b.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}
