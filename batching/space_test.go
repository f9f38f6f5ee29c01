package batching

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// spaces are four that differ in one thing each.
var spaces = []Space{{}, {Revision: "2"}, {Adapter: "a"}, {Salt: "tenant"}}

// drawSpaced draws sequences of several spaces, many of which have the ids of one of another space.
func drawSpaced(t *rapid.T, most int) []Sequence {
	var sequences []Sequence
	for _, s := range drawSequences(t, most) {
		for range rapid.IntRange(1, 3).Draw(t, "copies") {
			s.Space = rapid.SampledFrom(spaces).Draw(t, "space")
			sequences = append(sequences, s)
		}
	}
	return sequences
}

// bySpace gives the sequences of each space, in order.
func bySpace(sequences []Sequence) map[Space][]Sequence {
	apart := map[Space][]Sequence{}
	for _, s := range sequences {
		apart[s.Space] = append(apart[s.Space], s)
	}
	return apart
}

// TestSpacesShareNoSegment: a plan of several spaces computes, and shares, what a plan of each space by itself would.
func TestSpacesShareNoSegment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSpaced(t, 8)
		for i := range sequences { // which differ in what a plan may mix
			sequences[i].Space = Space{Salt: fmt.Sprint(sequences[i].Space)}
		}
		plan, placements, err := makePlan(sequences, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, plan, placements, sequences)
		tokens := 0
		shared := map[Space][]int{}
		for space, own := range bySpace(sequences) {
			alone, places, err := makePlan(own, Options{})
			if err != nil {
				t.Fatal(err)
			}
			tokens += len(alone.IDs)
			for _, place := range places {
				shared[space] = append(shared[space], place.shared)
			}
		}
		if tokens != len(plan.IDs) {
			t.Fatalf("%d tokens computed together, %d apart", len(plan.IDs), tokens)
		}
		for i, s := range sequences {
			if want := shared[s.Space][0]; placements[i].shared != want {
				t.Fatalf("sequence %d shares %d tokens, %d in its own space", i, placements[i].shared, want)
			}
			shared[s.Space] = shared[s.Space][1:]
		}
	})
}

// TestAForwardIsOfOneRevisionAndAdapter: whatever waits, all sequences of a plan are of one revision and adapter, which
// it says, and nothing waits for ever. What is put into a plan by hand is held to it too.
func TestAForwardIsOfOneRevisionAndAdapter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := Options{Padded: rapid.Bool().Draw(t, "padded"), Budget: drawBudget(t), MaxItems: 1 << 20}
		b := New(nil, options)
		all := map[Space]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "submissions") {
			sequences := drawSpaced(t, 12)
			maps.Copy(all, byWeights(sequences))
			if err := b.admit(newCall(context.Background(), drawCaller(t), sequences, false)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := makePlan(sequences, options); (err == nil) != (len(byWeights(sequences)) == 1) {
				t.Fatalf("a plan of %d revisions and adapters: %v", len(byWeights(sequences)), err)
			}
		}
		l, seen := b.lanes[0], map[Space]bool{}
		for len(b.queue.byIDs) > 0 {
			if b.next(l); len(l.picker.batch) == 0 {
				t.Fatal("items wait, and none leaves")
			}
			said := Space{Revision: l.plan.Revision, Adapter: l.plan.Adapter}
			for _, it := range l.picker.batch {
				if it.sequence.Space.weights() != said {
					t.Fatalf("a sequence of %+v is computed with %+v", it.sequence.Space, said)
				}
			}
			seen[said] = true
			b.leave(l)
		}
		if !maps.Equal(seen, all) {
			t.Fatalf("forwards of %v, want %v", seen, all)
		}
	})
}

func byWeights(sequences []Sequence) map[Space]bool {
	apart := map[Space]bool{}
	for _, s := range sequences {
		apart[s.Space.weights()] = true
	}
	return apart
}

