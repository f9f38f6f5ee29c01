package operators_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
	"github.com/assay-rm/assay/kernels/operators"
)

// at is an address that any memory of a call may have, since no kernel is started here.
const at = 4096

var (
	norm = operators.AddRmsNorm{
		Type: kernels.BFloat16, Tokens: 3, Width: 16, Residual: at, X: at, Weight: at, Epsilon: 1, Normed: at, Summed: at,
	}
	layerNorm = operators.AddLayerNorm{
		Type: kernels.Float16, Tokens: 3, Width: 16, Residual: at, X: at, Weight: at, Bias: at, Epsilon: 1, Behind: true, Normed: at, Flows: at,
	}
	gelu   = operators.Gelu{Type: kernels.BFloat16, Tokens: 3, Width: 4104, X: at, Out: at}
	gate   = operators.SwiGLU{Type: kernels.Float16, Tokens: 3, Width: 4104, GateUp: at, Out: at}
	rotate = operators.Rotate{
		Type: kernels.Float16, Tokens: 3, Heads: 8, Groups: 2, Size: 128, Turned: 64, QKV: at, Positions: at, Places: 10, Cos: at, Sin: at,
		TokenSlots: at, Slots: 20, KeyPool: at, ValuePool: at, Queries: at,
	}
	quantize  = operators.QuantizeRows{Type: kernels.Float16, Rows: 3, Width: 131072, X: at, Levels: at, Scales: 4100}
	scale     = operators.ScaleSums{Type: kernels.BFloat16, Rows: 3, Width: 2056, Sums: at, RowScales: 4100, Scales: at, Bias: at, Y: at}
	attention = operators.TileAttention{
		Type: kernels.BFloat16, Tokens: 50, Heads: 8, Groups: 2, Size: 64, Queries: at, Positions: at, Tiles: 3, TileQueries: 17, TileKeys: 30,
		QueryIndex: at, KeySlots: at, KeyLen: at, ScatterIndex: at, Slots: 99, KeyPool: at, ValuePool: at, Scale: 0.5, Window: 7, Causal: true, Out: at,
	}
)

// changed is a call with one thing changed.
func changed[T any](call T, change func(*T)) T {
	change(&call)
	return call
}

type call interface {
	Launch() (operators.Launch, error)
}

