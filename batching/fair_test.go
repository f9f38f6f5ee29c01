package batching

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// tokenTime is what a token takes of the runners here.
const tokenTime = 20 * time.Microsecond

func byTokens(plan *Plan) time.Duration { return time.Duration(len(plan.IDs)) * tokenTime }

func submitAs(ctx context.Context, b *Batcher, caller Caller, sequences ...Sequence) <-chan outcome {
	out := make(chan outcome, 1)
	begin := time.Now()
	go func() {
		results, err := b.Submit(ctx, caller, sequences)
		out <- outcome{results, err, time.Since(begin)}
	}()
	return out
}

// TestShortCallersBesideALongOne: while one caller has 4,096 long items computed, eight others ask for one short item
// a second. None of theirs is refused, and 99 of 100 are answered within 20 forwards of the long batches' size. It
// does not matter whether callers have names, how a named long caller cuts its items into submissions, or whether
// these share a prompt.
func TestShortCallersBesideALongOne(t *testing.T) {
	const long, length, short = 4096, 500, 20
	forward := time.Duration(defaultTokens) * tokenTime
	for name, c := range map[string]struct {
		named  bool
		pieces int // items of each submission of the long caller
		prompt int // tokens that its items share
		lanes  int
		bulk   bool
	}{
		"named, one submission":    {named: true, pieces: long},
		"named, many submissions":  {named: true, pieces: 64},
		"named, one by one":        {named: true, pieces: 1},
		"named, on lanes":          {named: true, pieces: long, lanes: 2},
		"named, in bulk":           {named: true, pieces: long, bulk: true},
		"named, of one prompt":     {named: true, pieces: long, prompt: 400},
		"unnamed, one submission":  {pieces: long},
		"unnamed, of one prompt":   {pieces: long, prompt: 400},
		"unnamed, two submissions": {pieces: long / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, timed(byTokens), Options{Lanes: c.lanes})
				var all []Sequence
				for i := range long {
					all = append(all, seq(append(run(0, c.prompt), run(1_000_000+1000*i, length-c.prompt)...)...))
				}
				longCaller := Caller{Bulk: c.bulk}
				if c.named {
					longCaller.Name = "long"
				}
				var pieces []<-chan outcome
				for piece := range slices.Chunk(all, c.pieces) {
					pieces = append(pieces, submitAs(t.Context(), b, longCaller, piece...))
				}
				synctest.Wait()
				var mu sync.Mutex
				var took []time.Duration
				var group sync.WaitGroup
				for i := range 8 {
					caller := Caller{}
					if c.named {
						caller.Name = fmt.Sprint("short", i)
					}
					group.Go(func() {
						time.Sleep(time.Duration(i) * 7 * time.Millisecond)
						for second := 0; b.Stats().Items > 0 && second < 30; second++ {
							o := <-submitAs(t.Context(), b, caller, many(-1_000_000*(i+1)-1000*second, 1, short)...)
							if o.err != nil || o.results[0].Err != nil {
								t.Errorf("caller %d in second %d: %v %v", i, second, o.err, o.results)
								return
							}
							mu.Lock()
							took = append(took, o.took)
							mu.Unlock()
							time.Sleep(time.Second - o.took%time.Second)
						}
					})
				}
				group.Wait()
				slices.Sort(took)
				worst := took[len(took)*99/100]
				t.Logf("%d short items, half of them within %.1f forwards, 99 of 100 within %.1f", len(took),
					float64(took[len(took)/2])/float64(forward), float64(worst)/float64(forward))
				if len(took) < 8*8 || worst > 20*forward {
					t.Errorf("of %d short items, 99 of 100 are answered within %v", len(took), worst)
				}
				for _, piece := range pieces {
					o := <-piece
					var full *QueueFullError
					if errors.As(o.err, &full) && full.Room == "caller" {
						continue // its own submissions are too many
					}
					if o.err != nil || slices.ContainsFunc(o.results, func(r Result) bool { return r.Err != nil }) {
						t.Errorf("a submission of the long caller: %v", o.err)
					}
				}
			})
		})
	}
}

