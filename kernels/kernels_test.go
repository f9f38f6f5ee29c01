package kernels_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// near lets float64 numbers differ in the last digits of what is written in a test.
var near = cmpopts.EquateApprox(0, 5e-9)

// The definitions against numbers worked out elsewhere: PyTorch 2's nn functions in float64.
func TestDefinitions(t *testing.T) {
	hidden := kernels.Matrix(2, 2, []float32{1, 2, -3, 0.5})
	head := kernels.Head{
		Layers: []kernels.Layer{
			{Weight: kernels.Matrix(2, 2, []float32{0.5, -1, 2, 0.25}), Bias: kernels.Matrix(1, 2, []float32{0.25, 0})},
			{Weight: kernels.Matrix(1, 2, []float32{1, -2})},
		},
	}
	for activation, want := range map[kernels.Activation][]float64{ // of x = (-1.25, 2.5) and (-1.75, -5.875)
		kernels.Identity: {-6.25, 10},
		kernels.ReLU:     {-5, 0},
		kernels.Tanh:     {-2.82151223626, 1.05859290445},
		kernels.GELU:     {-5.10101389045, -0.0701034996696},
		kernels.SiLU:     {-4.89908427343, -0.226171704692},
	} {
		head.Activation = activation
		got, err := kernels.PooledHead(hidden, []int64{0, 1}, head)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Errorf("activation %d (-want +got):\n%s", activation, diff)
		}
	}
	pool := kernels.Matrix(4, 16, nil) // 2 slots, 2 parts, width 1: number 100·slot + 16·part + token
	for i := range 64 {
		pool.Float32s = append(pool.Float32s, float32(i/32*100+i%32))
	}
	past := kernels.Matrix(6, 16, make([]float32, 96))
	if err := (kernels.Host{}).GatherBlocks(pool, 2, []int64{1, 0, 1}, past); err != nil {
		t.Fatal(err)
	}
	for row, first := range []float32{100, 0, 100, 116, 16, 116} {
		for token := range 16 {
			if got := past.Float32s[row*16+token]; got != first+float32(token) {
				t.Errorf("past row %d, token %d is %g, want %g", row, token, got, first+float32(token))
			}
		}
	}
	present := kernels.Matrix(6, 1, []float32{1, 2, 3, 4, 5, 6}) // (2, 3, 1)
	if err := (kernels.Host{}).KeepBlocks(pool, 2, present, []int64{2, 0, 1, 1, 0, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0}, []int64{1}); err != nil {
		t.Fatal(err)
	}
	kept := []float32{3, 1, 2, 2, 1, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 6, 4, 5, 5, 4, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4}
	if diff := cmp.Diff(kept, pool.Float32s[32:]); diff != "" || pool.Float32s[31] != 31 {
		t.Errorf("what was kept (-want +got):\n%s", diff)
	}
}

// Every float16 and bfloat16 widens and narrows to itself. What lies half-way between two narrows to the even one, and
// what lies a little to either side to the nearer.
func TestHalves(t *testing.T) {
	for typed, infinity := range map[kernels.Type]uint16{kernels.Float16: 0x7c00, kernels.BFloat16: 0x7f80} {
		narrows := func(value float64, want uint16) {
			if got := typed.Narrow(float32(value)); got != want {
				t.Fatalf("%v: %g narrows to %#x, want %#x", typed, value, got, want)
			}
			if got := typed.Narrow(float32(-value)); got != want|0x8000 && value != 0 {
				t.Fatalf("%v: %g narrows to %#x, want %#x", typed, -value, got, want|0x8000)
			}
		}
		for bits := range infinity - 1 {
			value, next := typed.Widen(bits), typed.Widen(bits+1)
			middle := (value + next) / 2
			narrows(value, bits)
			narrows(middle, bits+bits%2)
			narrows(float64(math.Nextafter32(float32(middle), 0)), bits)
			narrows(float64(math.Nextafter32(float32(middle), math.MaxFloat32)), bits+1)
		}
		narrows(math.Inf(1), infinity)
		for bits := infinity + 1; bits < 0x8000; bits++ {
			if nan := typed.Widen(bits); !math.IsNaN(nan) || !math.IsNaN(typed.Widen(typed.Narrow(float32(nan)))) {
				t.Fatalf("%v: %#x is %g, and must be NaN and stay it", typed, bits, nan)
			}
		}
	}
	if got := kernels.Float16.Narrow(65520); got != 0x7c00 {
		t.Errorf("float16: 65520, the first that is too large, narrows to %#x", got)
	}
}

// The host's backend holds to the definitions as the others do, to rounding.
func TestHost(t *testing.T) {
	kerneltest.Run(t, kernels.Host{}, 1, slices.Concat(kerneltest.Checks(), kerneltest.HalfChecks()))
}

