package batching

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// perToken is a runner that takes a millisecond for every token.
func perToken(t *testing.T) *Batcher {
	t.Helper()
	took := func(plan *Plan) time.Duration { return time.Duration(len(plan.IDs)) * time.Millisecond }
	return start(t, timed(took), Options{cost: cost{token: 1e6}})
}

// TestLateSubmissionsAreRefused: what could not be answered before its deadline is refused at once, and says when to
// come back; what was admitted is answered in time.
func TestLateSubmissionsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := perToken(t)
		const deadline = 3 * time.Second
		var admitted []<-chan outcome
		refused := 0
		for i := range 100 { // ten seconds of work arrive in one
			time.Sleep(10 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			got := submit(ctx, b, seq(run(1000*(i+1), 100)...))
			synctest.Wait()
			select {
			case o := <-got:
				var full *QueueFullError
				if !errors.As(o.err, &full) {
					continue // answered already
				}
				refused++
				late := full.Left == deadline && full.Wait > deadline/2
				if !late || full.RetryAfter < minRetry || full.RetryAfter > full.Wait {
					t.Fatalf("%+v", full)
				}
			default:
				admitted = append(admitted, got)
			}
		}
		if refused == 0 || len(admitted) < 15 {
			t.Fatalf("%d refused, %d wait", refused, len(admitted))
		}
		for _, got := range admitted {
			if o := <-got; o.err != nil || o.results[0].Err != nil {
				t.Fatalf("admitted, and then %v %v", o.err, o.results)
			}
		}
		if err := b.Admits(t.Context(), Caller{}, DefaultMaxItems, DefaultMaxItems); err != nil {
			t.Errorf("an empty queue: %v", err)
		}
	})
}

// TestNobodyMakesAnotherLate: an item does not join a batch that would end after another's deadline; one that cannot
// be in time any more is not computed.
func TestNobodyMakesAnotherLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := perToken(t)
		first := submit(t.Context(), b, seq(run(0, 10)...))
		synctest.Wait()
		soon, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		short := submit(soon, b, seq(run(1000, 100)...))
		synctest.Wait()
		long := submit(t.Context(), b, seq(run(2000, 100)...))
		<-first
		if o := <-short; o.err != nil || o.results[0].Err != nil || o.results[0].Run != 100*time.Millisecond {
			t.Errorf("%+v", o)
		}
		if o := <-long; o.err != nil || o.results[0].Err != nil {
			t.Errorf("%+v", o)
		}
		hopeless, cancelHopeless := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancelHopeless()
		if o := <-submit(hopeless, b, seq(run(3000, 500)...)); o.err != nil || !errors.Is(o.results[0].Err, context.DeadlineExceeded) {
			t.Errorf("%+v", o)
		}
		if computed := b.Stats().Computed; computed != 210 {
			t.Errorf("%d tokens computed", computed)
		}
	})
}

// TestTheLateAreAnsweredAtOnce: what cannot be in time any more is answered when that is found, whether the batcher
// goes on, is closed, or is stopped: when Run has returned, nobody waits for an answer.
func TestTheLateAreAnsweredAtOnce(t *testing.T) {
	for name, end := range map[string]func(b *Batcher, stop func()){
		"goes on": func(*Batcher, func()) {},
		"closed":  func(b *Batcher, _ func()) { b.Close() },
		"stopped": func(_ *Batcher, stop func()) { stop() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(slow(time.Second, nil), Options{cost: cost{base: float64(time.Minute)}})
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				done := make(chan error, 1)
				go func() { done <- b.Run(ctx) }()
				soon, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				late := submit(soon, b, seq(1))
				synctest.Wait()
				end(b, stop)
				o := <-late
				checkErrors(t, o, context.DeadlineExceeded)
				if s := b.Stats(); o.took != 0 || s.Expired != 1 || s.Items != 0 || s.Runs != 0 {
					t.Errorf("answered after %v; %+v", o.took, s)
				}
				b.Close()
				if err := <-done; !errors.Is(err, ctx.Err()) {
					t.Errorf("Run: %v", err)
				}
			})
		})
	}
}

// TestTheHopelessTakeNobodyAlong: an identical sequence whose caller has time is answered, though another caller's
// deadline is hopeless.
func TestTheHopelessTakeNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := perToken(t)
		first := submit(t.Context(), b, seq(run(0, 100)...))
		synctest.Wait()
		soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		hurried := submit(soon, b, seq(run(5000, 500)...))
		synctest.Wait()
		patient := submit(t.Context(), b, seq(run(5000, 500)...))
		<-first
		if o := <-hurried; o.err != nil || !errors.Is(o.results[0].Err, context.DeadlineExceeded) {
			t.Errorf("%+v", o)
		}
		if o := <-patient; o.err != nil || o.results[0].Err != nil {
			t.Errorf("the patient caller: %v %v after %v", o.err, o.results, o.took)
		}
	})
}

// TestANearDeadlineGetsAllThreads: what is in time only on all threads is not left to one, nor given up.
func TestANearDeadlineGetsAllThreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runner := timed(func(plan *Plan) time.Duration {
			took := time.Duration(len(plan.IDs)) * time.Millisecond
			if plan.Narrow {
				took *= 4
			}
			return took
		})
		b := start(t, runner, Options{Lanes: 4, cost: cost{token: 1e6}})
		first := submit(t.Context(), b, seq(run(0, 10)...))
		synctest.Wait()
		soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		near := submit(soon, b, seq(run(5000, 300)...))
		synctest.Wait()
		var rest []<-chan outcome
		for i := range 10 {
			rest = append(rest, submit(t.Context(), b, seq(run(10_000*(i+1), 60)...)))
			synctest.Wait()
		}
		<-first
		if o := <-near; o.err != nil || o.results[0].Err != nil {
			t.Errorf("%v %v after %v", o.err, o.results[0].Err, o.took)
		}
		for _, r := range rest {
			<-r
		}
	})
}

// TestAdmitsSaysWhatSubmitWould: before the ids are known, a deadline refuses as many items and tokens as it would
// then, and a batcher that is closed refuses all.
func TestAdmitsSaysWhatSubmitWould(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := perToken(t)
		first := submit(t.Context(), b, seq(run(0, 100)...))
		synctest.Wait()
		second := submit(t.Context(), b, seq(run(1000, 100)...))
		synctest.Wait()
		for _, c := range []struct {
			items, tokens int
			left          time.Duration
			refused       bool
		}{
			{1, 100, time.Second, false},
			{1, 460, time.Second, false},
			{1, 480, time.Second, true}, // 680 ms ahead and of its own, and half as much to spare
			{1, 480, 0, false},
		} {
			ctx := t.Context()
			if c.left > 0 {
				timed, cancel := context.WithTimeout(ctx, c.left)
				defer cancel()
				ctx = timed
			}
			var full *QueueFullError
			if err := b.Admits(ctx, Caller{}, c.items, c.tokens); errors.As(err, &full) != c.refused || c.refused && full.Room != "" {
				t.Errorf("%+v: %v", c, err)
			}
		}
		if s := b.Stats(); s.Refused != 1 {
			t.Errorf("%d items refused", s.Refused)
		}
		<-first
		<-second
		b.Close()
		if err := b.Admits(t.Context(), Caller{}, 1, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}