// drainRoom picks until nothing waits, and tells of each pick what waited before it and what it took, in tokens and by
// caller, and who led it.
func drainRoom(t rapid.TB, b *Batcher, of func(it *item) Caller, told func(waits, took map[Caller]int, leader Caller)) {
	t.Helper()
	l := b.lanes[0]
	for len(b.queue.byIDs) > 0 {
		waits, took := map[Caller]int{}, map[Caller]int{}
		for _, it := range b.queue.byIDs {
			waits[of(it)] += len(it.sequence.IDs)
		}
		b.next(l)
		if len(l.picker.batch) == 0 {
			t.Fatal("items wait, and none leaves")
		}
		for _, it := range l.picker.batch {
			took[of(it)] += len(it.sequence.IDs)
		}
		leader := of(l.picker.batch[0])
		b.leave(l)
		checkQueue(t, &b.queue)
		told(waits, took, leader)
	}
}

// callerOf tells who submitted an item: the sequences of these tests say so in their first id.
func callerOf(callers []Caller) func(it *item) Caller {
	return func(it *item) Caller { return callers[it.sequence.IDs[0]] }
}

// TestCallersShareEvenly: however callers cut what they want into items and submissions, as long as two of a class
// wait, neither is served more than the other by more than three forwards: one that it led, and two of others that it
// filled. Service is the time that forwards are expected to take.
func TestCallersShareEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.SampledFrom([]int{1, 100, 1000}).Draw(t, "budget")
		padded := rapid.Bool().Draw(t, "padded")
		known := cost{base: rapid.SampledFrom([]float64{0, 1e6}).Draw(t, "base"), token: 5000}
		b := New(nil, Options{
			MaxItems: 1 << 20, MaxTokens: 1 << 30, Padded: padded, Budget: Budget{Tokens: budget},
			cost: rapid.SampledFrom([]cost{{}, known}).Draw(t, "cost"),
		})
		callers := []Caller{{Name: "a"}, {Name: "b"}, {}, {Name: "c"}}[:rapid.IntRange(2, 4).Draw(t, "callers")]
		for i, caller := range callers {
			lengths := rapid.SampledFrom([]*rapid.Generator[int]{
				rapid.SampledFrom([]int{1, 5, 20, 100, 300}), rapid.IntRange(1, 60), rapid.Just(10),
			}).Draw(t, "lengths")
			for call := range rapid.IntRange(1, 4).Draw(t, "calls") {
				var sequences []Sequence
				for item := range rapid.IntRange(1, 100).Draw(t, "items") {
					n := lengths.Draw(t, "length")
					ids := append([]int64{int64(i)}, run(1_000_000*call+1000*item, n)...)
					sequences = append(sequences, seq(ids...))
				}
				if err := b.admit(newCall(context.Background(), caller, sequences, false)); err != nil {
					t.Fatal(err)
				}
			}
		}
		served, most := map[Caller]float64{}, 0.0
		drainRoom(t, b, callerOf(callers), func(waits, took map[Caller]int, _ Caller) {
			price := expected(b.options.cost, &b.lanes[0].plan)
			most = max(most, price)
			sum := 0
			for _, tokens := range took {
				sum += tokens
			}
			for caller, tokens := range took {
				served[caller] += price * float64(tokens) / float64(sum)
			}
			for _, a := range callers {
				for _, other := range callers {
					ahead := served[a] - served[other]
					if waits[other] > took[other] && ahead > 3*most {
						t.Fatalf("%+v was served %.0f ns more than %+v, who waits; %v", a, ahead, other, served)
					}
				}
			}
		})
	})
}

// expected is how many nanoseconds a plan is expected to take.
func expected(c cost, plan *Plan) float64 {
	if c == (cost{}) {
		return 1000 * float64(max(len(plan.IDs), 128))
	}
	return c.base + c.token*float64(len(plan.IDs))
}

// TestCallsOfACallerShareEvenly: of two calls of one caller, one much longer than the other, the short one is done
// before the long one had more than a few chunks, whichever came first.
func TestCallsOfACallerShareEvenly(t *testing.T) {
	const budget, length = 100, 10
	b := New(nil, Options{Budget: Budget{Tokens: budget}})
	calls := [][]Sequence{many(0, 2000, length), many(1_000_000, 40, length)}
	for _, sequences := range calls {
		if err := b.admit(newCall(t.Context(), Caller{}, sequences, false)); err != nil {
			t.Fatal(err)
		}
	}
	long, short := 0, 0
	of := func(it *item) Caller { return Caller{Bulk: it.sequence.IDs[0] < 1_000_000} } // bulk: the long call
	drainRoom(t, b, of, func(_, took map[Caller]int, _ Caller) {
		long += took[Caller{Bulk: true}]
		short += took[Caller{}]
		if most := short + 2*chunkForwards*budget; short < 40*length && long > most {
			t.Fatalf("%d tokens of the long call are served, and %d of the short", long, short)
		}
	})
}

