package batching

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkQueue holds the queue's orders and its counts to one another.
func checkQueue(t rapid.TB, q *queue) {
	t.Helper()
	items, tokens := 0, 0
	for i, it := range q.byIDs {
		if it.state != waiting || len(it.waiters) == 0 {
			t.Fatalf("item %d is in state %d and has %d waiters", it.number, it.state, len(it.waiters))
		}
		if i > 0 && order(q.byIDs[i-1].sequence, it.sequence) >= 0 {
			t.Fatalf("%v is queued before %v", q.byIDs[i-1].sequence, it.sequence)
		}
		for at, w := range it.waiters {
			if w.item != it || w.at != at {
				t.Fatalf("waiter %d of item %d is on %p at %d", at, it.number, w.item, w.at)
			}
			if !it.covers(w.sequence.Positions) || !it.equal(&w.chained) {
				t.Fatalf("item %v does not answer %v", it.sequence, w.sequence)
			}
		}
		items += len(it.waiters)
		tokens += len(it.waiters) * len(it.sequence.IDs)
	}
	checkAccounts(t, q)
	if q.waits != (amount{items, tokens}) {
		t.Fatalf("%d items and %d tokens wait, %+v are counted", items, tokens, q.waits)
	}
}

// checkAccounts: every item is in a turn of each call that waits for it, turns are in order, and what waits and the
// places that it takes are counted in the call, the account, the class and the queue.
func checkAccounts(t rapid.TB, q *queue) {
	t.Helper()
	calls := map[*call]amount{}
	for _, it := range q.byIDs {
		for _, w := range it.waiters {
			calls[w.call] = calls[w.call].plus(amount{1, len(w.sequence.IDs)})
		}
	}
	var taken, waits amount
	turns := 0
	for _, class := range []*class{&q.interactive, &q.bulk} {
		var ofClass, waitOfClass amount
		for _, a := range class.accounts {
			known := q.accounts[a.caller] == a && a.caller.Bulk == (class == &q.bulk)
			if !known || !slices.IsSortedFunc(a.turns, (*turn).compare) {
				t.Fatalf("account of %+v is not in order", a.caller)
			}
			var ofAccount, waitOfAccount amount
			for _, c := range a.calls {
				if c.waits != calls[c] || c.waits.items == 0 || c.account != a {
					t.Fatalf("%+v of a call wait, %+v are counted", calls[c], c.waits)
				}
				ofAccount, waitOfAccount = ofAccount.plus(q.places(a.caller, c.waits)), waitOfAccount.plus(c.waits)
				delete(calls, c)
			}
			for _, turn := range a.turns {
				wanted := slices.ContainsFunc(turn.item.waiters, func(w *waiter) bool { return w.call == turn.first.call })
				if turn.item.state != waiting || !wanted {
					t.Fatalf("the turn of %v is over", turn.item.sequence)
				}
			}
			if ofAccount != a.taken || waitOfAccount != a.waits {
				t.Fatalf("account %+v: %+v are taken, %+v are counted", a.caller, ofAccount, a.taken)
			}
			ofClass, waitOfClass = ofClass.plus(ofAccount), waitOfClass.plus(waitOfAccount)
			turns += len(a.turns)
		}
		if ofClass != class.taken || waitOfClass != class.waits {
			t.Fatalf("class: %+v are taken, %+v are counted", ofClass, class.taken)
		}
		taken, waits = taken.plus(ofClass), waits.plus(waitOfClass)
	}
	if taken != q.taken || waits != q.waits || len(calls) > 0 {
		t.Fatalf("queue: %+v are taken, %+v are counted; %d calls have no account", taken, q.taken, len(calls))
	}
	if turns < len(q.byIDs) {
		t.Fatalf("%d items have %d turns", len(q.byIDs), turns)
	}
}

// order is compare without hashes.
func order(a, b Sequence) int {
	if a.Space != b.Space {
		return a.Space.compare(b.Space)
	}
	return slices.Compare(a.IDs, b.IDs)
}

