package batching

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeline is a runner whose forwards pass through stages, each of which has one forward at a time for a second.
type pipeline struct {
	fake
	stages []chan struct{} // each holds one while a forward is in it

	mu       sync.Mutex
	entered  []int64 // the first id of each forward, in the order in which they began
	inFlight int
	most     int // in flight at once
}

func newPipeline(stages int) *pipeline {
	p := &pipeline{}
	for range stages {
		p.stages = append(p.stages, make(chan struct{}, 1))
	}
	return p
}

func (p *pipeline) Run(ctx context.Context, plan *Plan) ([][]float32, error) {
	p.count(plan, 1)
	defer p.count(plan, -1)
	leave := func() {}
	for _, stage := range p.stages {
		stage <- struct{}{}
		leave()
		leave = func() { <-stage }
		time.Sleep(time.Second)
	}
	leave()
	return p.fake.Run(ctx, plan)
}

func (p *pipeline) count(plan *Plan, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFlight += n; n > 0 {
		p.entered, p.most = append(p.entered, plan.IDs[0]), max(p.most, p.inFlight)
	}
}

// whole makes sequences of which each is a forward by itself, with these first ids.
func whole(first ...int) (sequences []Sequence) {
	for _, id := range first {
		sequences = append(sequences, seq(run(id, 128)...))
	}
	return sequences
}

// TestForwardsPassThroughStages: a device of two stages has two forwards in flight, so that eight of two seconds take
// nine seconds and not sixteen, about in the order in which they were asked for.
func TestForwardsPassThroughStages(t *testing.T) {
	for stages, seconds := range map[int]int{1: 16, 2: 9} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipeline(2)
			b := New(p, Options{Stages: stages, Budget: Budget{Tokens: 128}})
			go b.Run(t.Context()) //nolint:errcheck // it is closed below
			defer b.Close()
			ids := []int{1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000}
			begun := time.Now()
			results, err := b.Submit(t.Context(), Caller{}, whole(ids...))
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range whole(ids...) {
				if results[i].Err != nil || !slices.EqualFunc(results[i].Values, want(s), slices.Equal) {
					t.Errorf("sequence %d: %v, %v", i, results[i].Values, results[i].Err)
				}
			}
			if took := time.Since(begun); took != time.Duration(seconds)*time.Second || p.most != stages {
				t.Errorf("%d stages: eight forwards took %v with %d in flight, want %ds with %d", stages, took, p.most, seconds, stages)
			}
			for i, id := range p.entered { // two that begin at once may change places
				if at := slices.Index(ids, int(id)); max(i-at, at-i) > stages-1 || len(p.entered) != len(ids) {
					t.Errorf("%d stages: forwards began in the order %d", stages, p.entered)
				}
			}
		})
	}
}

// TestAForwardBehindAnotherIsExpectedToWait: of two stages the forward that begins behind another is expected to take
// half as long again, since it waits for the stage in front of it.
func TestAForwardBehindAnotherIsExpectedToWait(t *testing.T) {
	b := New(newPipeline(2), Options{Stages: 2})
	l := b.lanes[0]
	for active, want := range []float64{1, 1.5} {
		l.device.active = active
		if b.choose(l, time.Now(), b.options.Budget, false); l.picker.pace != want {
			t.Errorf("with %d in flight it is expected to take %g times as long, want %g", active, l.picker.pace, want)
		}
	}
}

// TestStagesShareWhatWaits: forwards in flight have a share of what waits each, and all threads.
func TestStagesShareWhatWaits(t *testing.T) {
	started, release := make(chan *Plan), make(chan struct{})
	runner := fake{before: func(_ context.Context, plan *Plan) error {
		started <- plan
		<-release
		return nil
	}}
	b, stop := cached(t, runner, 0, Options{Stages: 2, Budget: Budget{Tokens: 4096}})
	defer stop()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		ask(t, b, whole(1000, 2000, 3000, 4000))
	}()
	first, second := <-started, <-started // in either order
	if first.Narrow || second.Narrow || max(len(first.IDs), len(second.IDs)) != 256 || min(len(first.IDs), len(second.IDs)) != 128 {
		t.Errorf("%d and %d of 512 tokens, narrow %t and %t", len(first.IDs), len(second.IDs), first.Narrow, second.Narrow)
	}
	close(release)
	<-started
	<-answered
}

// TestABlockIsOthersWhenItsForwardIsComplete: what a forward in flight is about to keep, no other takes from the cache
// before it is through, nor where it fails.
func TestABlockIsOthersWhenItsForwardIsComplete(t *testing.T) {
	for _, fails := range []bool{false, true} {
		started, release := make(chan *Plan), make(chan error)
		runner := fake{before: func(_ context.Context, plan *Plan) error {
			started <- plan
			return <-release
		}}
		b, stop := cached(t, runner, 64, Options{Stages: 2, Budget: Budget{Tokens: 4096}})
		prompt := run(1, 320) // so long that it is kept at once
		submit := func(s Sequence) chan Result {
			done := make(chan Result, 1)
			go func() {
				results, err := b.Submit(context.Background(), Caller{}, []Sequence{s})
				if err != nil {
					t.Error(err)
					results = make([]Result, 1)
				}
				done <- results[0]
			}()
			return done
		}
		first := submit(seq(prompt...))
		if plan := <-started; len(plan.Keep) == 0 {
			t.Fatal("nothing is kept of a long sequence that is alone")
		}
		second := submit(seq(append(slices.Clone(prompt), 9)...))
		third := submit(seq(run(5000, 64)...)) // which another lane takes meanwhile
		if plan := <-started; plan.IDs[0] != 5000 || len(plan.Past) > 0 {
			t.Errorf("beside the forward that keeps runs one of %d with %d cached blocks", plan.IDs[0], len(plan.Past))
		}
		var failure error
		if fails {
			failure = errors.New("out of order")
		}
		release <- failure // of one of them, whichever
		release <- failure
		plan := <-started
		release <- nil
		if cached := len(plan.Past) > 0; cached == fails {
			t.Errorf("failed %t: the next forward has %d cached blocks", fails, len(plan.Past))
		}
		for _, done := range []chan Result{first, second, third} {
			<-done
		}
		stop()
	}
}