// TestEqualSequencesAreOneTurn: a call of a thousand equal sequences has had one computed, so a call that comes later
// leaves as early as after a call of one; and its caller has had one computed too.
func TestEqualSequencesAreOneTurn(t *testing.T) {
	const budget = 100
	behind := func(count int) (forwards, served int) {
		b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30, Budget: Budget{Tokens: budget}})
		equal := slices.Repeat(many(-1_000_000, 1, budget), count)
		for _, sequences := range [][]Sequence{many(0, 400, budget), equal} {
			if err := b.admit(newCall(t.Context(), Caller{}, sequences, false)); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 * chunkForwards {
			b.next(b.lanes[0])
			b.leave(b.lanes[0])
		}
		served = b.queue.accounts[Caller{}].served
		late := newCall(t.Context(), Caller{}, many(-2_000_000, 1, budget), false)
		if err := b.admit(late); err != nil {
			t.Fatal(err)
		}
		for ; late.waits.items > 0; forwards++ {
			b.next(b.lanes[0])
			b.leave(b.lanes[0])
		}
		return forwards, served
	}
	one, servedOne := behind(1)
	thousand, servedThousand := behind(1000)
	if one != thousand || servedOne != servedThousand {
		t.Errorf("behind a thousand equal sequences a call waits for %d forwards, and for %d behind one; %d and %d are charged",
			thousand, one, servedThousand, servedOne)
	}
}

// TestAStreamOfShortCallsStopsNoLongOne: a long call goes on while its caller submits one short call after the other,
// as much as can be computed.
func TestAStreamOfShortCallsStopsNoLongOne(t *testing.T) {
	const budget = 100
	b := New(nil, Options{MaxItems: 1 << 20, Budget: Budget{Tokens: budget}})
	if err := b.admit(newCall(t.Context(), Caller{}, many(0, 1000, budget), false)); err != nil {
		t.Fatal(err)
	}
	long := 0
	for i := range 400 {
		if err := b.admit(newCall(t.Context(), Caller{}, many(1_000_000+1000*i, 1, budget), false)); err != nil {
			t.Fatal(err)
		}
		if b.next(b.lanes[0]); b.lanes[0].picker.batch[0].sequence.IDs[0] < 1_000_000 {
			long++
		}
		b.leave(b.lanes[0])
	}
	if long < 20 {
		t.Errorf("%d of 400 forwards are of the long call", long)
	}
}

// TestIdleCallersSaveNothing: who asks after a long pause is served like the others from then on, and not for the
// time before.
func TestIdleCallersSaveNothing(t *testing.T) {
	const budget = 100
	b := New(nil, Options{MaxItems: 1 << 20, Budget: Budget{Tokens: budget}})
	busy, idle := Caller{Name: "busy"}, Caller{Name: "idle"}
	if err := b.admit(newCall(t.Context(), busy, many(0, 200, 50), false)); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		b.next(b.lanes[0])
		b.leave(b.lanes[0])
	}
	if err := b.admit(newCall(t.Context(), idle, many(1_000_000, 100, 50), false)); err != nil {
		t.Fatal(err)
	}
	served := map[Caller]int{}
	of := func(it *item) Caller {
		if it.sequence.IDs[0] >= 1_000_000 {
			return idle
		}
		return busy
	}
	drainRoom(t, b, of, func(waits, took map[Caller]int, _ Caller) {
		served[busy] += took[busy]
		served[idle] += took[idle]
		if len(waits) == 2 && (served[busy]-served[idle] > 2*budget || served[idle]-served[busy] > 2*budget) {
			t.Fatalf("since both wait they were served %v", served)
		}
	})
}

// TestAReturningCallerKeepsItsPlace: who asks for one short item after the other, each when the last is answered,
// gets no more of the machine than who has much waiting.
func TestAReturningCallerKeepsItsPlace(t *testing.T) {
	const budget = 100
	b := New(nil, Options{MaxItems: 1 << 20, Budget: Budget{Tokens: budget}})
	if err := b.admit(newCall(t.Context(), Caller{Name: "long"}, many(0, 100, 100), false)); err != nil {
		t.Fatal(err)
	}
	long, short := 0, 0
	for i := range 200 {
		short25 := many(1_000_000+1000*i, 1, 25)
		if err := b.admit(newCall(t.Context(), Caller{Name: "short"}, short25, false)); err != nil {
			t.Fatal(err)
		}
		b.next(b.lanes[0])
		for _, it := range b.lanes[0].picker.batch {
			if it.sequence.IDs[0] >= 1_000_000 {
				short += len(it.sequence.IDs)
			} else {
				long += len(it.sequence.IDs)
			}
		}
		b.leave(b.lanes[0])
		if short > long+2*budget {
			t.Fatalf("after %d forwards: %d tokens of the short caller, %d of the long one", i, short, long)
		}
		if len(b.queue.interactive.accounts) == 0 && len(b.queue.accounts) > 0 {
			t.Fatalf("%d callers are remembered, and none waits", len(b.queue.accounts))
		}
	}
}

