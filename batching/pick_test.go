package batching

import (
	stdcmp "cmp"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// waitingRoom is a queue in which every item has one waiter, as if each had been submitted by itself.
type waitingRoom struct {
	*Batcher
	cancels []context.CancelFunc // by submission
}

func newRoom(options Options, sequences []Sequence) *waitingRoom {
	room := &waitingRoom{Batcher: New(nil, options)}
	for _, s := range sequences {
		ctx, cancel := context.WithCancel(context.Background())
		room.cancels = append(room.cancels, cancel)
		if err := room.admit(newCall(ctx, Caller{}, []Sequence{s}, false)); err != nil {
			panic(err)
		}
	}
	return room
}

func drawBudget(t *rapid.T) Budget {
	return Budget{
		Tokens: rapid.SampledFrom([]int{1, 30, 200, 1000}).Draw(t, "tokens"),
		Area:   rapid.SampledFrom([]int{1, 5000, 20_000, defaultArea}).Draw(t, "area"),
	}
}

func TestPickLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		padded := rapid.Bool().Draw(t, "padded")
		budget := drawBudget(t)
		room := newRoom(Options{Padded: padded, Budget: budget}, drawSequences(t, 25))
		all := byAge(&room.queue)
		for i, cancel := range room.cancels {
			if i%5 == 4 {
				cancel()
			}
		}
		now := time.Now()
		wanted := slices.DeleteFunc(slices.Clone(all), func(it *item) bool { return it.abandoned(now) })
		p := room.pickAt(now)

		if diff := cmp.Diff(len(all), len(room.queue.byIDs)); diff != "" {
			t.Fatalf("pick changed the queue: %s", diff)
		}
		checkPartition(t, p, all)
		if len(wanted) == 0 {
			return
		}
		if len(p.batch) == 0 || p.batch[0] != wanted[0] {
			t.Fatal("the oldest wanted item does not lead the batch")
		}
		if !padded {
			checkPrefixOrder(t, p.batch)
		} else {
			checkLengthOrder(t, p.batch)
		}
		var plan Plan
		placements := p.shape.build(&plan, nil)
		sequences := make([]Sequence, len(p.batch))
		for i, it := range p.batch {
			sequences[i] = it.sequence
		}
		checkPlan(t, &plan, placements, sequences)
		computed := len(plan.IDs)
		if !padded {
			computed = p.shape.tokens()
		}
		if !padded {
			checkSharedBudget(t, sequences, budget)
		} else if len(p.batch) > 1 && computed > budget.Tokens {
			t.Fatalf("%d items take %d tokens, over %+v", len(p.batch), computed, budget)
		}
		if len(p.batch) > 1 && plan.area() > budget.Area {
			t.Fatalf("%d items take area %d, over %+v", len(p.batch), plan.area(), budget)
		}
	})
}

// checkSharedBudget: each sequence after the first keeps the batch within the tokens, or shares half of its own, and
// then what is beside the prefix is within four times the tokens.
func checkSharedBudget(t rapid.TB, batch []Sequence, budget Budget) {
	t.Helper()
	grown := tree{shortest: defaultShared}
	grown.reset()
	for i, sequence := range batch {
		at := grown.find(sequence)
		before, fresh := grown.tokens, len(sequence.IDs)-at.depth
		grown.insert(sequence, at, cachedPrefix{})
		within := grown.tokens <= budget.Tokens || 2*at.depth >= len(sequence.IDs) && grown.tokens-at.depth <= 4*budget.Tokens
		if i > 0 && !within {
			t.Fatalf("item %d brings %d tokens, shares %d, and finds %d: over %+v", i, fresh, at.depth, before, budget)
		}
	}
}

func TestSharersOfALongPromptLeaveTogether(t *testing.T) {
	prompt := run(1, 2000)
	var sequences []Sequence
	for i := range 8 {
		sequences = append(sequences, Sequence{IDs: append(slices.Clone(prompt), run((10+i)*1000, 100)...), Positions: []int{2099}})
	}
	room := newRoom(Options{Budget: Budget{Tokens: 512, Area: defaultArea}}, sequences)
	room.pickAt(time.Now())
	if got := len(room.lanes[0].picker.batch); got != 8 {
		t.Errorf("%d of 8 responses left together, and the prompt is computed again for the others", got)
	}
}

