package models

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestAttentionKeepsToItsBytes: a forward at the area's limit has no more bytes of scores, keys and values than it may,
// whether heads share keys or not, and not much less.
func TestAttentionKeepsToItsBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kv, dim := rapid.Int64Range(1, 64).Draw(t, "kv_heads"), rapid.SampledFrom([]int64{32, 64, 80, 128, 256}).Draw(t, "head_dim")
		g := &manifest.Graph{KVHeads: kv, HeadDim: dim, Heads: kv * rapid.Int64Range(0, 16).Draw(t, "heads of a key head")}
		heads, most := max(g.Heads, kv), attentionBytes(rapid.Int64Range(0, 1<<40).Draw(t, "weights"))
		fetched, area := areaOf(g, most)
		queries := rapid.Int64Range(1, 4096).Draw(t, "query places")
		keys := int64(area) / (queries + int64(fetched))
		bytes := floatBytes * keys * (queries*heads + 2*dim*kv)
		if bytes > most+floatBytes*keys*heads || keys > 0 && bytes < most-floatBytes*(keys+queries+2*dim)*heads*2 {
			t.Fatalf("%d queries and %d keys of %+v take %d bytes, and may take %d", queries, keys, g, bytes, most)
		}
	})
}

// TestPoolsAreCutByTokensAlone: sequences of any length that fill a forward of a graph with pools are within its area,
// and their lists of places within the bytes that are said of it.
func TestPoolsAreCutByTokensAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(1, pooledTokens).Draw(t, "tokens of a sequence")
		sequences := make([]batching.Sequence, pooledTokens/length)
		for i := range sequences {
			ids := make([]int64, length)
			ids[0] = int64(i) // so that nothing is shared
			sequences[i] = batching.Sequence{IDs: ids, Positions: []int{length - 1}}
		}
		plan, _, err := batching.MakePlan(sequences, batching.Options{InPlace: true})
		if err != nil {
			t.Fatal(err)
		}
		if area := plan.Tiles * plan.Queries * plan.Keys; area > assayArea || 8*plan.Tiles*plan.Keys > 128<<20 {
			t.Fatalf("%d sequences of %d tokens: %d tiles of %d queries and %d keys, an area of %d", len(sequences), length, plan.Tiles, plan.Queries,
				plan.Keys, area)
		}
	})
}

// TestPoolsHaveRoomForTheLongest: the longest item, filled up as a GPU wants it, finds room in the pools.
func TestPoolsHaveRoomForTheLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		longest := rapid.IntRange(1, 3*pooledTokens).Draw(t, "longest")
		item := batching.Sequence{IDs: make([]int64, longest), Positions: []int{longest - 1}}
		plan, _, err := batching.MakePlan([]batching.Sequence{item}, batching.Options{Rounding: roundingOn(onnxrun.Device{GPUs: []int{0}})})
		if err != nil {
			t.Fatal(err)
		}
		if room := pooledRoom(longest); len(plan.IDs) > room {
			t.Fatalf("%d tokens are filled up to %d, and there is room for %d", longest, len(plan.IDs), room)
		}
	})
}