// A launch has the kernel of its types and sizes, as many arguments as it has parameters, and a grid that covers the
// call; of no tokens it is nothing.
func TestLaunches(t *testing.T) {
	parameters := cuda.Kernels()
	for _, test := range []struct {
		call   call
		kernel string
		grid   [2]int
		block  int
	}{
		{norm, "add_rms_norm_bf16", [2]int{3, 1}, 256},
		{changed(norm, func(o *operators.AddRmsNorm) { o.Type, o.Residual = kernels.Float16, 0 }), "add_rms_norm_f16", [2]int{3, 1}, 256},
		{changed(norm, func(o *operators.AddRmsNorm) { o.Tokens, o.X, o.Normed, o.Summed = 0, 0, 0, 0 }), "add_rms_norm_bf16", [2]int{0, 1}, 256},
		{layerNorm, "add_layer_norm_f16", [2]int{3, 1}, 256},
		{changed(layerNorm, func(o *operators.AddLayerNorm) { o.Type, o.Residual, o.Bias = kernels.BFloat16, 0, 0 }), "add_layer_norm_bf16", [2]int{3, 1}, 256},
		{changed(layerNorm, func(o *operators.AddLayerNorm) { o.Tokens, o.X, o.Normed, o.Flows = 0, 0, 0, 0 }), "add_layer_norm_f16", [2]int{0, 1}, 256},
		{gelu, "gelu_bf16", [2]int{3, 3}, 256},
		{changed(gelu, func(o *operators.Gelu) { o.Tokens, o.X, o.Out = 0, 0, 0 }), "gelu_bf16", [2]int{0, 3}, 256},
		{gate, "swiglu_f16", [2]int{3, 3}, 256},
		{changed(gate, func(o *operators.SwiGLU) { o.GELU, o.Width = true, 2048 }), "geglu_f16", [2]int{3, 1}, 256},
		{quantize, "quantize_rows_f16", [2]int{3, 1}, 256},
		{changed(quantize, func(o *operators.QuantizeRows) { o.Rows, o.X, o.Levels, o.Scales = 0, 0, 0, 0 }), "quantize_rows_f16", [2]int{0, 1}, 256},
		{scale, "scale_sums_bf16", [2]int{3, 2}, 256},
		{changed(scale, func(o *operators.ScaleSums) { o.Rows, o.Sums, o.RowScales, o.Y = 0, 0, 0, 0 }), "scale_sums_bf16", [2]int{0, 2}, 256},
		{rotate, "rotate_f16", [2]int{3, 2}, 128},
		{changed(rotate, func(o *operators.Rotate) { o.QueryNorm, o.KeyNorm, o.Groups = at, at, 8 }), "rotate_f16", [2]int{3, 3}, 128},
		{changed(rotate, func(o *operators.Rotate) { o.TokenSlots, o.Slots = 0, 3 }), "rotate_f16", [2]int{3, 2}, 128},
		{attention, "attention_64_bf16", [2]int{6, 2}, 128},
		{changed(attention, func(o *operators.TileAttention) { o.Tiles = 0 }), "attention_64_bf16", [2]int{0, 2}, 128},
	} {
		launch, err := test.call.Launch()
		if err != nil {
			t.Errorf("%s: %v", test.kernel, err)
			continue
		}
		if n := parameters[launch.Kernel]; n != len(launch.Arguments) {
			t.Errorf("%s: %d arguments, and the kernel has %d parameters", launch.Kernel, len(launch.Arguments), n)
		}
		launch.Arguments = nil
		if diff := cmp.Diff(operators.Launch{Kernel: test.kernel, Grid: test.grid, Block: test.block}, launch); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.kernel, diff)
		}
		if test.grid[0] == 0 {
			if err := launch.On(cuda.New(0)); err != nil {
				t.Errorf("%s of nothing: %v", launch.Kernel, err)
			}
		}
	}
}