// byAge lists the items of a queue, the oldest first.
func byAge(q *queue) []*item {
	return slices.SortedFunc(slices.Values(q.byIDs), func(a, b *item) int { return stdcmp.Compare(a.number, b.number) })
}

// checkPartition: nobody is chosen twice, chosen though unwanted, or dropped though wanted.
func checkPartition(t rapid.TB, p *picker, all []*item) {
	t.Helper()
	seen := map[*item]bool{}
	for _, it := range slices.Concat(p.batch, p.gone) {
		if seen[it] || !slices.Contains(all, it) {
			t.Fatalf("item %d is chosen twice or unknown", it.number)
		}
		seen[it] = true
	}
	for _, it := range p.batch {
		if it.abandoned(time.Now()) {
			t.Fatalf("item %d is abandoned and was chosen", it.number)
		}
	}
	for _, it := range p.gone {
		if !it.abandoned(time.Now()) {
			t.Fatalf("item %d is wanted and was dropped", it.number)
		}
	}
}

// checkPrefixOrder: whoever shares more of the oldest item's prefix comes earlier.
func checkPrefixOrder(t rapid.TB, batch []*item) {
	t.Helper()
	last := len(batch[0].sequence.IDs)
	for _, it := range batch[1:] {
		share := commonPrefix(batch[0].sequence.IDs, it.sequence.IDs)
		if share < defaultShared {
			share = 0
		}
		if share > last {
			t.Fatalf("item %d shares %d tokens with the oldest, after one that shares %d", it.number, share, last)
		}
		last = share
	}
}

// checkLengthOrder: whoever is nearer in length to the oldest item comes earlier, the older first among equals.
func checkLengthOrder(t rapid.TB, batch []*item) {
	t.Helper()
	oldest := len(batch[0].sequence.IDs)
	var before *item
	last := 0
	for _, it := range batch[1:] {
		distance := len(it.sequence.IDs) - oldest
		distance = max(distance, -distance)
		if distance < last || distance == last && before != nil && it.number < before.number {
			t.Fatalf("item %d at distance %d comes after distance %d", it.number, distance, last)
		}
		before, last = it, distance
	}
}

func TestPickOrder(t *testing.T) {
	a, b := run(1000, 20), run(2000, 20) // two prompts
	with := func(prompt []int64, tail ...int64) Sequence { return seq(slices.Concat(prompt, tail)...) }
	for name, c := range map[string]struct {
		sequences []Sequence
		budget    int
		want      []uint64 // numbers, from 1 in order of arrival
	}{
		"all fit":                     {[]Sequence{seq(1), seq(2), seq(3)}, 10, []uint64{1, 2, 3}},
		"oldest though too long":      {[]Sequence{seq(run(0, 50)...), seq(2)}, 10, []uint64{1}},
		"like length":                 {[]Sequence{seq(1, 1, 1), seq(2), seq(3, 3, 3, 3), seq(4, 4, 4)}, 10, []uint64{1, 4, 3}},
		"its prefix before others":    {[]Sequence{with(a, 1), with(b, 2), with(a, 3, 3, 3)}, 25, []uint64{1, 3}},
		"longest prefix first":        {[]Sequence{with(a, 1), with(a[:10], 2), with(a[:15], 3)}, 22, []uint64{1, 3, 2}},
		"a prompt brings its own":     {[]Sequence{with(a, 1), with(b, 2), with(run(9, 21)), with(b, 3, 4)}, 45, []uint64{1, 2, 4}},
		"what does not fit is passed": {[]Sequence{seq(run(0, 20)...), seq(run(50, 19)...), seq(3, 3, 3)}, 25, []uint64{1, 3}},
		"what is too long is passed":  {[]Sequence{seq(1), seq(run(10, 50)...), seq(3)}, 10, []uint64{1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			room := newRoom(Options{Budget: Budget{Tokens: c.budget}}, c.sequences)
			room.pickAt(time.Now())
			var got []uint64
			for _, it := range room.lanes[0].picker.batch {
				got = append(got, it.number)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("batch (-want +got):\n%s", diff)
			}
		})
	}
}

