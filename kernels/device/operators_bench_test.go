//go:build gpu

package device

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// benchmarkOperators times the operators at the shapes of a layer of 8 billion parameters, in bfloat16: 8,192 tokens in
// sequences of one length. A fake device gets small shapes.
func benchmarkOperators(b *testing.B, d *Device) {
	b.Helper()
	tokens, hidden, wide, heads, groups, lengths := 8192, 4096, 14336, 32, 8, []int{512, 2048, 8192}
	if d.Name() == fake {
		tokens, hidden, wide, heads, groups, lengths = 16, 64, 64, 2, 1, []int{8}
	}
	const size, places = 128, 8192
	b.Run(fmt.Sprintf("add_rms_norm/%dx%d", tokens, hidden), func(b *testing.B) {
		room := rooms(b, d)
		numbers := tokens * hidden
		launch, err := operators.AddRmsNorm{
			Type: kernels.BFloat16, Tokens: tokens, Width: hidden, Residual: room(4 * numbers), X: room(2 * numbers), Weight: room(4 * hidden),
			Epsilon: 1e-5, Normed: room(2 * numbers), Summed: room(4 * numbers),
		}.Launch()
		launched(b, d, 12*numbers, launch, err)
	})
	b.Run(fmt.Sprintf("swiglu/%dx%d", tokens, wide), func(b *testing.B) {
		room := rooms(b, d)
		numbers := tokens * wide
		launch, err := operators.SwiGLU{Type: kernels.BFloat16, Tokens: tokens, Width: wide, GateUp: room(4 * numbers), Out: room(2 * numbers)}.Launch()
		launched(b, d, 6*numbers, launch, err)
	})
	for _, width := range []int{hidden, wide} {
		b.Run(fmt.Sprintf("quantize_rows/%dx%d", tokens, width), func(b *testing.B) {
			room := rooms(b, d)
			numbers := tokens * width
			launch, err := operators.QuantizeRows{
				Type: kernels.BFloat16, Rows: tokens, Width: width, X: uintptr(put(b, d, ordinary(numbers))), Levels: room(numbers), Scales: room(4 * tokens),
			}.Launch()
			launched(b, d, 3*numbers, launch, err)
		})
	}
	for _, width := range []int{hidden, 2 * wide} {
		b.Run(fmt.Sprintf("scale_sums/%dx%d", tokens, width), func(b *testing.B) {
			room := rooms(b, d)
			numbers := tokens * width
			launch, err := operators.ScaleSums{
				Type: kernels.BFloat16, Rows: tokens, Width: width, Sums: room(4 * numbers), RowScales: room(4 * tokens), Scales: room(4 * width),
				Bias: room(2 * width), Y: room(2 * numbers),
			}.Launch()
			launched(b, d, 6*numbers, launch, err)
		})
	}
	b.Run(fmt.Sprintf("rotate/%dx%dx%d", tokens, heads+2*groups, size), func(b *testing.B) {
		room := rooms(b, d)
		row := (heads + 2*groups) * size
		launch, err := operators.Rotate{
			Type: kernels.BFloat16, Tokens: tokens, Heads: heads, Groups: groups, Size: size, Turned: size, QKV: room(2 * tokens * row),
			Positions: uintptr(indices(b, d, tokens, tokens)), Places: places, Cos: room(2 * places * size), Sin: room(2 * places * size),
			TokenSlots: uintptr(indices(b, d, tokens, tokens)), Slots: tokens, KeyPool: room(2 * tokens * groups * size),
			ValuePool: room(2 * tokens * groups * size), Queries: room(2 * tokens * heads * size),
		}.Launch()
		launched(b, d, 4*tokens*row, launch, err)
	})
	for _, length := range lengths {
		b.Run(fmt.Sprintf("attention/%dx%dx%d/%d", heads, groups, size, length), func(b *testing.B) {
			room := rooms(b, d)
			tiles := tokens / length
			order := make([]int64, tokens)
			positions, lens := make([]int64, tokens), make([]int64, tiles)
			for t := range tokens {
				order[t], positions[t], lens[t/length] = int64(t), int64(t%length), int64(length)
			}
			all := func(numbers []int64) uintptr { return uintptr(written(b, d, numbers)) }
			launch, err := operators.TileAttention{
				Type: kernels.BFloat16, Tokens: tokens, Heads: heads, Groups: groups, Size: size, Queries: room(2 * tokens * heads * size),
				Positions: all(positions), Tiles: tiles, TileQueries: length, TileKeys: length, QueryIndex: all(order), KeySlots: all(order),
				KeyLen: all(lens), ScatterIndex: all(order), Slots: tokens, KeyPool: room(2 * tokens * groups * size),
				ValuePool: room(2 * tokens * groups * size), Scale: float32(1 / math.Sqrt(size)), Window: math.MaxInt32, Causal: true,
				Out: room(2 * tokens * heads * size),
			}.Launch()
			seconds := launched(b, d, 4*tokens*(heads+groups)*size, launch, err)
			pairs := tokens * (length + 1) / 2
			b.ReportMetric(4*float64(pairs)*float64(heads)*size/seconds/1e12, "TFLOP/s")
		})
	}
}