// TestBulkIsServedNowAndThen: while interactive callers wait, every eighth forward is led by bulk, no more and no
// less; and forwards that have room take bulk along.
func TestBulkIsServedNowAndThen(t *testing.T) {
	callers := []Caller{{}, {Bulk: true}, {Name: "b", Bulk: true}}
	b := New(nil, Options{MaxItems: 1 << 20, Budget: Budget{Tokens: 100}})
	for i, caller := range callers {
		var sequences []Sequence
		for item := range 200 {
			sequences = append(sequences, seq(append([]int64{int64(i)}, run(1000*item, 99)...)...))
		}
		if err := b.admit(newCall(t.Context(), caller, sequences, false)); err != nil {
			t.Fatal(err)
		}
	}
	var leads []bool
	drainRoom(t, b, callerOf(callers), func(waits, _ map[Caller]int, leader Caller) {
		if waits[callers[0]] > 0 {
			leads = append(leads, leader.Bulk)
		}
	})
	for i, bulk := range leads {
		if bulk != (i%bulkEvery == bulkEvery-1) {
			t.Fatalf("forward %d is led by bulk: %t", i, bulk)
		}
	}
	if len(leads) < 200 {
		t.Errorf("%d forwards", len(leads))
	}

	b = New(nil, Options{Budget: Budget{Tokens: 100}})
	for i, caller := range []Caller{{Bulk: true}, {}} {
		if err := b.admit(newCall(t.Context(), caller, many(1000*(i+1), 6, 10), false)); err != nil {
			t.Fatal(err)
		}
	}
	b.next(b.lanes[0])
	var order []bool
	for _, it := range b.lanes[0].picker.batch {
		order = append(order, it.sequence.IDs[0] < 2000)
	}
	if want := []bool{false, false, false, false, false, false, true, true, true, true}; !slices.Equal(order, want) {
		t.Errorf("bulk items in a batch with room: %v, want %v", order, want)
	}
}

// TestOneSubmissionIsServedInOrder: what one caller submits at once is served by age, which is the order of submission.
func TestOneSubmissionIsServedInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30, Budget: drawBudget(t)})
		c := newCall(context.Background(), drawCaller(t), drawSequences(t, 30), false)
		if err := b.admit(c); err != nil {
			t.Fatal(err)
		}
		for len(b.queue.byIDs) > 0 {
			oldest := byAge(&b.queue)[0]
			waits := func(w waiter) bool { return w.item != nil && w.item.state == waiting }
			first := slices.IndexFunc(c.waiters, waits)
			if c.waiters[first].item != oldest {
				t.Fatal("the first that was submitted is not the oldest")
			}
			if b.next(b.lanes[0]); b.lanes[0].picker.batch[0] != oldest {
				t.Fatal("the oldest does not lead")
			}
			b.leave(b.lanes[0])
		}
	})
}

// TestADeadlineIsHeldToTheFairShare: a short item with a deadline is admitted beside much of others that would take
// longer than it has, and answered in time; one behind as much of its own is refused.
func TestADeadlineIsHeldToTheFairShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, timed(byTokens), Options{cost: cost{token: float64(tokenTime)}})
		long := submitAs(t.Context(), b, Caller{Name: "long"}, many(0, 1000, 500)...) // ten seconds
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i, caller := range []string{"short", "long"} {
			o := <-submitAs(ctx, b, Caller{Name: caller}, many(-1000*(i+1), 1, 20)...)
			if o.err != nil || o.results[0].Err != nil {
				t.Errorf("a short item of caller %s beside a long submission: %v %v", caller, o.err, o.results)
			}
		}
		if o := <-submitAs(ctx, b, Caller{Name: "large"}, many(-1_000_000, 1000, 500)...); o.err == nil {
			t.Error("half a million tokens in a second were admitted")
		}
		<-long
	})
}