// What does not fit is refused by every backend, in a sentence that names it.
func TestRefusals(t *testing.T) {
	m := func(rows, cols int) kernels.Tensor { return kernels.Matrix(rows, cols, make([]float32, rows*cols)) }
	half := func(rows, cols int) kernels.Tensor {
		return kernels.Tensor{Type: kernels.Float16, Rows: rows, Cols: cols, Halves: make([]uint16, rows*cols)}
	}
	layer := func(units, width int) kernels.Layer { return kernels.Layer{Weight: m(units, width)} }
	pooled := func(hidden kernels.Tensor, head kernels.Head) func(kernels.Backend) error {
		return func(b kernels.Backend) error { _, err := b.PooledHead(hidden, []int64{0}, head); return err }
	}
	gather := func(pool kernels.Tensor, parts int, past kernels.Tensor, slots ...int64) func(kernels.Backend) error {
		return func(b kernels.Backend) error { return b.GatherBlocks(pool, parts, slots, past) }
	}
	keep := func(pool kernels.Tensor, parts int, present kernels.Tensor, tokens int, slots ...int64) func(kernels.Backend) error {
		return func(b kernels.Backend) error { return b.KeepBlocks(pool, parts, present, make([]int64, tokens), slots) }
	}
	for _, test := range []struct {
		want string
		call func(kernels.Backend) error
	}{
		{"hidden: (2, 3) float32 has 5 numbers, and needs 6", pooled(kernels.Matrix(2, 3, make([]float32, 5)), kernels.Head{})},
		{"hidden: type 7 is unknown", pooled(kernels.Tensor{Type: 7}, kernels.Head{})},
		{"hidden: the shape is (-1, 2)", pooled(kernels.Tensor{Rows: -1, Cols: 2}, kernels.Head{})},
		{"head: it has 0 layers, and may have 1 or 2", pooled(m(1, 2), kernels.Head{})},
		{"head: activation 2 of 1 layers", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{layer(1, 2)}, Activation: kernels.Tanh})},
		{"head: output 5 is unknown", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{layer(1, 2)}, Output: 5})},
		{"head: layer 0: weight is float32 (1, 3), and must be float32 (units, 2)", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{layer(1, 3)}})},
		{"head: layer 1: weight is float32 (1, 3), and must be float32 (units, 4)", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{layer(4, 2), layer(1, 3)}})},
		{"head: layer 0: weight is float16 (1, 2), and must be float32 (units, 2)", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{{Weight: half(1, 2)}}})},
		{"head: layer 0: bias is float32 (1, 2), and must be float32 (1, 3)", pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{{Weight: m(3, 2), Bias: m(1, 2)}}})},
		{"pool: 3 rows are no slots of 2 parts", gather(m(3, 32), 2, m(0, 32))},
		{"pool: 4 rows are no slots of 0 parts", gather(m(4, 32), 0, m(0, 32))},
		{"pool: a part of 33 numbers is no block of 16 tokens", gather(m(4, 33), 2, m(0, 33))},
		{"pool: a token of 3 numbers of float16 is no whole number of words of 4 bytes", gather(half(4, 48), 2, half(0, 48))},
		{"pool: its address is 0x1004, and must be a multiple of 16", gather(kernels.OnDevice(kernels.Float32, 4, 32, 4100), 2, m(0, 32))},
		{"past: it is float16, and must be float32, as the pool is", gather(m(4, 32), 2, half(2, 32), 0)},
		{"past: it is (2, 32), and 2 slots of 2 parts need (4, 32)", gather(m(4, 32), 2, m(2, 32), 0, 1)},
		{"past: it is (2, 16), and 1 slots of 2 parts need (2, 32)", gather(m(4, 32), 2, m(2, 16), 0)},
		{"slots: number 1 is 2, and there are 2 slots", gather(m(4, 32), 2, m(4, 32), 0, 2)},
		{"pool: a part of 33 numbers is no block of 16 tokens", keep(m(4, 33), 2, m(4, 2), 16, 0)},
		{"past: it is float32, and must be float16, as the pool is", gather(half(4, 32), 2, m(2, 32), 0)},
		{"present: it is float16, and must be float32, as the pool is", keep(m(4, 32), 2, half(4, 2), 16, 0)},
		{"present: it is (3, 2), and must be (2 · tokens, 2)", keep(m(4, 32), 2, m(3, 2), 16, 0)},
		{"present: it is (4, 3), and must be (2 · tokens, 2)", keep(m(4, 32), 2, m(4, 3), 16, 0)},
		{"tokens: there are 17, and 1 blocks have 16", keep(m(4, 32), 2, m(4, 2), 17, 0)},
		{"tokens: number 0 is 0, and there are 0 tokens", keep(m(4, 32), 2, m(0, 2), 16, 0)},
		{"slots: number 2 is 0 again, and a slot holds one block", keep(m(4, 32), 2, m(4, 2), 48, 0, 1, 0)},
	} {
		for _, backend := range []kernels.Backend{kernels.Host{}, kernels.On(cuda.New(0))} {
			if err := test.call(backend); err == nil || err.Error() != test.want {
				t.Errorf("%T: got %v, want %s", backend, err, test.want)
			}
		}
	}
	wide := kernels.Layer{Weight: kernels.OnDevice(kernels.Float32, 300000, 2, 4096)}
	err := pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{wide}})(kernels.On(cuda.New(0)))
	if want := "linear_f32: a grid of 1 by 75000 blocks is over the limit of 2147483647 by 65535"; err == nil || err.Error() != want {
		t.Errorf("too many units: got %v, want %s", err, want)
	}
	far := kernels.OnDevice(kernels.Float32, 1, 2, 4096)
	for _, call := range []func(kernels.Backend) error{
		pooled(far, kernels.Head{Layers: []kernels.Layer{layer(1, 2)}}), pooled(m(1, 2), kernels.Head{Layers: []kernels.Layer{{Weight: far}}}),
		gather(kernels.OnDevice(kernels.Float32, 1, 16, 4096), 1, m(0, 16)), gather(m(1, 16), 1, kernels.OnDevice(kernels.Float32, 1, 16, 4096), 0),
		keep(kernels.OnDevice(kernels.Float32, 1, 16, 4096), 1, m(1, 1), 0), keep(m(1, 16), 1, kernels.OnDevice(kernels.Float32, 1, 1, 4096), 0),
	} {
		if err := call(kernels.Host{}); err == nil || !strings.HasSuffix(err.Error(), "it lies on a device, and the host cannot read it") {
			t.Errorf("a device's tensor on the host: %v", err)
		}
	}
}
