package batching

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTheDefaultAreaCountsHeads: a forward of the default area takes a gibibyte of attention scores at most, whatever
// heads the graph has; graphs of few heads have one sequence of 4096 tokens, as before heads were counted.
func TestTheDefaultAreaCountsHeads(t *testing.T) {
	for heads, area := range map[int]int{0: 4096 * 4096, 1: 4096 * 4096, 16: 4096 * 4096, 32: 8 << 20, 128: 2 << 20} {
		options := Options{Heads: heads}.withDefaults()
		if options.Budget.Area != area || options.Budget.Area*heads*4 > 1<<30 {
			t.Errorf("%d heads: area %d, want %d", heads, options.Budget.Area, area)
		}
		given := Options{Heads: heads, Budget: Budget{Area: 5}}.withDefaults()
		if given.Budget.Area != 5 {
			t.Errorf("%d heads: a given area became %d", heads, given.Budget.Area)
		}
	}
}

// TestForwardsKeepToTheScoresOfTheirHeads: of a graph of many heads, no forward of several sequences takes more than
// a gibibyte of scores.
func TestForwardsKeepToTheScoresOfTheirHeads(t *testing.T) {
	const heads = 128
	for _, padded := range []bool{false, true} {
		b := New(nil, Options{Padded: padded, Heads: heads, Budget: Budget{Tokens: 1 << 15}})
		random := rand.New(rand.NewPCG(1, 2))
		var sequences []Sequence
		for i := range 100 {
			sequences = append(sequences, seq(run(10_000*i, 100+random.IntN(900))...))
		}
		if err := b.admit(newCall(context.Background(), Caller{}, sequences, false)); err != nil {
			t.Fatal(err)
		}
		for len(b.queue.byIDs) > 0 {
			b.next(b.lanes[0])
			l := b.lanes[0]
			if scores := 4 * heads * l.plan.area(); len(l.picker.batch) > 1 && scores > 1<<30 {
				t.Fatalf("padded %t: %d sequences take %d bytes of scores", padded, len(l.picker.batch), scores)
			}
			b.leave(l)
		}
	}
}

// TestForwardsKeepToWhatTilesFetch: 500 short responses to a long prompt make as many small tiles, each of which
// fetches the prompt's keys and values, and no forward takes more of them than its area.
func TestForwardsKeepToWhatTilesFetch(t *testing.T) {
	const fetched, area = 64, 4 << 20
	b := New(nil, Options{Fetched: fetched, Budget: Budget{Tokens: 1 << 15, Area: area}})
	prompt := run(0, 500)
	var sequences []Sequence
	for i := range 500 {
		sequences = append(sequences, seq(append(slices.Clone(prompt), run(10_000+10*i, 3)...)...))
	}
	if err := b.admit(newCall(context.Background(), Caller{}, sequences, false)); err != nil {
		t.Fatal(err)
	}
	forwards := 0
	for len(b.queue.byIDs) > 0 {
		l := b.lanes[0]
		b.next(l)
		if taken := l.plan.Tiles * (l.plan.Queries + fetched) * l.plan.Keys; taken > area {
			t.Fatalf("%d sequences take %d of an area of %d", len(l.picker.batch), taken, area)
		}
		b.leave(l)
		forwards++
	}
	if most := 500 * (16 + fetched) * 503 / area * 2; forwards > most {
		t.Errorf("%d forwards, and %d are plenty", forwards, most)
	}
}
