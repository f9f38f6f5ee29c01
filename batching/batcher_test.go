package batching

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// slow is a runner that takes a time for each plan, by the fake clock, and counts the sequences it saw.
func slow(took time.Duration, sizes *[]int) fake {
	return fake{before: func(ctx context.Context, plan *Plan) error {
		if sizes != nil {
			*sizes = append(*sizes, len(plan.Read))
		}
		select {
		case <-time.After(took):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
}

// start runs a batcher until the test ends, then drains it.
func start(t *testing.T, runner Runner, options Options) *Batcher {
	t.Helper()
	b := New(runner, options)
	done := make(chan error, 1)
	go func() { done <- b.Run(context.Background()) }()
	t.Cleanup(func() {
		b.Close()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return b
}

// outcome is what a submission made in the background came to.
type outcome struct {
	results []Result
	err     error
	took    time.Duration
}

func submit(ctx context.Context, b *Batcher, sequences ...Sequence) <-chan outcome {
	out := make(chan outcome, 1)
	begin := time.Now()
	go func() {
		results, err := b.Submit(ctx, Caller{}, sequences)
		out <- outcome{results, err, time.Since(begin)}
	}()
	return out
}

// checkAnswers wants right values for all sequences.
func checkAnswers(t *testing.T, o outcome, sequences ...Sequence) {
	t.Helper()
	if o.err != nil || len(o.results) != len(sequences) {
		t.Fatalf("%d results, error %v", len(o.results), o.err)
	}
	for i, result := range o.results {
		if result.Err != nil {
			t.Errorf("result %d: %v", i, result.Err)
		} else if diff := cmp.Diff(want(sequences[i]), result.Values); diff != "" {
			t.Errorf("result %d (-want +got):\n%s", i, diff)
		}
	}
}

// checkErrors wants one error for all sequences.
func checkErrors(t *testing.T, o outcome, want error) {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	for i, result := range o.results {
		if !errors.Is(result.Err, want) || result.Values != nil {
			t.Errorf("result %d is %v, want error %v", i, result, want)
		}
	}
}

func TestLoneItemLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, slow(3*time.Millisecond, nil), Options{})
		o := <-submit(t.Context(), b, seq(1, 2, 3))
		checkAnswers(t, o, seq(1, 2, 3))
		if o.took != 3*time.Millisecond || o.results[0].Queue != 0 || o.results[0].Run != 3*time.Millisecond {
			t.Errorf("took %v, %+v", o.took, o.results[0])
		}
	})
}

func TestWhatQueuedBehindARunLeavesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := start(t, slow(10*time.Millisecond, &sizes), Options{})
		first := submit(t.Context(), b, seq(1))
		time.Sleep(time.Millisecond)
		second := submit(t.Context(), b, seq(2), seq(3))
		time.Sleep(time.Millisecond)
		third := submit(t.Context(), b, seq(4))
		checkAnswers(t, <-first, seq(1))
		o := <-second
		checkAnswers(t, o, seq(2), seq(3))
		if o.results[0].Queue != 9*time.Millisecond {
			t.Errorf("waited %v, want 9ms", o.results[0].Queue)
		}
		checkAnswers(t, <-third, seq(4))
		if diff := cmp.Diff([]int{1, 3}, sizes); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestMaxDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := start(t, slow(0, &sizes), Options{MaxDelay: 5 * time.Millisecond, Budget: Budget{Tokens: 100}})

		first := submit(t.Context(), b, seq(1))
		time.Sleep(2 * time.Millisecond)
		second := submit(t.Context(), b, seq(2))
		if o := <-first; o.took != 5*time.Millisecond {
			t.Errorf("the oldest left after %v, want 5ms", o.took)
		}
		if o := <-second; o.took != 3*time.Millisecond {
			t.Errorf("the second left after %v, want 3ms", o.took)
		}

		third := submit(t.Context(), b, seq(run(0, 60)...))
		time.Sleep(time.Millisecond)
		fourth := submit(t.Context(), b, seq(run(60, 40)...))
		if o := <-third; o.took != time.Millisecond {
			t.Errorf("a full budget left after %v, want 1ms", o.took)
		}
		<-fourth
		if diff := cmp.Diff([]int{2, 2}, sizes); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}

		fifth := submit(t.Context(), b, seq(5))
		synctest.Wait()
		b.Close()
		if o := <-fifth; o.took != 0 {
			t.Errorf("a closed batcher held an item for %v", o.took)
		}
	})
}

func TestCallerLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		context func(context.Context) (context.Context, context.CancelFunc)
		want    error
		count   func(Stats) uint64
	}{
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 5*time.Millisecond)
		}, context.DeadlineExceeded, func(s Stats) uint64 { return s.Expired }},
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(5*time.Millisecond, cancel)
			return ctx, cancel
		}, context.Canceled, func(s Stats) uint64 { return s.Cancelled }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				b := start(t, slow(10*time.Millisecond, &sizes), Options{})
				ctx, cancel := c.context(t.Context())
				defer cancel()
				atWork := submit(ctx, b, seq(1))
				synctest.Wait()
				queued := submit(ctx, b, seq(2), seq(3))
				stays := submit(t.Context(), b, seq(4))
				for _, left := range []<-chan outcome{atWork, queued} {
					o := <-left
					checkErrors(t, o, c.want)
					if o.took != 5*time.Millisecond {
						t.Errorf("Submit returned after %v, want 5ms", o.took)
					}
				}
				if s := b.Stats(); s.Items != 1 || s.Tokens != 1 || c.count(s) != 3 {
					t.Errorf("stats %+v", s)
				}
				checkAnswers(t, <-stays, seq(4))
				if diff := cmp.Diff([]int{1, 1}, sizes); diff != "" {
					t.Errorf("runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCauseIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(fake{}, Options{}) // never run
		hungUp := errors.New("client hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		o := submit(ctx, b, seq(1))
		synctest.Wait()
		cancel(hungUp)
		result := (<-o).results[0]
		if !errors.Is(result.Err, hungUp) || !errors.Is(result.Err, context.Canceled) {
			t.Errorf("error %v", result.Err)
		}
	})
}

// An item whose deadline passes at the very moment that its batch is cut is not put into it.
func TestExpiredIsNeverRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := start(t, slow(10*time.Millisecond, &sizes), Options{})
		first := submit(t.Context(), b, seq(1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		expired := submit(ctx, b, seq(2))
		<-first
		checkErrors(t, <-expired, context.DeadlineExceeded)
		synctest.Wait()
		if diff := cmp.Diff([]int{1}, sizes); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestIdenticalSequencesRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		b := start(t, slow(10*time.Millisecond, &sizes), Options{})
		ids := []int64{1, 2, 3, 4}
		same := func(read ...int) Sequence { return Sequence{IDs: slices.Clone(ids), Positions: read} }

		first := submit(t.Context(), b, same(1, 3))
		time.Sleep(time.Millisecond)
		joins := submit(t.Context(), b, same(3)) // the run at work reads it
		other := submit(t.Context(), b, same(2), same(0, 2))
		ctx, cancel := context.WithCancel(t.Context())
		leaves := submit(ctx, b, same(2))
		synctest.Wait()
		if s := b.Stats(); s.Items != 3 || s.Tokens != 12 || s.Deduplicated != 3 {
			t.Errorf("stats %+v", s)
		}
		cancel()
		checkErrors(t, <-leaves, context.Canceled)

		checkAnswers(t, <-first, same(1, 3))
		o := <-joins
		checkAnswers(t, o, same(3))
		if o.took != 9*time.Millisecond || o.results[0].Queue != 0 || o.results[0].Shared != 4 {
			t.Errorf("took %v, %+v", o.took, o.results[0])
		}
		o = <-other
		checkAnswers(t, o, same(2), same(0, 2))
		if diff := cmp.Diff([]int{2, 2}, sizes); diff != "" { // rows read: 1, 3; then 0, 2
			t.Errorf("rows of the runs (-want +got):\n%s", diff)
		}
		if s := b.Stats(); s.Asked != 16 || s.Computed != 8 || s.Shared != 8 || s.Answered != 4 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestIdenticalSequencesShareTheirRows: many waiters of one item cost no copy of its rows, also where they read other
// places.
func TestIdenticalSequencesShareTheirRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, fake{}, Options{})
		s := Sequence{IDs: []int64{1, 2, 3}, Positions: []int{0, 2}}
		last := Sequence{IDs: s.IDs, Positions: []int{2}}
		o := <-submit(t.Context(), b, s, s, last)
		checkAnswers(t, o, s, s, last)
		for i, rows := range [][][]float32{o.results[1].Values, {nil, o.results[2].Values[0]}} {
			for j, row := range rows {
				if row != nil && &row[0] != &o.results[0].Values[j][0] {
					t.Errorf("row %d of sequence %d is a copy", j, i+1)
				}
			}
		}
	})
}

func TestPoisonSpoilsNobodyElse(t *testing.T) {
	boom := errors.New("boom")
	for name, fails := range map[string]func() error{
		"error": func() error { return boom },
		"panic": func() error { panic(boom) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				runner := fake{before: func(_ context.Context, plan *Plan) error {
					sizes = append(sizes, len(plan.Read))
					if slices.Contains(plan.IDs, 666) {
						return fails()
					}
					return nil
				}}
				b := start(t, runner, Options{})
				good := []Sequence{seq(1), seq(2), seq(3), seq(4), seq(5)}
				o := <-submit(t.Context(), b, append(slices.Clone(good), seq(666))...)
				checkAnswers(t, outcome{results: o.results[:5]}, good...)
				err := o.results[5].Err
				var panicked *PanicError
				if name == "error" && !errors.Is(err, boom) || name == "panic" && !errors.As(err, &panicked) {
					t.Errorf("error %v", err)
				}
				if s := b.Stats(); s.Failed != 1 || s.Answered != 5 || int(s.Runs) != len(sizes) {
					t.Errorf("%d runs seen, stats %+v", len(sizes), s)
				}
				// 6 fail, 3 run, 3 fail, 1 runs, 2 fail, 1 runs, the last fails
				if diff := cmp.Diff([]int{6, 3, 3, 1, 2, 1, 1}, sizes); diff != "" {
					t.Errorf("runs (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestRetryLeavesOutWhoIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		runner := fake{before: func(_ context.Context, plan *Plan) error {
			sizes = append(sizes, len(plan.Read))
			time.Sleep(10 * time.Millisecond)
			if len(plan.Read) > 2 {
				return errors.New("out of memory")
			}
			return nil
		}}
		b := start(t, runner, Options{})
		hold := submit(t.Context(), b, seq(0))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
		defer cancel()
		stays := submit(t.Context(), b, seq(3), seq(4))
		synctest.Wait()
		leaves := submit(ctx, b, seq(1), seq(2)) // the last half
		<-hold
		checkErrors(t, <-leaves, context.DeadlineExceeded)
		checkAnswers(t, <-stays, seq(3), seq(4))
		if synctest.Wait(); len(b.running) > 0 {
			t.Errorf("%d items run for ever", len(b.running))
		}
		if diff := cmp.Diff([]int{1, 4, 2}, sizes); diff != "" {
			t.Errorf("runs (-want +got):\n%s", diff)
		}
	})
}

func TestRunnerMustAnswerEveryRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, short{}, Options{})
		o := <-submit(t.Context(), b, seq(1), seq(2))
		for _, result := range o.results {
			if result.Err == nil {
				t.Error("a missing row went unnoticed")
			}
		}
	})
}

// short is a runner that forgets a row.
type short struct{}

func (short) Run(_ context.Context, plan *Plan) ([][]float32, error) {
	return make([][]float32, len(plan.Read)-1), nil
}

func TestBadSequencesFailAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, fake{}, Options{})
		o := <-submit(t.Context(), b, Sequence{}, seq(1), Sequence{IDs: []int64{1}, Positions: []int{4}})
		checkErrors(t, outcome{results: []Result{o.results[0], o.results[2]}}, ErrSequence)
		checkAnswers(t, outcome{results: o.results[1:2]}, seq(1))
		checkErrors(t, <-submit(t.Context(), b, Sequence{}), ErrSequence)
		if o := <-submit(t.Context(), b); o.err != nil || len(o.results) != 0 {
			t.Errorf("nothing submitted: %+v", o)
		}
	})
}

func TestStatsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, padded := range []bool{false, true} {
			b := start(t, slow(time.Millisecond, nil), Options{Padded: padded})
			long := run(0, 40)
			if o := <-submit(t.Context(), b, seq(long...), seq(long[:39]...), seq(long...), seq(run(100, 38)...)); o.err != nil {
				t.Fatal(o.err)
			}
			want := Stats{Runs: 1, Answered: 4, Deduplicated: 1, Asked: 157, Computed: 78, Shared: 79}
			if padded {
				want.Computed, want.Padding, want.Shared = 120, 3, 40
			}
			want.RunItems, want.RunTokens = sizesOf(4), sizesOf(int(want.Computed))
			synctest.Wait()
			if diff := cmp.Diff(want, b.Stats()); diff != "" {
				t.Errorf("padded %t (-want +got):\n%s", padded, diff)
			}
		}
	})
}

func TestStuckRunShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, slow(time.Minute, nil), Options{})
		o := submit(t.Context(), b, seq(1), seq(2))
		time.Sleep(20 * time.Second)
		if s := b.Stats(); s.RunAge != 20*time.Second || s.Running != 2 {
			t.Errorf("stats %+v", s)
		}
		<-o
		if s := b.Stats(); s.RunAge != 0 || s.Running != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(slow(10*time.Millisecond, nil), Options{Budget: Budget{Tokens: 1}})
		waits := submit(t.Context(), b, seq(1), seq(2), seq(3))
		synctest.Wait()
		b.Close()
		if _, err := b.Submit(t.Context(), Caller{}, []Sequence{seq(4)}); !errors.Is(err, ErrClosed) {
			t.Errorf("Submit after Close: %v", err)
		}
		if err := b.Run(t.Context()); err != nil {
			t.Errorf("Run: %v", err)
		}
		checkAnswers(t, <-waits, seq(1), seq(2), seq(3))
		if err := b.Run(t.Context()); err == nil {
			t.Error("Run ran twice")
		}
	})
}

func TestRunIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(slow(time.Hour, nil), Options{Budget: Budget{Tokens: 1}})
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		o := submit(t.Context(), b, seq(1), seq(2)) // one at work, one waits
		synctest.Wait()
		stopped := errors.New("stopped")
		cancel(stopped)
		checkErrors(t, <-o, ErrClosed)
		if err := <-done; !errors.Is(err, stopped) {
			t.Errorf("Run: %v", err)
		}
		if _, err := b.Submit(t.Context(), Caller{}, []Sequence{seq(4)}); !errors.Is(err, ErrClosed) {
			t.Errorf("Submit after the end: %v", err)
		}
	})
}

func TestMethodsAreSafeTogether(t *testing.T) {
	b := start(t, fake{}, Options{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 50 {
				b.Stats()
				if _, err := b.Submit(t.Context(), Caller{}, []Sequence{seq(int64(i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
