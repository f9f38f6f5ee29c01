package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/kernels"
)

// anyBits is a host matrix of float32 numbers of any bits: zeros of both signs, infinities and NaN of any payload among
// them.
func anyBits(r *rand.Rand, rows, cols int) kernels.Tensor {
	numbers := make([]float32, rows*cols)
	for i := range numbers {
		bits := r.Uint32()
		if r.IntN(4) == 0 {
			bits |= 0x7f800000 // infinite, or NaN if a lower bit is set
		}
		numbers[i] = math.Float32frombits(bits)
	}
	return kernels.Matrix(rows, cols, numbers)
}

// cloned is the same numbers in other memory.
func cloned(t kernels.Tensor) kernels.Tensor {
	t.Float32s = slices.Clone(t.Float32s)
	return t
}

// shapes of caches: width of a token in a part, parts, slots. 151 and 257 parts are more than a block's warps and
// threads.
var shapes = [][3]int{
	{1, 1, 1},
	{1, 2, 5},
	{2, 257, 3},
	{3, 4, 7},
	{4, 2, 33},
	{31, 3, 4},
	{32, 4, 3},
	{33, 2, 5},
	{64, 151, 2},
	{127, 2, 3},
	{257, 1, 2},
	{512, 4, 3},
	{1023, 2, 2},
	{1024, 2, 3},
}

// gatherShapes: every width, aligned and not; no slots, one, and more than the pool has, in any order and some twice.
func gatherShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for _, shape := range shapes {
		width, parts, slots := shape[0], shape[1], shape[2]
		pool := anyBits(r, slots*parts, kernels.BlockTokens*width)
		before := cloned(pool)
		for _, n := range []int{0, 1, slots + 1} {
			named := make([]int64, n)
			for i := range named {
				named[i] = r.Int64N(int64(slots))
			}
			got := anyBits(r, parts*n, pool.Cols)
			want := cloned(got)
			what := fmt.Sprintf("%d of %d slots, %d parts, width %d", n, slots, parts, width)
			c.call(what, backend.GatherBlocks(pool, parts, named, got), kernels.Host{}.GatherBlocks(pool, parts, named, want))
			c.same(what, got.Float32s, want.Float32s)
			c.same(what+": the pool", pool.Float32s, before.Float32s)
		}
	}
	return c.result()
}

// keepShapes: every width; presents whose parts begin at any multiple of 4 bytes; tokens in any order and some twice;
// no block, one, and as many as the pool has.
func keepShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for _, shape := range shapes {
		width, parts, slots := shape[0], shape[1], shape[2]
		for _, n := range []int{0, 1, slots} {
			rows := pick(r, 1, 15, 16, 17, 33)
			named, tokens := make([]int64, n), make([]int64, n*kernels.BlockTokens)
			for i, slot := range r.Perm(slots)[:n] {
				named[i] = int64(slot)
			}
			for i := range tokens {
				tokens[i] = r.Int64N(int64(rows))
			}
			present := anyBits(r, parts*rows, width)
			before := cloned(present)
			got := anyBits(r, slots*parts, kernels.BlockTokens*width)
			want := cloned(got)
			what := fmt.Sprintf("%d of %d slots, %d parts, width %d, %d tokens", n, slots, parts, width, rows)
			c.call(what, backend.KeepBlocks(got, parts, present, tokens, named), kernels.Host{}.KeepBlocks(want, parts, present, tokens, named))
			c.same(what, got.Float32s, want.Float32s)
			c.same(what+": the present", present.Float32s, before.Float32s)
		}
	}
	return c.result()
}

// thereAndBack: what is kept of a present, block after block, is gathered as the present was.
func thereAndBack(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	const parts, blocks, slots = 6, 5, 9
	for _, width := range []int{3, 32} {
		present := anyBits(r, parts*blocks*kernels.BlockTokens, width)
		pool := anyBits(r, slots*parts, kernels.BlockTokens*width)
		named, tokens := make([]int64, blocks), make([]int64, blocks*kernels.BlockTokens)
		for i, slot := range r.Perm(slots)[:blocks] {
			named[i] = int64(slot)
		}
		for i := range tokens {
			tokens[i] = int64(i)
		}
		past := anyBits(r, parts*blocks, kernels.BlockTokens*width)
		c.call("there", backend.KeepBlocks(pool, parts, present, tokens, named))
		c.call("back", backend.GatherBlocks(pool, parts, named, past))
		c.same(fmt.Sprintf("width %d", width), past.Float32s, present.Float32s)
	}
	return c.result()
}

// blocksRefused: an index out of range is an error that names it, and nothing is copied.
func blocksRefused(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	const parts, slots, width, rows = 2, 3, 4, 20
	pool, present := anyBits(r, slots*parts, kernels.BlockTokens*width), anyBits(r, parts*rows, width)
	past := anyBits(r, parts*2, kernels.BlockTokens*width)
	unchanged := []kernels.Tensor{cloned(pool), cloned(present), cloned(past)}
	tokens := func(last int64) []int64 { return append(make([]int64, 2*kernels.BlockTokens-1), last) }
	refused := func(err error, want string) {
		if err == nil || err.Error() != want {
			c.fail("got %v, want %s", err, want)
		}
	}
	for _, wrong := range []int64{-1, slots, math.MaxInt64, math.MinInt64} {
		want := fmt.Sprintf("slots: number 1 is %d, and there are %d slots", wrong, slots)
		refused(backend.GatherBlocks(pool, parts, []int64{0, wrong}, past), want)
		refused(backend.KeepBlocks(pool, parts, present, tokens(0), []int64{0, wrong}), want)
	}
	for _, wrong := range []int64{-1, rows, math.MaxInt64, math.MinInt64} {
		refused(backend.KeepBlocks(pool, parts, present, tokens(wrong), []int64{0, 1}), fmt.Sprintf("tokens: number 31 is %d, and there are %d tokens", wrong, rows))
	}
	refused(backend.KeepBlocks(pool, parts, present, tokens(0), []int64{1, 1}), "slots: number 1 is 1 again, and a slot holds one block")
	for i, now := range []kernels.Tensor{pool, present, past} {
		c.same([]string{"pool", "present", "past"}[i], now.Float32s, unchanged[i].Float32s)
	}
	return c.result()
}
