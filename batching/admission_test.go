package batching

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// many makes so many sequences of so many ids, all different from those of another start.
func many(start, count, length int) []Sequence {
	sequences := make([]Sequence, count)
	for i := range sequences {
		sequences[i] = seq(run(start+i*length, length)...)
	}
	return sequences
}

// TestAdmission: of a queue of 16 items and 160 tokens, one submission takes 4 and 40, a caller 12 and 120, bulk
// callers together 8 and 80, of which one submission takes 2 and 20 and a caller 6 and 60, and interactive ones 14 and
// 140. Those without a name are a caller once a named one has asked, and interactive ones leave place for bulk once
// that has.
func TestAdmission(t *testing.T) {
	type step struct {
		caller        Caller
		times         int
		count, length int
		refused       string // the room without a place; "": admitted
	}
	one := func(caller Caller, times int) step { return step{caller: caller, times: times, count: 1, length: 1} }
	full := func(caller Caller, room string) step { return step{caller, 1, 1, 1, room} }
	large := func(caller Caller, times int) step { return step{caller: caller, times: times, count: 99, length: 99} }
	nobody, anna, bulk, annaBulk := Caller{}, Caller{Name: "anna"}, Caller{Bulk: true}, Caller{Name: "anna", Bulk: true}
	for name, steps := range map[string][]step{
		"one by one, up to the items":             {one(nobody, 16), full(nobody, "queue")},
		"up to the tokens":                        {{times: 8, count: 1, length: 20}, full(nobody, "queue")},
		"whole or not at all":                     {one(nobody, 14), {times: 1, count: 3, length: 1, refused: "queue"}, one(nobody, 2)},
		"any number takes a share":                {{times: 4, count: 1000, length: 1}, full(nobody, "queue")},
		"any length takes a share":                {{times: 4, count: 1, length: 1000}, full(nobody, "queue")},
		"beside a large one there is place":       {large(nobody, 1), one(nobody, 12), full(nobody, "queue")},
		"a named caller leaves a quarter":         {one(anna, 12), full(anna, "caller"), one(nobody, 4)},
		"also with large ones":                    {large(anna, 3), full(anna, "caller"), large(nobody, 1)},
		"the classes of a name are two callers":   {one(anna, 12), one(annaBulk, 4)},
		"bulk leaves a half":                      {one(bulk, 8), full(bulk, "bulk"), one(nobody, 8)},
		"also with large ones in bulk":            {large(bulk, 4), full(bulk, "bulk"), large(nobody, 2)},
		"who has no name leaves a quarter":        {one(anna, 1), one(nobody, 12), full(nobody, "caller"), one(anna, 3)},
		"also of bulk":                            {one(anna, 1), one(bulk, 6), full(bulk, "caller"), one(annaBulk, 2)},
		"interactive ones leave an eighth":        {one(bulk, 1), one(nobody, 14), full(nobody, "interactive"), one(bulk, 1)},
		"a refusal makes known too":               {one(nobody, 16), full(annaBulk, "queue"), full(nobody, "queue")},
		"a named caller leaves a quarter of bulk": {one(annaBulk, 6), full(annaBulk, "caller"), one(bulk, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			b := New(nil, Options{MaxItems: 16, MaxTokens: 160})
			start, refused := 0, 0
			for i, s := range steps {
				for range s.times {
					start += 1_000_000
					err := b.admit(newCall(t.Context(), s.caller, many(start, s.count, s.length), false))
					var full *QueueFullError
					if errors.As(err, &full) != (s.refused != "") {
						t.Fatalf("step %d: %v", i, err)
					}
					if s.refused != "" {
						refused += s.count
						fits := full.Items+full.AskedItems <= full.MaxItems && full.Tokens+full.AskedTokens <= full.MaxTokens
						possible := full.AskedItems <= full.MaxItems && full.AskedTokens <= full.MaxTokens
						if full.Room != s.refused || fits || !possible {
							t.Errorf("step %d: %+v", i, full)
						}
					}
					checkQueue(t, &b.queue)
				}
			}
			if got := b.Stats().Refused; int(got) != refused {
				t.Errorf("%d sequences refused, stats say %d", refused, got)
			}
		})
	}
}

// TestNobodyIsShutOut: while interactive callers without a name take every place that becomes free, a bulk one, and a
// named one, are admitted after no more forwards than the queue has places to give back.
func TestNobodyIsShutOut(t *testing.T) {
	for name, caller := range map[string]Caller{
		"named": {Name: "anna"}, "bulk": {Bulk: true}, "named, in bulk": {Name: "anna", Bulk: true},
	} {
		t.Run(name, func(t *testing.T) {
			const places = 16
			b, number := New(nil, Options{MaxItems: places, Budget: Budget{Tokens: 1}}), 0
			admit := func(caller Caller) error {
				number++
				return b.admit(newCall(t.Context(), caller, many(number, 1, 1), false))
			}
			for forwards := 0; ; forwards++ {
				for admit(Caller{}) == nil {
				}
				if admit(caller) == nil {
					return
				}
				if forwards > places {
					t.Fatalf("refused %d times", forwards)
				}
				b.next(b.lanes[0])
				b.leave(b.lanes[0])
			}
		})
	}
}

