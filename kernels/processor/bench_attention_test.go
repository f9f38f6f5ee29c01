package processor_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels/operators"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// BenchmarkAttention measures the best tier's attention on one processor, by type: 16 responses of 100 tokens behind a
// prompt of 500, and a prompt alone. A query and a key that it sees are four operations for each number of a head.
//
//	go test -run '^$' -bench Attention ./kernels/processor
func BenchmarkAttention(b *testing.B) {
	machines := processortest.Machines()
	m := machines[len(machines)-1]
	for _, shape := range []struct{ heads, groups, size, tiles, prompt, queries int }{
		{6, 2, 64, 16, 500, 100}, {6, 2, 64, 1, 0, 500}, {16, 8, 128, 16, 500, 100},
	} {
		for _, typed := range types {
			b.Run(fmt.Sprintf("%v/heads=%d-%d/size=%d/prompt=%d/queries=%dx%d", typed, shape.heads, shape.groups, shape.size, shape.prompt, shape.tiles, shape.queries), func(b *testing.B) {
				r, d := rand.New(rand.NewPCG(1, 9)), &desk{Machine: m}
				tokens, keys := shape.tiles*shape.queries, shape.prompt+shape.queries
				o := operators.TileAttention{
					Type: typed, Tokens: tokens, Heads: shape.heads, Groups: shape.groups, Size: shape.size, Tiles: shape.tiles, TileQueries: shape.queries, TileKeys: keys,
					Slots: shape.prompt + tokens, Scale: 0.1, Window: 1 << 30, Causal: true,
				}
				var positions, index, slots, lengths []int64
				pairs := 0
				for tile := range shape.tiles {
					lengths = append(lengths, int64(keys))
					for key := range keys {
						slot := key
						if key >= shape.prompt {
							slot += tile * shape.queries
							positions, index = append(positions, int64(key)), append(index, int64(len(index)))
							pairs += key + 1
						}
						slots = append(slots, int64(slot))
					}
				}
				o.Queries = d.typed(typed, gaussian(r, tokens*shape.heads*shape.size))
				o.KeyPool, o.ValuePool = d.typed(typed, gaussian(r, o.Slots*shape.groups*shape.size)), d.typed(typed, gaussian(r, o.Slots*shape.groups*shape.size))
				o.Positions, o.QueryIndex, o.ScatterIndex = put(d, positions), put(d, index), put(d, index)
				o.KeySlots, o.KeyLen, o.Out = put(d, slots), put(d, lengths), d.typed(typed, make([]float32, tokens*shape.heads*shape.size))
				for b.Loop() {
					if err := d.Run(o); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(4*float64(pairs*shape.heads*shape.size)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GF/s")
				d.run(o, func() {})
			})
		}
	}
}