// The fake clock and a real one may cut a batch at a deadline before the context has noticed it.
func TestPickLeavesOutWhoseDeadlineHasCome(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	b := New(nil, Options{})
	if err := b.admit(newCall(ctx, Caller{}, []Sequence{seq(1)}, false)); err != nil {
		t.Fatal(err)
	}
	b.pickAt(deadline.Add(-1))
	if len(b.lanes[0].picker.batch) != 1 {
		t.Error("left out before its deadline")
	}
	b.pickAt(deadline)
	if len(b.lanes[0].picker.batch) != 0 || len(b.lanes[0].picker.gone) != 1 {
		t.Error("put into a batch at its deadline")
	}
}

// Padded sequences travel with their like: one long row does not make a batch of short ones long.
func TestPaddedPickKeepsLengthsApart(t *testing.T) {
	var sequences []Sequence
	for i := range 10 {
		sequences = append(sequences, seq(run(1000*i, 20)...), seq(run(1000*i, 400)...))
	}
	room := newRoom(Options{Padded: true, Budget: Budget{Tokens: 1 << 16}}, sequences)
	room.pickAt(time.Now())
	if n := len(room.lanes[0].picker.batch); n != 10 {
		t.Errorf("%d items leave together, want 10", n)
	}
	for _, it := range room.lanes[0].picker.batch {
		if len(it.sequence.IDs) != 20 {
			t.Errorf("a sequence of %d ids travels with those of 20", len(it.sequence.IDs))
		}
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	q := queueOf(load(8, 16))
	p := New(nil, Options{}).lanes[0].picker
	budget, round := Budget{Tokens: defaultTokens, Area: defaultArea}, uint64(0)
	var plan Plan
	var placements []placement
	allocs := testing.AllocsPerRun(20, func() {
		round++
		p.pick(q, time.Time{}, budget, round)
		placements = p.shape.build(&plan, placements[:0])
	})
	if allocs > 0 {
		t.Errorf("%v allocations a plan", allocs)
	}
}

// Until the queue is empty, every pick takes somebody and nobody is taken twice.
func TestPicksDrainTheQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := newRoom(Options{Budget: drawBudget(t)}, drawSequences(t, 25))
		left := len(room.queue.byIDs)
		for left > 0 {
			oldest := byAge(&room.queue)[0]
			if wait, more := room.next(room.lanes[0]); wait != 0 || !more || len(room.lanes[0].picker.batch) == 0 {
				t.Fatalf("%d items wait and none leaves", left)
			}
			if room.lanes[0].picker.batch[0] != oldest {
				t.Fatal("the oldest did not leave")
			}
			left -= len(room.lanes[0].picker.batch)
			room.leave(room.lanes[0])
			if len(room.queue.byIDs) != left {
				t.Fatalf("%d items wait, want %d", len(room.queue.byIDs), left)
			}
		}
		checkQueue(t, &room.queue)
	})
}

// pickAt picks from the queue as the first lane would with the whole budget, and changes nothing else.
func (b *Batcher) pickAt(now time.Time) *picker {
	p := &b.lanes[0].picker
	b.round++
	p.pick(&b.queue, now, b.options.Budget, b.round)
	return p
}

// TestAPickLooksAtFewThatWait: while another lane computes the prefix of all that wait, an idle lane does not walk
// the whole queue.
func TestAPickLooksAtFewThatWait(t *testing.T) {
	prompt := run(0, 10*BlockTokens)
	var family []Sequence
	for i := range 1000 {
		family = append(family, seq(slices.Concat(prompt, run(1000*(i+1), 10))...))
	}
	room := newRoom(Options{CacheBlocks: 1000, MaxItems: 2000}, family)
	hashes := newChained(seq(prompt...)).hashes
	var before *Block
	for i, hash := range hashes {
		if before, _ = room.devices[0].cache.claim(hash, before, Space{}, blockIDs(prompt, i), i*BlockTokens); before == nil {
			t.Fatal("no room")
		}
	}
	if p := room.pickAt(time.Now()); len(p.batch) != 0 || p.waits != maxWaits {
		t.Errorf("%d items picked, %d looked at", len(p.batch), p.waits)
	}
}
