package models

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/manifest"
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