// What no kernel covers is refused in a sentence that names the operator, the size and the limit.
func TestRefusals(t *testing.T) {
	norms := func(change func(*operators.AddRmsNorm)) call { return changed(norm, change) }
	layerNorms := func(change func(*operators.AddLayerNorm)) call { return changed(layerNorm, change) }
	gelus := func(change func(*operators.Gelu)) call { return changed(gelu, change) }
	gates := func(change func(*operators.SwiGLU)) call { return changed(gate, change) }
	quantizes := func(change func(*operators.QuantizeRows)) call { return changed(quantize, change) }
	scales := func(change func(*operators.ScaleSums)) call { return changed(scale, change) }
	rotates := func(change func(*operators.Rotate)) call { return changed(rotate, change) }
	attentions := func(change func(*operators.TileAttention)) call { return changed(attention, change) }
	for _, test := range []struct {
		want string
		call call
	}{
		{"AddRmsNorm: it computes in float16 or bfloat16, and not in float32", norms(func(o *operators.AddRmsNorm) { o.Type = kernels.Float32 })},
		{"AddRmsNorm: the width is 20, and must be a multiple of 8, since a load takes 16 bytes", norms(func(o *operators.AddRmsNorm) { o.Width = 20 })},
		{"AddRmsNorm: the width is 0, and must be from 8 to 2147483647", norms(func(o *operators.AddRmsNorm) { o.Width = 0 })},
		{"AddRmsNorm: the number of tokens is -1, and must be from 0 to 2147483647", norms(func(o *operators.AddRmsNorm) { o.Tokens = -1 })},
		{"AddRmsNorm: x has no memory", norms(func(o *operators.AddRmsNorm) { o.X = 0 })},
		{"AddRmsNorm: residual lies at 0x1008, and must lie at a multiple of 16", norms(func(o *operators.AddRmsNorm) { o.Residual = 4104 })},
		{"AddLayerNorm: it computes in float16 or bfloat16, and not in float32", layerNorms(func(o *operators.AddLayerNorm) { o.Type = kernels.Float32 })},
		{"AddLayerNorm: the width is 20, and must be a multiple of 8, since a load takes 16 bytes", layerNorms(func(o *operators.AddLayerNorm) { o.Width = 20 })},
		{"AddLayerNorm: weight has no memory", layerNorms(func(o *operators.AddLayerNorm) { o.Weight = 0 })},
		{"AddLayerNorm: flows has no memory", layerNorms(func(o *operators.AddLayerNorm) { o.Flows = 0 })},
		{"AddLayerNorm: bias lies at 0x1004, and must lie at a multiple of 16", layerNorms(func(o *operators.AddLayerNorm) { o.Bias = 4100 })},
		{"Gelu: it computes in float16 or bfloat16, and not in type 7", gelus(func(o *operators.Gelu) { o.Type = 7 })},
		{"Gelu: the number of tokens is -1, and must be from 0 to 2147483647", gelus(func(o *operators.Gelu) { o.Tokens = -1 })},
		{"Gelu: the width is 4, and must be from 8 to 2147483647", gelus(func(o *operators.Gelu) { o.Width = 4 })},
		{"Gelu: x has no memory", gelus(func(o *operators.Gelu) { o.X = 0 })},
		{"Gelu: 3 by 1048576 blocks are over the limit of 2147483647 by 65535; send fewer tokens in one forward", gelus(func(o *operators.Gelu) { o.Width = 1<<31 - 8 })},
		{"SwiGLU: it computes in float16 or bfloat16, and not in type 7", gates(func(o *operators.SwiGLU) { o.Type = 7 })},
		{"SwiGLU: the width is 4100, and must be a multiple of 8, since a load takes 16 bytes", gates(func(o *operators.SwiGLU) { o.Width = 4100 })},
		{"SwiGLU: 3 by 1048576 blocks are over the limit of 2147483647 by 65535; send fewer tokens in one forward", gates(func(o *operators.SwiGLU) { o.Width = 1<<31 - 8 })},
		{"QuantizeRows: it computes in float16 or bfloat16, and not in float32", quantizes(func(o *operators.QuantizeRows) { o.Type = kernels.Float32 })},
		{"QuantizeRows: the number of rows is -1, and must be from 0 to 2147483647", quantizes(func(o *operators.QuantizeRows) { o.Rows = -1 })},
		{"QuantizeRows: the width is 40, and must be a multiple of 16, since a load takes 16 bytes", quantizes(func(o *operators.QuantizeRows) { o.Width = 40 })},
		{"QuantizeRows: the width is 8, and must be from 16 to 131072", quantizes(func(o *operators.QuantizeRows) { o.Width = 8 })},
		{"QuantizeRows: the width is 131088, and must be from 16 to 131072", quantizes(func(o *operators.QuantizeRows) { o.Width = 131088 })},
		{"QuantizeRows: levels lies at 0x1008, and must lie at a multiple of 16", quantizes(func(o *operators.QuantizeRows) { o.Levels = 4104 })},
		{"QuantizeRows: scales lies at 0x1002, and must lie at a multiple of 4", quantizes(func(o *operators.QuantizeRows) { o.Scales = 4098 })},
		{"QuantizeRows: scales has no memory", quantizes(func(o *operators.QuantizeRows) { o.Scales = 0 })},
		{"ScaleSums: it computes in float16 or bfloat16, and not in type 7", scales(func(o *operators.ScaleSums) { o.Type = 7 })},
		{"ScaleSums: the width is 2052, and must be a multiple of 8, since a load takes 16 bytes", scales(func(o *operators.ScaleSums) { o.Width = 2052 })},
		{"ScaleSums: row scales has no memory", scales(func(o *operators.ScaleSums) { o.RowScales = 0 })},
		{"ScaleSums: bias has no memory", scales(func(o *operators.ScaleSums) { o.Bias = 0 })},
		{"ScaleSums: sums lies at 0x1004, and must lie at a multiple of 16", scales(func(o *operators.ScaleSums) { o.Sums = 4100 })},
		{"ScaleSums: 3 by 1048576 blocks are over the limit of 2147483647 by 65535; send fewer tokens in one forward", scales(func(o *operators.ScaleSums) { o.Width = 1<<31 - 8 })},
		{"Rotate: 8 query heads are no multiple of 3 key heads", rotates(func(o *operators.Rotate) { o.Groups = 3 })},
		{"Rotate: the number of key heads is 0, and must be from 1 to 1024", rotates(func(o *operators.Rotate) { o.Groups = 0 })},
		{"Rotate: the size of a head is 100, and must be a multiple of 8, since a load takes 16 bytes", rotates(func(o *operators.Rotate) { o.Size = 100 })},
		{"Rotate: the number of turned numbers is 20, and must be a multiple of 16, since a load takes 16 bytes", rotates(func(o *operators.Rotate) { o.Turned = 20 })},
		{"Rotate: the number of turned numbers is 144, and must be from 0 to 128", rotates(func(o *operators.Rotate) { o.Turned = 144 })},
		{"Rotate: one of queries and keys has a norm, and the other has none", rotates(func(o *operators.Rotate) { o.KeyNorm = at })},
		{"Rotate: the number of slots is 0, and must be from 1 to 2147483647", rotates(func(o *operators.Rotate) { o.Slots = 0 })},
		{"Rotate: without token slots each token takes a slot, and there are 2 for 3 tokens", rotates(func(o *operators.Rotate) { o.TokenSlots, o.Slots = 0, 2 })},
		{"Rotate: token slots lies at 0x1004, and must lie at a multiple of 8", rotates(func(o *operators.Rotate) { o.TokenSlots = 4100 })},
		{"TileAttention: there is no kernel for heads of 48 numbers, but for [32 64 80 96 128 256]", attentions(func(o *operators.TileAttention) { o.Size = 48 })},
		{"TileAttention: the window is 0, and must be from 1 to 2147483647", attentions(func(o *operators.TileAttention) { o.Window = 0 })},
		{"TileAttention: the scale is 0 and the softcap 0, and must be above 0, and 0 or above", attentions(func(o *operators.TileAttention) { o.Scale = 0 })},
		{"TileAttention: key pool has no memory", attentions(func(o *operators.TileAttention) { o.KeyPool = 0 })},
		{"TileAttention: 65536 tiles of 65536 queries are over the limit of 2147483647 queries; send fewer tokens in one forward", attentions(func(o *operators.TileAttention) { o.Tiles, o.TileQueries = 1<<16, 1<<16 })},
	} {
		launch, err := test.call.Launch()
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
		if launch.Kernel != "" {
			t.Errorf("%s: a launch of %s", test.want, launch.Kernel)
		}
	}
}

