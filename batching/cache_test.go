package batching

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cached is a batcher of the fake with room for so many blocks; stop ends it.
func cached(t rapid.TB, runner fake, blocks int, options Options) (b *Batcher, stop func()) {
	options.CacheBlocks = blocks
	for range max(1, options.Devices) {
		runner.slots = append(runner.slots, make([]fakeSlot, blocks))
	}
	b = New(runner, options)
	done := make(chan error, 1)
	go func() { done <- b.Run(context.Background()) }()
	return b, func() {
		b.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// ask submits and holds every answer to what the sequence gives by itself.
func ask(t rapid.TB, b *Batcher, sequences []Sequence) []Result {
	t.Helper()
	results, err := b.Submit(context.Background(), Caller{}, sequences)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sequences {
		if results[i].Err != nil {
			t.Fatalf("sequence %d: %v", i, results[i].Err)
		}
		if diff := cmp.Diff(want(s), results[i].Values); diff != "" {
			t.Fatalf("sequence %d %v (-want +got):\n%s", i, s, diff)
		}
		last := 0 // that anybody reads of the same sequence
		for _, other := range sequences {
			if key(s) == key(other) {
				last = max(last, other.Positions[len(other.Positions)-1])
			}
		}
		if c := results[i].Cached; c < 0 || c > last {
			t.Fatalf("%d of %d tokens cached, and the last read is at %d", c, len(s.IDs), last)
		}
	}
	return results
}

// TestCachedScoresAreTheSame: whatever was asked before, and however little the cache holds, every answer is that of
// the sequence alone.
func TestCachedScoresAreTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.SampledFrom([]int{1, 2, 5, 30, 1000}).Draw(t, "blocks")
		tokens := rapid.SampledFrom([]int{20, 200, 2000}).Draw(t, "tokens")
		var used [][]Sequence
		lanes, devices := rapid.IntRange(1, 3).Draw(t, "lanes"), rapid.IntRange(1, 3).Draw(t, "devices")
		inPlace := rapid.Bool().Draw(t, "in place")
		runner := fake{before: func(_ context.Context, plan *Plan) error { return checkKeep(plan, inPlace) }}
		b, stop := cached(t, runner, blocks, Options{Budget: Budget{Tokens: tokens}, Lanes: lanes, Devices: devices, InPlace: inPlace})
		defer stop()
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			sequences := drawSequences(t, 8)
			if len(used) > 0 && rapid.Bool().Draw(t, "goes on") {
				for i, s := range sequences {
					before := rapid.SampledFrom(rapid.SampledFrom(used).Draw(t, "round")).Draw(t, "before")
					ids := slices.Concat(before.IDs[:rapid.IntRange(0, len(before.IDs)).Draw(t, "cut")], s.IDs)
					sequences[i] = Sequence{IDs: ids, Positions: drawReads(t, len(ids))}
				}
			}
			ask(t, b, sequences)
			used = append(used, sequences)
			if stats := b.Stats().Cache; stats.Blocks > stats.Capacity || stats.Capacity != devices*blocks {
				t.Fatalf("%+v, of %d blocks", stats, blocks)
			}
			checkCaches(t, b)
		}
		if s := b.Stats(); s.Asked != s.Computed-s.Padding+s.Shared+s.Cached || s.Shared > s.Asked {
			t.Fatalf("asked %d, computed %d, shared %d, cached %d", s.Asked, s.Computed, s.Shared, s.Cached)
		}
	})
}

// checkKeep holds the blocks of a plan to their ids and, where keys are written in place, each token to one block.
func checkKeep(plan *Plan, inPlace bool) error {
	kept := map[int64]bool{}
	for _, keep := range plan.Keep {
		for j, token := range keep.Tokens {
			if inPlace && kept[token] {
				return errors.New("a token is in two blocks, and has one place")
			}
			kept[token] = true
			if plan.IDs[token] != keep.Block.ids[j] || plan.Positions[token] != int64(keep.Block.position+j) {
				return errors.New("a block is filled from other tokens than its own")
			}
		}
	}
	return nil
}

func checkCaches(t rapid.TB, b *Batcher) {
	t.Helper()
	b.Stats() // waits for what answers: a caller may be told before the pins are gone
	for _, d := range b.devices {
		checkCache(t, d.cache)
	}
}

// checkCache: with no plan at work nothing is pinned, all blocks are filled, and the list is the map.
func checkCache(t rapid.TB, c *cache) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for b := c.newest; b != nil; b = b.older {
		n++
		if b.pins != 0 || !b.ready || c.blocks[b.hash] != b {
			t.Fatalf("block at %d: %d pins, ready %t", b.position, b.pins, b.ready)
		}
	}
	if n != len(c.blocks) {
		t.Fatalf("%d blocks in order, %d in the map", n, len(c.blocks))
	}
}