// TestRoomsAreNeverOverfull: whoever submits whatever, no room is over its limit, but for places that were taken before
// there was somebody to keep them free for; and what is refused would have been.
func TestRoomsAreNeverOverfull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(nil, Options{
			MaxItems: rapid.IntRange(1, 40).Draw(t, "items"), MaxTokens: rapid.IntRange(1, 400).Draw(t, "tokens"),
		})
		for i := range rapid.IntRange(1, 30).Draw(t, "submissions") {
			caller := drawCaller(t)
			b.queue.know(caller)
			count, length := rapid.IntRange(1, 30).Draw(t, "count"), rapid.IntRange(1, 50).Draw(t, "length")
			c := newCall(context.Background(), caller, many(10_000*i, count, length), false)
			fits := true
			for _, room := range b.queue.rooms(nil, caller) {
				fits = fits && room.taken.plus(b.queue.places(caller, c.asked)).within(room.limit)
			}
			said := b.Admits(context.Background(), caller, c.asked.items, c.asked.tokens)
			err := b.admit(c)
			if fits != (err == nil) || !cmp.Equal(said, err) {
				t.Fatalf("fits: %t; Admits says %v, and Submit %v", fits, said, err)
			}
			for _, room := range b.queue.rooms(nil, caller) {
				if err == nil && !room.taken.within(room.limit) {
					t.Fatalf("room %+v is overfull", room)
				}
			}
			if err == nil && !b.queue.places(caller, c.waits).within(b.queue.class(caller).share) {
				t.Fatalf("a submission takes %+v", b.queue.places(caller, c.waits))
			}
			checkQueue(t, &b.queue)
		}
	})
}

// TestPositionsAreMergedOnce: however many equal sequences read different places, they are admitted in a few
// allocations under the mutex, and all that they read is read.
func TestPositionsAreMergedOnce(t *testing.T) {
	const count = 1000
	ids := run(0, count)
	family := func(count int) (sequences []Sequence) {
		for i := range count {
			sequences = append(sequences, Sequence{IDs: ids, Positions: []int{i * 37 % count}})
		}
		return sequences
	}
	b := New(nil, Options{MaxItems: 1 << 30, MaxTokens: 1 << 40})
	waits := newCall(t.Context(), Caller{}, family(1), false)
	if err := b.admit(waits); err != nil {
		t.Fatal(err)
	}
	var calls []*call
	for range 11 {
		calls = append(calls, newCall(t.Context(), Caller{}, family(count), false))
	}
	next := 0
	allocs := testing.AllocsPerRun(len(calls)-1, func() {
		b.queue.byIDs[0].sequence.Positions = waits.waiters[0].sequence.Positions
		if err := b.admit(calls[next]); err != nil {
			t.Fatal(err)
		}
		next++
	})
	if allocs > 20 {
		t.Errorf("%d equal sequences are admitted in %.0f allocations", count, allocs)
	}
	checkQueue(t, &b.queue)
	if got := b.queue.byIDs[0].sequence.Positions; len(b.queue.byIDs) != 1 || len(got) != count || !slices.IsSorted(got) {
		t.Errorf("%d items wait, and %d places are read", len(b.queue.byIDs), len(got))
	}
}

// TestPlacesAreTakenOver: what a large submission has beyond its share takes the places of its own items that leave,
// and when less than the share is left, others find place.
func TestPlacesAreTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(slow(time.Second, nil), Options{MaxItems: 16, Budget: Budget{Tokens: 10}})
		large := many(0, 10, 10) // a forward each
		o := submit(t.Context(), b, large...)
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- b.Run(t.Context()) }()
		var taken []int
		for range large {
			synctest.Wait()
			b.mu.Lock()
			taken = append(taken, b.queue.taken.items)
			b.mu.Unlock()
			time.Sleep(time.Second)
		}
		if diff := cmp.Diff([]int{4, 4, 4, 4, 4, 4, 3, 2, 1, 0}, taken); diff != "" {
			t.Errorf("places taken during each forward (-want +got):\n%s", diff)
		}
		checkAnswers(t, <-o, large...)
		b.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestRetryAfter: whoever finds no place is told when what waits should be done, but no less than a second and no
// more than a minute.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		token time.Duration // that a token takes
		want  time.Duration
	}{{time.Microsecond, time.Second}, {100 * time.Millisecond, 15 * time.Second}, {time.Hour, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, timed(func(plan *Plan) time.Duration { return time.Duration(len(plan.IDs)) * c.token }),
				Options{MaxItems: 2, Budget: Budget{Tokens: 50}, cost: cost{token: float64(c.token)}})
			working := submit(t.Context(), b, many(0, 1, 50)...)
			synctest.Wait()
			second, third := submit(t.Context(), b, many(100, 1, 50)...), submit(t.Context(), b, many(200, 1, 50)...)
			synctest.Wait()
			_, err := b.Submit(t.Context(), Caller{}, many(300, 1, 101))
			want := &QueueFullError{
				Room: "queue", Items: 2, Tokens: 100, MaxItems: 2, MaxTokens: DefaultMaxTokens,
				AskedItems: 1, AskedTokens: 101, RetryAfter: c.want,
			}
			if diff := cmp.Diff(error(want), err); diff != "" {
				t.Errorf("%v a token (-want +got):\n%s", c.token, diff)
			}
			<-working
			<-second
			<-third
		})
	}
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