// Every kernel of the operators is one that a call can ask for.
func TestEveryKernelIsAskedFor(t *testing.T) {
	asked := map[string]bool{}
	for _, typed := range []kernels.Type{kernels.Float16, kernels.BFloat16} {
		calls := []call{
			changed(norm, func(o *operators.AddRmsNorm) { o.Type = typed }), changed(rotate, func(o *operators.Rotate) { o.Type = typed }),
			changed(gate, func(o *operators.SwiGLU) { o.Type = typed }), changed(gate, func(o *operators.SwiGLU) { o.Type, o.GELU = typed, true }),
			changed(layerNorm, func(o *operators.AddLayerNorm) { o.Type = typed }), changed(gelu, func(o *operators.Gelu) { o.Type = typed }),
			changed(quantize, func(o *operators.QuantizeRows) { o.Type = typed }), changed(scale, func(o *operators.ScaleSums) { o.Type = typed }),
		}
		for _, size := range []int{32, 64, 80, 96, 128, 256} {
			calls = append(calls, changed(attention, func(o *operators.TileAttention) { o.Type, o.Size = typed, size }))
		}
		for _, call := range calls {
			launch, err := call.Launch()
			if err != nil {
				t.Fatal(err)
			}
			asked[launch.Kernel] = true
		}
	}
	for kernel := range cuda.Kernels() {
		of := strings.HasPrefix(kernel, "linear") || strings.HasSuffix(kernel, "_blocks") || kernel == "softmax_rows"
		if !of && !asked[kernel] {
			t.Errorf("no call asks for %s", kernel)
		}
	}
}
