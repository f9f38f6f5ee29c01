package batching

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestSizes: each bound counts exactly what is no larger, and the sum and the count are those of all.
func TestSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOf(rapid.IntRange(0, 200_000)).Draw(t, "sizes")
		var s Sizes
		sum := 0
		for _, size := range given {
			s.add(size)
			sum += size
		}
		bounds, all := s.UpTo()
		if all != uint64(len(given)) || s.Sum != uint64(sum) || len(bounds) != sizeBuckets-1 {
			t.Fatalf("%d forwards of %d in %d bounds, want %d of %d", all, s.Sum, len(bounds), len(given), sum)
		}
		for bound, count := range bounds {
			want := uint64(0)
			for _, size := range given {
				if float64(size) <= bound {
					want++
				}
			}
			if count != want {
				t.Fatalf("%d forwards of at most %g, want %d", count, bound, want)
			}
		}
	})
}

// sizesOf counts one forward.
func sizesOf(size int) (s Sizes) {
	s.add(size)
	return s
}

// TestTheWaitOfAClassIsTold: what is at work and what waits of the own class are before an item that comes now, and a
// bulk one waits behind the interactive ones too. An idle batcher has no wait.
func TestTheWaitOfAClassIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, slow(time.Second, nil), Options{Budget: Budget{Tokens: 10}})
		<-submit(t.Context(), b, seq(run(0, 10)...)) // ten tokens a second
		synctest.Wait()
		if s := b.Stats(); s.InteractiveWait != 0 || s.BulkWait != 0 {
			t.Fatalf("idle, and the waits are %v and %v", s.InteractiveWait, s.BulkWait)
		}
		var outcomes []<-chan outcome
		for i, bulk := range []bool{false, false, true} {
			outcomes = append(outcomes, submitAs(t.Context(), b, Caller{Bulk: bulk}, seq(run(100*(i+1), 10)...)))
			synctest.Wait()
		}
		if s := b.Stats(); s.InteractiveWait != 2*time.Second || s.BulkWait != 3*time.Second {
			t.Errorf("one forward at work, one waits of each class, and the waits are %v and %v", s.InteractiveWait, s.BulkWait)
		}
		for _, o := range outcomes {
			<-o
		}
	})
}