// TestSpacesShareNoRunAndNoCache: sequences are computed once for each space that they are of, and what is cached of
// one space is found in that space alone.
func TestSpacesShareNoRunAndNoCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SampledFrom([]int{50, 2000}).Draw(t, "tokens")
		b, stop := cached(t, fake{}, 10_000, Options{Budget: Budget{Tokens: tokens}})
		defer stop()
		sequences := drawSpaced(t, 8)
		distinct := map[string]bool{}
		for _, s := range sequences {
			distinct[key(s)] = true
		}
		ask(t, b, sequences)
		if got, want := int(b.Stats().Deduplicated), len(sequences)-len(distinct); got != want {
			t.Fatalf("%d of %d sequences joined another, want %d", got, len(sequences), want)
		}
		for range 2 { // now whole blocks are kept
			ask(t, b, sequences)
		}
		elsewhere := make([]Sequence, len(sequences))
		for i, s := range sequences {
			elsewhere[i] = s
			elsewhere[i].Space.Salt += "another"
		}
		for i, result := range ask(t, b, elsewhere[:1]) {
			if result.Cached > 0 {
				t.Fatalf("sequence %d found %d tokens of another space", i, result.Cached)
			}
		}
		ask(t, b, elsewhere)
		for _, s := range elsewhere {
			found, _ := b.devices[0].cache.find(chainOf(s))
			for i, block := range found.blocks {
				if block.space != s.Space {
					t.Fatalf("block %d of a sequence of %v is of %v", i, s.Space, block.space)
				}
			}
			b.devices[0].cache.release(found)
		}
	})
}

func chainOf(s Sequence) *chained {
	c := newChained(s)
	return &c
}

func key(s Sequence) string { return fmt.Sprint(s.Space, s.IDs) }

// TestSpacesJoinNoRun: a sequence does not join the run of an equal one of another space, which one of the same space
// does.
func TestSpacesJoinNoRun(t *testing.T) {
	for _, space := range spaces {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, slow(10*time.Millisecond, nil), Options{})
			first := seq(1, 2, 3)
			atWork := submit(context.Background(), b, first)
			synctest.Wait()
			second := first
			second.Space = space
			o := <-submit(context.Background(), b, second)
			checkAnswers(t, o, second)
			want := 10 * time.Millisecond
			if space != first.Space {
				want *= 2
			}
			if o.took != want {
				t.Errorf("%+v was answered after %v, want %v", space, o.took, want)
			}
			<-atWork
		})
	}
}

// TestBlocksOfOneHashKeepTheirSpaces: even where the hash of two spaces' first blocks is the same, one is not found
// in the other.
func TestBlocksOfOneHashKeepTheirSpaces(t *testing.T) {
	c := newCache(Options{CacheBlocks: 10})
	s := seq(run(0, 2*BlockTokens)...)
	hashes := chainOf(s).hashes
	block, _ := c.claim(hashes[0], nil, s.Space, blockIDs(s.IDs, 0), 0)
	c.complete([]Keep{{Block: block}}, true)
	if found, _ := c.find(&chained{s, hashes}); len(found.blocks) != 1 {
		t.Fatal("the block is not found in its own space")
	}
	s.Space.Adapter = "a"
	if found, _ := c.find(&chained{s, hashes}); len(found.blocks) != 0 {
		t.Error("the block is found in another space")
	}
	c.learn(&chained{s, hashes}, [][]float32{{1}})
	if block, _ := c.claim(hashes[0], nil, s.Space, blockIDs(s.IDs, 0), 0); block != nil {
		t.Error("the block is taken for one of another space")
	}
}

// TestSpacesHaveNoPrefixInCommon: of equal ids in two spaces no token is one and the same, and no link of their chains.
func TestSpacesHaveNoPrefixInCommon(t *testing.T) {
	s := seq(run(0, 3*BlockTokens)...)
	for _, space := range spaces[1:] {
		other := s
		other.Space = space
		if common := chainOf(s).commonTokens(chainOf(other)); common != 0 {
			t.Errorf("%d tokens in common with %+v", common, space)
		}
		for i, hash := range chainOf(other).hashes {
			if hash == chainOf(s).hashes[i] {
				t.Errorf("link %d is the same in %+v", i, space)
			}
		}
	}
}
