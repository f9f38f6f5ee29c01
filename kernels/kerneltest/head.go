package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/assay-rm/assay/kernels"
)

func headLimit() *comparison { return &comparison{abs: 1e-6, rel: 1e-6} }

// head is a random head of some layers; with biases or without.
func head(r *rand.Rand, width, middle, labels int, activation kernels.Activation, output kernels.Output) kernels.Head {
	layer := func(units, width int) kernels.Layer {
		layer := kernels.Layer{Weight: normal(r, kernels.Float32, units, width, 1/math.Sqrt(float64(width)))}
		if r.IntN(2) == 0 {
			layer.Bias = normal(r, kernels.Float32, 1, units, 1)
		}
		return layer
	}
	if middle == 0 {
		return kernels.Head{Layers: []kernels.Layer{layer(labels, width)}, Output: output}
	}
	return kernels.Head{Layers: []kernels.Layer{layer(middle, width), layer(labels, middle)}, Activation: activation, Output: output}
}

var (
	activations = []kernels.Activation{kernels.Identity, kernels.ReLU, kernels.Tanh, kernels.GELU, kernels.SiLU}
	outputs     = []kernels.Output{kernels.Plain, kernels.Sigmoid, kernels.Softmax}
)

// headShapes: every width, activation and output, types in turn, rows in any order, some twice and some that do not
// exist.
func headShapes(types ...kernels.Type) func(kernels.Backend, uint64) (Worst, error) {
	return func(backend kernels.Backend, seed uint64) (Worst, error) {
		r, c := random(seed), headLimit()
		for at, width := range append([]int{4099}, sizes...) {
			for turn := range 3 {
				typed, source, labels, middle := types[turn%len(types)], pick(r, 1, 4, 33), pick(r, 1, 3, 5), pick(r, 0, 1, 7)
				activation, output := activations[(at+turn)%len(activations)], outputs[at%len(outputs)]
				hidden := normal(r, typed, source, width, 1)
				rows := make([]int64, pick(r, 1, 3, 4, 5, 9))
				for i := range rows {
					rows[i] = r.Int64N(int64(source))
				}
				rows[r.IntN(len(rows))] = pick(r, -1, int64(source), math.MaxInt64, math.MinInt64, 0)
				what := fmt.Sprintf("%v (%d, %d), %d rows, layers of %d and %d, activation %d, output %d",
					typed, source, width, len(rows), middle, labels, activation, output)
				head := head(r, width, middle, labels, activation, output)
				got, err := backend.PooledHead(hidden, rows, head)
				want, wrong := kernels.PooledHead(hidden, rows, head)
				c.call(what, err, wrong)
				c.near(what, got, want)
			}
		}
		return c.result()
	}
}

// headBatch: a row has the same bits alone and at any place of any batch.
func headBatch(typed kernels.Type) func(kernels.Backend, uint64) (Worst, error) {
	return func(backend kernels.Backend, seed uint64) (Worst, error) {
		r, c := random(seed), headLimit()
		for _, output := range outputs {
			const source, labels = 6, 3
			hidden := normal(r, typed, source, 259, 1)
			head := head(r, 259, 6, labels, kernels.GELU, output)
			rows := make([]int64, source)
			for i, row := range r.Perm(source) {
				rows[i] = int64(row)
			}
			batch, err := backend.PooledHead(hidden, rows, head)
			c.call("batch", err)
			for i, row := range rows {
				alone, err := backend.PooledHead(hidden, []int64{row}, head)
				c.call("alone", err)
				if c.err == nil {
					c.same(fmt.Sprintf("output %d, row %d alone", output, row), alone, batch[i*labels:(i+1)*labels])
				}
			}
		}
		return c.result()
	}
}

// headNotFinite: NaN and infinity in one row stay in that row, and each output and activation makes of them what the
// definition does.
func headNotFinite(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{abs: 1e-3, rel: 1e-4} // large numbers cancel, which is not what is tried here
	infinity, nan := float32(math.Inf(1)), float32(math.NaN())
	numbers := []float32{nan, 1, infinity, 1, -infinity, 1, 1, 1, 2e4, 1, -2e4, 1}
	for _, activation := range activations {
		for _, output := range outputs {
			hidden := kernels.Matrix(6, 2, numbers)
			head := head(r, 2, 3, 2, activation, output)
			got, err := backend.PooledHead(hidden, []int64{0, 1, 2, 3, 4, 5}, head)
			want, wrong := kernels.PooledHead(hidden, []int64{0, 1, 2, 3, 4, 5}, head)
			c.call("not finite", err, wrong)
			c.near(fmt.Sprintf("activation %d, output %d", activation, output), got, want)
		}
	}
	return c.result()
}

// everyExponent: a number of 16 bits is read as its value, to the last bit: of each sign and exponent the smallest
// fraction, the largest, and one between.
func everyExponent(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	one := kernels.Head{Layers: []kernels.Layer{{Weight: kernels.Matrix(1, 1, []float32{1})}}}
	for typed, fractions := range map[kernels.Type]int{kernels.Float16: 1 << 10, kernels.BFloat16: 1 << 7} {
		var bits []uint16
		var rows []int64
		for first := 0; first < 1<<16; first += fractions {
			for _, fraction := range []int{0, 1 + r.IntN(fractions-2), fractions - 1} {
				bits, rows = append(bits, uint16(first+fraction)), append(rows, int64(len(rows)))
			}
		}
		got, err := backend.PooledHead(kernels.Tensor{Type: typed, Rows: len(bits), Cols: 1, Halves: bits}, rows, one)
		c.call(typed.String(), err)
		want := make([]float64, len(bits))
		for i := range want {
			want[i] = typed.Widen(bits[i])
		}
		c.near(typed.String(), got, want)
	}
	return c.result()
}
