package batching

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestGivingUpLooksAtFew: a call that is given up is taken out of the queue without a look at all others: here most of
// them are items that do not wait, which whoever looks at them takes out too.
func TestGivingUpLooksAtFew(t *testing.T) {
	const count, trace = 1000, 64
	for name, callers := range map[string]func(i int) Caller{
		"one caller":   func(int) Caller { return Caller{} },
		"many callers": func(i int) Caller { return Caller{Name: string(rune('a' + i))} },
	} {
		t.Run(name, func(t *testing.T) {
			b := New(nil, Options{})
			var calls []*call
			ctx, cancel := context.WithCancel(t.Context())
			for i := range count {
				c := newCall(ctx, callers(i), many(i, 1, 1), false)
				if err := b.admit(c); err != nil {
					t.Fatal(err)
				}
				calls = append(calls, c)
			}
			cancel()
			for i := range calls[1:] {
				calls[1+i].items[0].state = running
			}
			b.abandon(calls[0])
			turns := 0
			for _, a := range b.queue.interactive.accounts {
				turns += len(a.turns)
			}
			if len(b.queue.byIDs) != count-1 || turns != count-1 {
				t.Errorf("of %d others, %d items and %d turns are left", count-1, len(b.queue.byIDs), turns)
			}
			for _, c := range calls[1:] {
				c.items[0].state = waiting
			}
			for i, c := range calls[1:] {
				if b.abandon(c); i%trace == 0 {
					checkQueue(t, &b.queue)
				}
			}
			if len(b.queue.byIDs) > 0 || len(b.queue.accounts) > 0 || b.queue.taken != (amount{}) {
				t.Errorf("%d items and %d callers are left", len(b.queue.byIDs), len(b.queue.accounts))
			}
		})
	}
}

// TestWhatIsLeftIsInOrder: whatever is submitted, put to work and given up, nothing of a call that was given up waits,
// and all of the others does that is not at work.
func TestWhatIsLeftIsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30, Budget: drawBudget(t)})
		var calls []*call
		var cancels []context.CancelFunc
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step == 0:
				b.next(b.lanes[0])
				b.leave(b.lanes[0])
			case step == 1 && len(calls) > 0:
				i := rapid.IntRange(0, len(calls)-1).Draw(t, "who")
				cancels[i]()
				b.abandon(calls[i])
				for j := range calls[i].waiters {
					if calls[i].waiters[j].item != nil {
						t.Fatal("a sequence that was given up waits")
					}
				}
			default:
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				c := newCall(ctx, drawCaller(t), drawSpaced(t, 10), false)
				if err := b.admit(c); err != nil {
					t.Fatal(err)
				}
				calls, cancels = append(calls, c), append(cancels, cancel)
			}
			checkQueue(t, &b.queue)
		}
	})
}

// TestRemove: what insert puts at places, remove takes out again.
func TestRemove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "list")
		var places, kept []int
		for i, x := range list {
			if rapid.Bool().Draw(t, "out") {
				places = append(places, i)
			} else {
				kept = append(kept, x)
			}
		}
		if got := remove(slices.Clone(list), places); !slices.Equal(got, kept) {
			t.Fatalf("%v without places %v is %v", list, places, got)
		}
	})
}
