package operators

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/kernels"
)

// HeadSizes are the numbers of a head that there is an attention kernel for.
func HeadSizes() []int { return []int{32, 64, 80, 96, 128, 256} }

// TileAttention is the attention of a forward's tiles over keys and values in a pool. All memory is the device's.
type TileAttention struct {
	Type                  kernels.Type
	Tokens, Heads, Groups int     // query heads, key heads
	Size                  int     // numbers of a head: 32, 64, 80, 96, 128 or 256
	Queries               uintptr // (Tokens, Heads, Size)
	Positions             uintptr // int64 (Tokens)
	Tiles                 int
	TileQueries, TileKeys int
	QueryIndex            uintptr // int64 (Tiles, TileQueries): tokens
	KeySlots              uintptr // int64 (Tiles, TileKeys): slots; place j of a tile has position j
	KeyLen                uintptr // int64 (Tiles): how many of a tile's places have a key
	ScatterIndex          uintptr // int64 (Tokens): the place of (Tiles · TileQueries) that computes each token, and no other
	Slots                 int
	KeyPool, ValuePool    uintptr // (Slots, Groups, Size)
	Scale, Softcap        float32 // of the logits; a softcap of 0 is none
	Window                int     // a query sees places that are fewer than this many from its position
	Causal                bool    // and none behind its position
	Out                   uintptr // (Tokens, Heads, Size), written for the tokens that a place computes
}

// Launch gives the one start of a kernel that computes it.
func (o TileAttention) Launch() (Launch, error) {
	c := &checks{operator: "TileAttention"}
	suffix := c.half(o.Type)
	checkHeads(c, o.Tokens, o.Heads, o.Groups)
	if sizes := HeadSizes(); !slices.Contains(sizes, o.Size) {
		c.refuse("there is no kernel for heads of %d numbers, but for %v", o.Size, sizes)
	}
	c.size("the number of tiles", o.Tiles, 0, maxCount, 1)
	c.size("the number of queries of a tile", o.TileQueries, 0, maxCount, 1)
	c.size("the number of keys of a tile", o.TileKeys, 0, maxCount, 1)
	c.size("the number of slots", o.Slots, 1, maxCount, 1)
	c.size("the window", o.Window, 1, maxCount, 1)
	if !(o.Scale > 0) || !(o.Softcap >= 0) {
		c.refuse("the scale is %g and the softcap %g, and must be above 0, and 0 or above", o.Scale, o.Softcap)
	}
	if c.err == nil && o.Tiles > maxCount/max(o.TileQueries, 1) {
		c.refuse("%d tiles of %d queries are over the limit of %d queries; send fewer tokens in one forward", o.Tiles, o.TileQueries, maxCount)
	}
	if c.err != nil {
		return Launch{}, c.err
	}
	places, rows := o.Tiles*o.TileQueries, o.TileQueries*(o.Heads/o.Groups)
	return c.launch(fmt.Sprintf("attention_%d%s", o.Size, suffix), o.Tiles*blocks(rows, attentionRows), o.Groups, attentionThreads,
		c.address("queries", o.Queries, o.Tokens), c.integers("positions", o.Positions, o.Tokens), c.integers("query index", o.QueryIndex, places),
		c.integers("key slots", o.KeySlots, o.Tiles*o.TileKeys), c.integers("key len", o.KeyLen, o.Tiles),
		c.integers("scatter index", o.ScatterIndex, o.Tokens), c.address("key pool", o.KeyPool, o.Slots),
		c.address("value pool", o.ValuePool, o.Slots), c.address("out", o.Out, o.Tokens),
		uint64(o.Tokens), uint64(o.Heads), uint64(o.Groups), uint64(o.Slots), uint64(o.TileQueries), uint64(o.TileKeys),
		uint64(o.Window), flag(o.Causal), bits(o.Scale), bits(o.Softcap))
}
