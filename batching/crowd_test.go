package batching

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestASharedHeadIsNobodysTurn: a hundred callers of one item each, beside one with thousands of the same kind, take as
// many forwards as they fill, and three: one that the long caller leads and two that are not full. It does not matter
// which part of their tokens all share, nor whether the long caller is in bulk.
func TestASharedHeadIsNobodysTurn(t *testing.T) {
	const budget, length, crowd, long = 1000, 100, 100, 4096
	for _, head := range []int{0, 20, 80} {
		for _, bulk := range []bool{false, true} {
			t.Run(fmt.Sprintf("head of %d, long caller in bulk: %t", head, bulk), func(t *testing.T) {
				b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30, Budget: Budget{Tokens: budget}})
				tail := func(i int) Sequence { return seq(append(run(0, head), run(1_000_000+1000*i, length-head)...)...) }
				var all []Sequence
				for i := range long {
					all = append(all, tail(2*(i*7919%long))) // in no order of ids
				}
				if err := b.admit(newCall(t.Context(), Caller{Name: "long", Bulk: bulk}, all, false)); err != nil {
					t.Fatal(err)
				}
				var calls []*call
				for i := range crowd {
					c := newCall(t.Context(), Caller{Name: strconv.Itoa(i)}, []Sequence{tail(2*(i*131%long) + 1)}, false)
					if err := b.admit(c); err != nil {
						t.Fatal(err)
					}
					calls = append(calls, c)
				}
				forwards, l := 0, b.lanes[0]
				for _, c := range calls {
					for ; c.waits.items > 0; forwards++ {
						b.next(l)
						b.leave(l)
					}
				}
				if most := ceilDiv(crowd*(length-head), budget) + 3; forwards > most {
					t.Errorf("served after %d forwards, want %d", forwards, most)
				}
			})
		}
	}
}

// TestManyCallersShareEvenly: of any number of callers, all of whose items share a head, none who waits is served less
// than another by more than three forwards.
func TestManyCallersShareEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = 60
		head := rapid.SampledFrom([]int{0, 10, 25, 35, 50}).Draw(t, "head")
		budget := rapid.SampledFrom([]int{100, 300, 1000}).Draw(t, "budget")
		b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30, Budget: Budget{Tokens: budget}})
		callers, number := make([]Caller, rapid.IntRange(2, 20).Draw(t, "callers")), 0
		accounts := make([]*account, len(callers))
		for i := range callers {
			callers[i].Name = strconv.Itoa(i)
			var sequences []Sequence
			for range rapid.SampledFrom([]int{1, 1, 1, 3, 10, 200}).Draw(t, "items") {
				number++
				longer := rapid.IntRange(0, 6).Draw(t, "longer")
				tail := append([]int64{int64(number * 7919 % 10_007)}, run(1000*number, length-head+longer)...)
				sequences = append(sequences, seq(append(run(-1000, head), tail...)...))
			}
			if err := b.admit(newCall(context.Background(), callers[i], sequences, false)); err != nil {
				t.Fatal(err)
			}
			accounts[i] = b.queue.accounts[callers[i]]
		}
		most := 0.0
		for l := b.lanes[0]; len(b.queue.byIDs) > 0; {
			b.next(l)
			most = max(most, expected(cost{}, &l.plan))
			b.leave(l)
			for _, a := range accounts {
				for _, other := range accounts {
					if ahead := a.served - other.served; len(other.turns) > 0 && float64(ahead) > 3*most {
						t.Fatalf("%+v was served %d ns more than %+v, who waits", a.caller, ahead, other.caller)
					}
				}
			}
		}
	})
}

// TestAPromptIsComputedOnce: responses to one prompt leave together, be they of one caller or of eight, of one response
// each or of eight, though all that waits shares a head, and much of it has its turn before them.
func TestAPromptIsComputedOnce(t *testing.T) {
	const responses, head = 64, 12
	prompt := run(0, 200)
	for _, count := range []int{1, 8, responses} {
		t.Run(fmt.Sprintf("%d callers", count), func(t *testing.T) {
			b := New(nil, Options{MaxItems: 1 << 20, MaxTokens: 1 << 30})
			for i := range count {
				var sequences []Sequence
				for j := range 800 / count {
					sequences = append(sequences, seq(append(run(0, head), run(1_000_000+1000*(i+count*j), 88)...)...))
				}
				for j := range responses / count {
					number := i + count*j
					sequences = append(sequences, seq(append(run(0, len(prompt)), run(5_000_000+1000*number, 10+number%20)...)...))
				}
				if err := b.admit(newCall(t.Context(), Caller{Name: strconv.Itoa(i)}, sequences, false)); err != nil {
					t.Fatal(err)
				}
			}
			var leave []int
			for l := b.lanes[0]; len(b.queue.byIDs) > 0; {
				b.next(l)
				n := 0
				for _, it := range l.picker.batch {
					if commonPrefix(it.sequence.IDs, prompt) == len(prompt) {
						n++
					}
				}
				if n > 0 {
					leave = append(leave, n)
				}
				b.leave(l)
			}
			if len(leave) != 1 || leave[0] != responses {
				t.Errorf("responses leave in forwards of %v", leave)
			}
		})
	}
}
