package batching

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestBidirectionalPlanLaws: where tokens see their whole sequence, each sequence stands in the plan by itself and in
// one piece, and every tile of it lists all its tokens as keys, in order.
func TestBidirectionalPlanLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequences := drawSequences(t, 12)
		plan, placements, err := makePlan(sequences, Options{Bidirectional: true, CacheBlocks: 8})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkLengths(plan); err != nil {
			t.Fatal(err)
		}
		checkTiles(t, plan)
		start, next := 0, 0
		for i, s := range sequences {
			if placements[i] != (placement{row: next}) {
				t.Fatalf("sequence %d is at %+v, want row %d, sharing nothing", i, placements[i], next)
			}
			if !slices.Equal(plan.IDs[start:start+len(s.IDs)], s.IDs) {
				t.Fatalf("sequence %d is %v, want %v", i, plan.IDs[start:start+len(s.IDs)], s.IDs)
			}
			for at := range s.IDs {
				checkSeesAll(t, plan, start, len(s.IDs), at)
			}
			for _, position := range s.Positions {
				if plan.Read[next] != int64(start+position) {
					t.Fatalf("sequence %d is read at %d, want %d", i, plan.Read[next], start+position)
				}
				next++
			}
			start += len(s.IDs)
		}
		if start != len(plan.IDs) || len(plan.Past)+len(plan.Keep) > 0 {
			t.Fatalf("%d tokens, want %d; %d blocks of a cache", len(plan.IDs), start, len(plan.Past)+len(plan.Keep))
		}
	})
}

// checkSeesAll holds the tile of a token to the sequence of so many tokens that begins at start.
func checkSeesAll(t rapid.TB, plan *Plan, start, length, at int) {
	t.Helper()
	if plan.Positions[start+at] != int64(at) {
		t.Fatalf("token %d has position %d, want %d", start+at, plan.Positions[start+at], at)
	}
	tile := int(plan.Scatter[start+at]) / plan.Queries
	keys := plan.KeyIndex[tile*plan.Keys:][:plan.KeyLen[tile]]
	for i, key := range keys {
		if key != int64(start+i) {
			t.Fatalf("key %d of token %d is token %d, want %d", i, start+at, key, start+i)
		}
	}
	if len(keys) != length {
		t.Fatalf("token %d sees %d tokens, want %d", start+at, len(keys), length)
	}
}

// TestBidirectionalLanesShareNothing: a batcher of such a graph has no cache, and brings nobody together for a prefix.
func TestBidirectionalLanesShareNothing(t *testing.T) {
	options := Options{Bidirectional: true, CacheBlocks: 8}
	if newCache(options) != nil {
		t.Error("there is a cache")
	}
	if l := newLane(options, &device{}); l.picker.shortest != 0 {
		t.Errorf("prefixes of %d tokens bring items together", l.picker.shortest)
	}
}

// TestBidirectionalTilesAreWhole: sequences of one length have a tile each, however cheap keys are to fetch.
func TestBidirectionalTilesAreWhole(t *testing.T) {
	options := Options{Bidirectional: true, cost: cost{pair: 1, key: 16}}
	plan, _, err := makePlan([]Sequence{seq(run(0, 150)...), seq(run(500, 150)...), seq(run(900, 150)...)}, options)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Tiles != 3 || plan.Queries != 150 || plan.Keys != 150 {
		t.Errorf("%d tiles of %d queries and %d keys, want 3 of 150 and 150", plan.Tiles, plan.Queries, plan.Keys)
	}
}
