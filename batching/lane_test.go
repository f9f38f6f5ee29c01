package batching

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// beside counts the forwards in progress on a device, and says what must not run beside what.
type beside struct {
	lanes        int32
	stages       int32 // that wide ones may be in, each in one
	wide, narrow atomic.Int32
	most         atomic.Int32
}

func (b *beside) check(plan *Plan) (leave func(), err error) {
	if !plan.Narrow {
		if b.wide.Add(1) > b.stages || b.narrow.Load() > 0 {
			return func() {}, errors.New("a wide forward runs beside a narrow one, or beside too many")
		}
		return func() { b.wide.Add(-1) }, nil
	}
	n := b.narrow.Add(1)
	b.most.Store(max(b.most.Load(), n))
	if n > b.lanes || b.wide.Load() > 0 {
		return func() {}, errors.New("a narrow forward runs beside a wide one, or beside too many")
	}
	return func() { b.narrow.Add(-1) }, nil
}

// TestLanesAnswerAll: with any number of devices, lanes and stages every sequence of every caller gets its own answer;
// on a device, wide forwards are never more than there are stages, narrow ones never more than there are lanes, and one
// kind never beside the other.
func TestLanesAnswerAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lanes, stages := rapid.IntRange(1, 4).Draw(t, "lanes"), 1
		if rapid.Bool().Draw(t, "in stages") {
			lanes, stages = 1, rapid.IntRange(2, 4).Draw(t, "stages")
		}
		watched := make([]beside, rapid.IntRange(1, 3).Draw(t, "devices"))
		for i := range watched {
			watched[i].lanes, watched[i].stages = int32(lanes), int32(stages)
		}
		b, stop := cached(t, fake{beside: watched}, rapid.SampledFrom([]int{0, 3, 500}).Draw(t, "blocks"), Options{
			Devices: len(watched), Lanes: lanes, Stages: stages, LaneTokens: rapid.SampledFrom([]int{0, 64, 300}).Draw(t, "lane tokens"), Budget: drawBudget(t),
		})
		defer stop()
		callers := make([][]Sequence, rapid.IntRange(1, 6).Draw(t, "callers"))
		done := make(chan struct{}, len(callers))
		for i := range callers {
			callers[i] = drawSequences(t, 12)
		}
		for _, sequences := range callers {
			go func() {
				defer func() { done <- struct{}{} }()
				ask(t, b, sequences)
			}()
		}
		for range callers {
			<-done
		}
		if s := b.Stats(); s.Failed > 0 || s.Running > 0 {
			t.Fatalf("%+v", s)
		}
	})
}

// TestLanesRunSideBySide: when much waits, two narrow forwards are in progress at once; a lone sequence gets all
// threads.
func TestLanesRunSideBySide(t *testing.T) {
	started, release := make(chan bool), make(chan struct{})
	runner := fake{before: func(_ context.Context, plan *Plan) error {
		started <- plan.Narrow
		<-release
		return nil
	}}
	b, stop := cached(t, runner, 0, Options{Lanes: 2})
	defer stop()
	answered := make(chan struct{})
	submit := func(sequences []Sequence) {
		go func() {
			ask(t, b, sequences)
			answered <- struct{}{}
		}()
	}
	submit([]Sequence{seq(run(0, 300)...)})
	if <-started {
		t.Fatal("a lone sequence ran narrow")
	}
	release <- struct{}{}
	<-answered
	many := make([]Sequence, 16)
	for i := range many {
		many[i] = seq(run(1000*(i+1), 100)...)
	}
	submit(many)
	if first, second := <-started, <-started; !first || !second {
		t.Fatal("sixteen sequences did not run on two lanes")
	}
	close(release)
	for ended := false; !ended; {
		select {
		case <-started:
		case <-answered:
			ended = true
		}
	}
}

// TestDevicesShareWhatWaits: two devices each take half of what waits, at the same time, with all their threads.
func TestDevicesShareWhatWaits(t *testing.T) {
	started, release := make(chan *Plan), make(chan struct{})
	runner := fake{before: func(_ context.Context, plan *Plan) error {
		started <- plan
		<-release
		return nil
	}}
	b, stop := cached(t, runner, 0, Options{Devices: 2, Budget: Budget{Tokens: 4096}})
	defer stop()
	first := make(chan struct{})
	go func() {
		defer close(first)
		ask(t, b, []Sequence{seq(run(0, 10)...), seq(run(100, 10)...)})
	}()
	busy := []*Plan{<-started} // both short ones, as the least share
	var waiting []Sequence
	for i := range 8 {
		waiting = append(waiting, seq(run(1000*(i+1), 100)...))
	}
	second := make(chan struct{})
	go func() {
		defer close(second)
		ask(t, b, waiting)
	}()
	busy = append(busy, <-started)
	if busy[0].Device == busy[1].Device || busy[0].Narrow || busy[1].Narrow {
		t.Errorf("devices %d and %d, narrow %t and %t", busy[0].Device, busy[1].Device, busy[0].Narrow, busy[1].Narrow)
	}
	if n := len(busy[1].IDs); n != 400 {
		t.Errorf("%d of 800 tokens on the second device, want 400", n)
	}
	close(release)
	for open := true; open; {
		select {
		case <-started:
		case <-second:
			open = false
		}
	}
	<-first
}