// benchmarkEncoders times what encoders have besides, at the shapes of XLM-R large and ModernBERT large, in float16 and
// for 8,192 tokens. A fake device gets small shapes.
func benchmarkEncoders(b *testing.B, d *Device) {
	b.Helper()
	tokens, hidden, wide, gated, heads := 8192, 1024, 4096, 2624, 16
	if d.Name() == fake {
		tokens, hidden, wide, gated, heads = 16, 64, 64, 64, 2
	}
	const size, places = 64, 8192
	for _, behind := range []bool{false, true} {
		b.Run(fmt.Sprintf("add_layer_norm/%dx%d/behind=%v", tokens, hidden, behind), func(b *testing.B) {
			room := rooms(b, d)
			numbers := tokens * hidden
			launch, err := operators.AddLayerNorm{
				Type: kernels.Float16, Tokens: tokens, Width: hidden, Residual: room(4 * numbers), X: room(2 * numbers), Weight: room(4 * hidden),
				Bias: room(4 * hidden), Epsilon: 1e-5, Behind: behind, Normed: room(2 * numbers), Flows: room(4 * numbers),
			}.Launch()
			launched(b, d, 12*numbers, launch, err)
		})
	}
	b.Run(fmt.Sprintf("gelu/%dx%d", tokens, wide), func(b *testing.B) {
		room := rooms(b, d)
		numbers := tokens * wide
		launch, err := operators.Gelu{Type: kernels.Float16, Tokens: tokens, Width: wide, X: room(2 * numbers), Out: room(2 * numbers)}.Launch()
		launched(b, d, 4*numbers, launch, err)
	})
	b.Run(fmt.Sprintf("geglu/%dx%d", tokens, gated), func(b *testing.B) {
		room := rooms(b, d)
		numbers := tokens * gated
		launch, err := operators.SwiGLU{
			Type: kernels.Float16, Tokens: tokens, Width: gated, GateUp: room(4 * numbers), GELU: true, Out: room(2 * numbers),
		}.Launch()
		launched(b, d, 6*numbers, launch, err)
	})
	b.Run(fmt.Sprintf("rotate/%dx%dx%d/without slots", tokens, 3*heads, size), func(b *testing.B) {
		room := rooms(b, d)
		row := heads * size
		launch, err := operators.Rotate{
			Type: kernels.Float16, Tokens: tokens, Heads: heads, Groups: heads, Size: size, Turned: size, QKV: room(6 * tokens * row),
			Positions: uintptr(indices(b, d, tokens, tokens)), Places: places, Cos: room(2 * places * size), Sin: room(2 * places * size),
			Slots: tokens, KeyPool: room(2 * tokens * row), ValuePool: room(2 * tokens * row), Queries: room(2 * tokens * row),
		}.Launch()
		launched(b, d, 12*tokens*row, launch, err)
	})
}

// ordinary are bfloat16 numbers of either sign from a half to two: a division of what is very small takes longer.
func ordinary(n int) []byte {
	numbers := make([]byte, 2*n)
	rand.NewChaCha8([32]byte{}).Read(numbers) //nolint:errcheck // it gives none
	for i := 1; i < len(numbers); i += 2 {
		numbers[i] = 0x3f | numbers[i]&0x80
	}
	return numbers
}

// rooms gives memory of zeros for one benchmark.
func rooms(b *testing.B, d *Device) func(bytes int) uintptr {
	b.Helper()
	return func(bytes int) uintptr { return uintptr(scratch(b, d, bytes)) }
}

// launched measures a launch that reads and writes so many bytes.
func launched(b *testing.B, d *Device, bytes int, launch operators.Launch, err error) float64 {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	return measure(b, d, bytes, launch.Kernel, launch.Grid, launch.Block, launch.Arguments...)
}
