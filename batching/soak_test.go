package batching

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// 20,000 submissions from 64 callers, 1 % of them cancelled, a few poisoned: every sequence is answered once and
// rightly.
func TestEverySubmissionIsAnswered(t *testing.T) {
	const callers, submissions = 64, 20_000
	poison := errors.New("poison")
	runner := fake{before: func(_ context.Context, plan *Plan) error {
		if slices.Contains(plan.IDs, 666) {
			return poison
		}
		return nil
	}}
	b := start(t, runner, Options{MaxItems: 256, Budget: Budget{Tokens: 200}})
	var left, answered, poisoned, cancelled, refused atomic.Int64
	left.Store(submissions)
	one := func(random *rand.Rand) {
		sequences := drawSubmission(random)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if random.IntN(100) == 0 {
			timer := time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, cancel)
			defer timer.Stop()
		}
		results, err := b.Submit(ctx, Caller{}, sequences)
		for errors.Is(err, ErrQueueFull) {
			refused.Add(int64(len(sequences)))
			time.Sleep(time.Millisecond) // real time: this test is about real goroutines
			results, err = b.Submit(ctx, Caller{}, sequences)
		}
		if err != nil || len(results) != len(sequences) {
			t.Errorf("%d results for %d sequences, error %v", len(results), len(sequences), err)
			return
		}
		for i, result := range results {
			switch {
			case errors.Is(result.Err, poison) && sequences[i].IDs[0] == 666:
				poisoned.Add(1)
			case errors.Is(result.Err, context.Canceled) && ctx.Err() != nil:
				cancelled.Add(1)
			case result.Err == nil && cmp.Equal(want(sequences[i]), result.Values):
				answered.Add(1)
			default:
				t.Errorf("sequence %v gave %+v", sequences[i], result)
			}
		}
	}
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(caller), 1))
			for left.Add(-1) >= 0 {
				one(random)
			}
		})
	}
	group.Wait()
	s := b.Stats()
	got := []int64{int64(s.Answered), int64(s.Failed), int64(s.Cancelled), int64(s.Refused), int64(s.Items), int64(s.Tokens)}
	if diff := cmp.Diff([]int64{answered.Load(), poisoned.Load(), cancelled.Load(), refused.Load(), 0, 0}, got); diff != "" {
		t.Errorf("answered, failed, cancelled, refused, waiting (-want +got):\n%s", diff)
	}
	if s.Asked != s.Computed-s.Padding+s.Shared {
		t.Errorf("tokens do not add up: %+v", s)
	}
	t.Logf("%+v", s)
}

// drawSubmission makes one to four sequences over few prompts, some identical to others', one in 500 poisoned.
func drawSubmission(random *rand.Rand) []Sequence {
	sequences := make([]Sequence, 1+random.IntN(4))
	for i := range sequences {
		ids := run(1000*random.IntN(5), 10+random.IntN(10))
		for range random.IntN(4) {
			ids = append(ids, random.Int64N(3))
		}
		if random.IntN(500) == 0 {
			ids[0] = 666
		}
		sequences[i] = seq(ids...)
	}
	return sequences
}
