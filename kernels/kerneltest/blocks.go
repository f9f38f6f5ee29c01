package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/kernels"
)

// anyBits is a host matrix of numbers of any bits: zeros of both signs, infinities and NaN of any payload among them.
func anyBits(r *rand.Rand, typed kernels.Type, rows, cols int) kernels.Tensor {
	t := kernels.Tensor{Type: typed, Rows: rows, Cols: cols}
	if typed != kernels.Float32 {
		t.Halves = make([]uint16, rows*cols)
		for i := range t.Halves {
			t.Halves[i] = uint16(r.Uint32())
		}
		return t
	}
	t.Float32s = make([]float32, rows*cols)
	for i := range t.Float32s {
		bits := r.Uint32()
		if r.IntN(4) == 0 {
			bits |= 0x7f800000 // infinite, or NaN if a lower bit is set
		}
		t.Float32s[i] = math.Float32frombits(bits)
	}
	return t
}

// cloned is the same numbers in other memory.
func cloned(t kernels.Tensor) kernels.Tensor {
	t.Float32s, t.Halves = slices.Clone(t.Float32s), slices.Clone(t.Halves)
	return t
}

// unchanged holds a tensor to another, to the bit.
func (c *comparison) unchanged(what string, got, want kernels.Tensor) {
	if c.same(what, got.Float32s, want.Float32s); !slices.Equal(got.Halves, want.Halves) {
		c.fail("%s: numbers of %v differ in their bits", what, got.Type)
	}
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

// halfShapes are those of numbers of 16 bits, whose tokens are a whole number of words: one word, of 16 bytes and not.
var halfShapes = [][3]int{{2, 3, 5}, {8, 4, 3}, {10, 2, 4}, {66, 2, 3}, {128, 2, 2}}

// eachShape calls try with every type and every shape of it.
func eachShape(try func(typed kernels.Type, width, parts, slots int)) {
	for typed, of := range [][][3]int{kernels.Float32: shapes, kernels.Float16: halfShapes, kernels.BFloat16: halfShapes} {
		for _, shape := range of {
			try(kernels.Type(typed), shape[0], shape[1], shape[2])
		}
	}
}

// gatherShapes: every width, aligned and not; no slots, one, and more than the pool has, in any order and some twice.
func gatherShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	eachShape(func(typed kernels.Type, width, parts, slots int) {
		pool := anyBits(r, typed, slots*parts, kernels.BlockTokens*width)
		before := cloned(pool)
		for _, n := range []int{0, 1, slots + 1} {
			named := make([]int64, n)
			for i := range named {
				named[i] = r.Int64N(int64(slots))
			}
			got := anyBits(r, typed, parts*n, pool.Cols)
			want := cloned(got)
			what := fmt.Sprintf("%v, %d of %d slots, %d parts, width %d", typed, n, slots, parts, width)
			c.call(what, backend.GatherBlocks(pool, parts, named, got), kernels.Host{}.GatherBlocks(pool, parts, named, want))
			c.unchanged(what, got, want)
			c.unchanged(what+": the pool", pool, before)
		}
	})
	return c.result()
}

// keepShapes: every width; presents whose parts begin at any multiple of 4 bytes; tokens in any order and some twice;
// no block, one, and as many as the pool has.
func keepShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	eachShape(func(typed kernels.Type, width, parts, slots int) {
		for _, n := range []int{0, 1, slots} {
			rows := pick(r, 1, 15, 16, 17, 33)
			named, tokens := make([]int64, n), make([]int64, n*kernels.BlockTokens)
			for i, slot := range r.Perm(slots)[:n] {
				named[i] = int64(slot)
			}
			for i := range tokens {
				tokens[i] = r.Int64N(int64(rows))
			}
			present := anyBits(r, typed, parts*rows, width)
			before := cloned(present)
			got := anyBits(r, typed, slots*parts, kernels.BlockTokens*width)
			want := cloned(got)
			what := fmt.Sprintf("%v, %d of %d slots, %d parts, width %d, %d tokens", typed, n, slots, parts, width, rows)
			c.call(what, backend.KeepBlocks(got, parts, present, tokens, named), kernels.Host{}.KeepBlocks(want, parts, present, tokens, named))
			c.unchanged(what, got, want)
			c.unchanged(what+": the present", present, before)
		}
	})
	return c.result()
}

// thereAndBack: what is kept of a present, block after block, is gathered as the present was.
func thereAndBack(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	const parts, blocks, slots = 6, 5, 9
	for number, width := range []int{kernels.Float32: 3, kernels.Float16: 32, kernels.BFloat16: 6} {
		typed := kernels.Type(number)
		present := anyBits(r, typed, parts*blocks*kernels.BlockTokens, width)
		pool := anyBits(r, typed, slots*parts, kernels.BlockTokens*width)
		named, tokens := make([]int64, blocks), make([]int64, blocks*kernels.BlockTokens)
		for i, slot := range r.Perm(slots)[:blocks] {
			named[i] = int64(slot)
		}
		for i := range tokens {
			tokens[i] = int64(i)
		}
		past := anyBits(r, typed, parts*blocks, kernels.BlockTokens*width)
		c.call("there", backend.KeepBlocks(pool, parts, present, tokens, named))
		c.call("back", backend.GatherBlocks(pool, parts, named, past))
		c.unchanged(fmt.Sprintf("%v, width %d", typed, width), past, present)
	}
	return c.result()
}

// blocksRefused: an index out of range is an error that names it, and nothing is copied.
func blocksRefused(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	const parts, slots, width, rows = 2, 3, 4, 20
	pool, present := anyBits(r, kernels.Float32, slots*parts, kernels.BlockTokens*width), anyBits(r, kernels.Float32, parts*rows, width)
	past := anyBits(r, kernels.Float32, parts*2, kernels.BlockTokens*width)
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
		c.unchanged([]string{"pool", "present", "past"}[i], now, unchanged[i])
	}
	return c.result()
}
