package batching

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAdmission(t *testing.T) {
	type step struct {
		sequences []Sequence
		refused   bool
	}
	wide := func(n int) []Sequence {
		var sequences []Sequence
		for i := range n {
			sequences = append(sequences, seq(int64(i)))
		}
		return sequences
	}
	for name, steps := range map[string][]step{
		"up to the items":                {{wide(3), false}, {wide(1), false}, {wide(1), true}},
		"whole or not at all":            {{wide(3), false}, {wide(2), true}, {wide(1), false}},
		"up to the tokens":               {{[]Sequence{seq(run(0, 6)...)}, false}, {[]Sequence{seq(run(0, 5)...)}, true}, {wide(3), false}},
		"anything into an empty queue":   {{[]Sequence{seq(run(0, 1000)...)}, false}, {wide(1), true}},
		"never more items than may wait": {{wide(5), true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New(fake{}, Options{MaxItems: 4, MaxTokens: 10})
				refused := 0
				for i, s := range steps {
					o := submit(t.Context(), b, s.sequences...)
					synctest.Wait()
					select {
					case got := <-o:
						refused += len(s.sequences)
						if !s.refused || !errors.Is(got.err, ErrQueueFull) || got.results != nil {
							t.Errorf("step %d: %v", i, got.err)
						}
					default:
						if s.refused {
							t.Errorf("step %d was admitted", i)
						}
					}
				}
				if s := b.Stats(); int(s.Refused) != refused {
					t.Errorf("%d sequences refused, stats say %d", refused, s.Refused)
				}
				b.Close()
				if err := b.Run(t.Context()); err != nil { // answer what was admitted
					t.Error(err)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := Options{MaxTokens: 100, Budget: Budget{Tokens: 50}, Cost: Cost{Base: 1e6, Token: 1e3}}
		b := start(t, slow(25*time.Millisecond, nil), options)
		full := func() *QueueFullError {
			_, err := b.Submit(t.Context(), []Sequence{seq(run(0, 101)...)})
			var full *QueueFullError
			if !errors.As(err, &full) {
				t.Fatalf("error %v", err)
			}
			return full
		}
		working := submit(t.Context(), b, seq(run(0, 50)...))
		synctest.Wait()
		waits := submit(t.Context(), b, seq(run(100, 50)...), seq(run(200, 50)...))
		synctest.Wait()
		want := &QueueFullError{
			Items: 2, Tokens: 100, MaxItems: DefaultMaxItems, MaxTokens: 100, AskedItems: 1, AskedTokens: 101,
			RetryAfter: time.Millisecond + 150*time.Microsecond, // by the cost given: 50 tokens run and 100 wait
		}
		if diff := cmp.Diff(want, full()); diff != "" {
			t.Errorf("before the first run ends (-want +got):\n%s", diff)
		}
		<-working
		synctest.Wait()
		want.Items, want.Tokens, want.RetryAfter = 1, 50, 50*time.Millisecond // 2000 tokens/s measured, 100 to go
		if diff := cmp.Diff(want, full()); diff != "" {
			t.Errorf("after it (-want +got):\n%s", diff)
		}
		<-waits
	})
}

func TestRateFollowsTheRecentRuns(t *testing.T) {
	var r rate
	if got := r.estimate(1000); got != unknownWait {
		t.Errorf("nothing known: %v", got)
	}
	for range 30 {
		r.add(1000, time.Second)
	}
	for range 30 {
		r.add(1000, 2*time.Second)
	}
	if got := r.estimate(1000).Round(10 * time.Millisecond); got != 2*time.Second {
		t.Errorf("1000 tokens are expected to take %v, want 2s", got)
	}
}