// TestBeamsGoOnWhereTheyWere: after the first two steps of a beam search, only the new step and the rest of a block
// are computed.
func TestBeamsGoOnWhereTheyWere(t *testing.T) {
	b, stop := cached(t, fake{}, 10_000, Options{Budget: Budget{Tokens: 4096}})
	defer stop()
	beams := make([]Sequence, 16)
	for i := range beams {
		beams[i].IDs = run(0, 200)
	}
	for step := range 20 {
		for i := range beams {
			beams[i].IDs = append(slices.Clip(beams[i].IDs), run(1000*(step*16+i+1), 40)...)
			beams[i].Positions = append(slices.Clip(beams[i].Positions), len(beams[i].IDs)-1)
		}
		for i, result := range ask(t, b, beams) {
			if step < 2 {
				continue
			}
			if computed := len(beams[i].IDs) - result.Cached; computed >= 40+BlockTokens {
				t.Fatalf("step %d computes %d tokens", step, computed)
			}
		}
	}
}

// TestOneOffTextsAreNotKept: what nobody shares and nobody asked before is not fetched; asked again, it is.
func TestOneOffTextsAreNotKept(t *testing.T) {
	b, stop := cached(t, fake{}, 10_000, Options{})
	defer stop()
	texts := []Sequence{seq(run(0, 100)...), seq(run(1000, 300)...), seq(run(2000, 50)...)}
	ask(t, b, texts)
	if blocks := b.Stats().Cache.Blocks; blocks != 0 {
		t.Fatalf("%d blocks kept of texts asked once", blocks)
	}
	ask(t, b, texts)
	for i, result := range ask(t, b, texts) {
		if whole := (len(texts[i].IDs) - 1) / BlockTokens * BlockTokens; result.Cached != whole {
			t.Errorf("text %d has %d tokens cached the third time, want %d", i, result.Cached, whole)
		}
	}
}

// TestFailedRunsLeaveNothingInTheCache: blocks that a failed forward was to fill are gone, and its sequences are
// answered in halves.
func TestFailedRunsLeaveNothingInTheCache(t *testing.T) {
	failing := true
	b, stop := cached(t, fake{before: func(_ context.Context, plan *Plan) error {
		if failing && len(plan.IDs) > 150 {
			return errors.New("no memory")
		}
		return nil
	}}, 100, Options{})
	defer stop()
	prompt := run(0, 100)
	sequences := []Sequence{seq(slices.Concat(prompt, run(500, 20))...), seq(slices.Concat(prompt, run(600, 20))...), seq(slices.Concat(prompt, run(700, 20))...)}
	ask(t, b, sequences)
	checkCaches(t, b)
	failing = false
	ask(t, b, sequences)
	checkCaches(t, b)
}

// TestSharingNeverCostsTokens: a sequence that is the cached head of another does not have that other's rest computed
// again.
func TestSharingNeverCostsTokens(t *testing.T) {
	b, stop := cached(t, fake{}, 1000, Options{})
	defer stop()
	long, short := seq(run(0, 100)...), seq(run(0, 50)...)
	for range 3 {
		ask(t, b, []Sequence{long})
	}
	ask(t, b, []Sequence{short})
	before := b.Stats().Computed
	ask(t, b, []Sequence{long, short})
	if computed := b.Stats().Computed - before; computed > 4+BlockTokens {
		t.Errorf("%d tokens computed", computed)
	}
}

// TestThePastOfAPlanIsBounded: however many cached sequences wait, a plan takes no more cached tokens than a runner
// may copy.
func TestThePastOfAPlanIsBounded(t *testing.T) {
	most := 0
	b, stop := cached(t, fake{before: func(_ context.Context, plan *Plan) error {
		most = max(most, len(plan.PastPositions))
		return nil
	}}, 100_000, Options{Budget: Budget{Tokens: 4096, Area: 1 << 40}})
	defer stop()
	texts := make([]Sequence, 40)
	for i := range texts {
		texts[i] = seq(run(10_000*(i+1), 1000)...)
	}
	for range 3 {
		ask(t, b, texts)
	}
	if most == 0 || most > mostPast {
		t.Errorf("a plan has %d cached tokens", most)
	}
}

// TestInPlaceATokenIsInOneBlock: two answers go on in the middle of a block of their prompt. Asked for again, the
// blocks that end in the answers are worth keeping, and both have the prompt's last tokens: where keys are written in
// place, a plan keeps one of them.
func TestInPlaceATokenIsInOneBlock(t *testing.T) {
	for inPlace, want := range map[bool]int{false: 2, true: 1} {
		most := 0 // blocks of one plan that begin in the prompt and end in an answer
		runner := fake{before: func(_ context.Context, plan *Plan) error {
			spanning := 0
			for _, keep := range plan.Keep {
				if keep.Block.position == 2*BlockTokens {
					spanning++
				}
			}
			most = max(most, spanning)
			return checkKeep(plan, inPlace)
		}}
		b, stop := cached(t, runner, 100, Options{InPlace: inPlace})
		prompt := make([]int64, 2*BlockTokens+8)
		for i := range prompt {
			prompt[i] = int64(i)
		}
		var answers []Sequence
		for answer := range int64(2) {
			ids := slices.Clone(prompt)
			for i := range int64(BlockTokens) {
				ids = append(ids, 1000*(answer+1)+i)
			}
			answers = append(answers, Sequence{IDs: ids, Positions: []int{len(ids) - 1}})
		}
		for range 3 {
			ask(t, b, answers)
		}
		stop()
		if most != want {
			t.Errorf("in place %t: a plan kept %d blocks that begin in the prompt and end in an answer, want %d", inPlace, most, want)
		}
	}
}