// TestQueueLaws: whatever is submitted and given up, each distinct sequence waits once, with all who want it, in order.
func TestQueueLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30})
		waits := map[string]int{}
		var calls []*call
		var cancels []context.CancelFunc
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			if len(calls) > 0 && rapid.Bool().Draw(t, "leaves") {
				i := rapid.IntRange(0, len(calls)-1).Draw(t, "who")
				cancels[i]()
				b.abandon(calls[i])
				for _, w := range calls[i].waiters {
					waits[key(w.sequence)]--
				}
				calls, cancels = slices.Delete(calls, i, i+1), slices.Delete(cancels, i, i+1)
			} else {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				c := newCall(ctx, drawCaller(t), drawSpaced(t, 10), false)
				if err := b.admit(c); err != nil {
					t.Fatal(err)
				}
				for _, w := range c.waiters {
					waits[key(w.sequence)]++
				}
				calls, cancels = append(calls, c), append(cancels, cancel)
			}
			checkQueue(t, &b.queue)
		}
		got := map[string]int{}
		for _, it := range b.queue.byIDs {
			got[key(it.sequence)] = len(it.waiters)
		}
		for k, n := range waits {
			if n == 0 {
				delete(waits, k)
			}
		}
		if diff := cmp.Diff(waits, got); diff != "" {
			t.Fatalf("who waits (-want +got):\n%s", diff)
		}
	})
}

func drawCaller(t *rapid.T) Caller {
	return Caller{Name: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "name"), Bulk: rapid.Bool().Draw(t, "bulk")}
}

// TestRunningItemsStayInOrder: what several picks have at work is found by its ids.
func TestRunningItemsStayInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := newRoom(Options{Budget: drawBudget(t)}, drawSpaced(t, 20))
		for len(room.queue.byIDs) > 0 {
			room.next(room.lanes[0])
			room.leave(room.lanes[0])
			for i, it := range room.running {
				if place, ok := room.running.search(0, &it.chained); !ok || place != i {
					t.Fatalf("%v at place %d is found at %d", it.sequence, i, place)
				}
			}
		}
	})
}

// TestTheLockLooksAtNoCommonPrefix: under the batcher's mutex, sequences with a long common prefix are admitted,
// found and given up without a look at it. Here it is other ids by then.
func TestTheLockLooksAtNoCommonPrefix(t *testing.T) {
	const common, count = 100 * BlockTokens, 64
	family := func(parity int) *call {
		var sequences []Sequence
		for i := range count {
			tail := (2*i*37+parity)%(2*count) + 5 // in no order
			sequences = append(sequences, seq(append(run(0, common), int64(tail))...))
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		c := newCall(ctx, Caller{}, sequences, false)
		for i, s := range sequences {
			for at := range common {
				s.IDs[at] = int64((i*7919 + at) % 101)
			}
		}
		return c
	}
	b := New(nil, Options{})
	even, odd := family(0), family(1)
	for _, c := range []*call{even, odd} {
		if err := b.admit(c); err != nil {
			t.Fatal(err)
		}
	}
	var tails []int64
	for _, it := range b.queue.byIDs {
		tails = append(tails, it.sequence.IDs[common])
	}
	if !slices.Equal(tails, run(5, 2*count)) {
		t.Errorf("queued in the order %v", tails)
	}
	b.abandon(odd)
	if len(b.queue.byIDs) != count || b.queue.waits.items != count {
		t.Errorf("%d distinct of %d items wait, want %d", len(b.queue.byIDs), b.queue.waits.items, count)
	}
}

// Many long sequences with a long common prefix are admitted to a queue that has as many of their kind, and given up.
// The metrics are of what happens under the mutex.
func BenchmarkLongPrefix(b *testing.B) {
	const common, count = 8192, 512
	family := func(parity int) []Sequence {
		var sequences []Sequence
		for i := range count {
			sequences = append(sequences, seq(append(run(0, common), int64(2*i+parity), 1, 2, 3)...))
		}
		return sequences
	}
	batcher := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30})
	_ = batcher.admit(newCall(context.Background(), Caller{}, family(0), false))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	more := family(1)
	var admit, abandon time.Duration
	for b.Loop() {
		c := newCall(ctx, Caller{}, more, false)
		begin := time.Now()
		if err := batcher.admit(c); err != nil {
			b.Fatal(err)
		}
		admit += time.Since(begin)
		begin = time.Now()
		batcher.abandon(c)
		abandon += time.Since(begin)
	}
	b.ReportMetric(float64(admit.Microseconds())/float64(b.N), "µs-admit")
	b.ReportMetric(float64(abandon.Microseconds())/float64(b.N), "µs-abandon")
}
