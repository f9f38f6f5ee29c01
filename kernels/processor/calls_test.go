package processor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

var types = []kernels.Type{kernels.Float32, kernels.Float16, kernels.BFloat16}

// desk is the memory of one call on a machine.
type desk struct {
	*processortest.Machine
	owned []uintptr
}

// put is the address of a copy of the numbers.
func put[T any](d *desk, numbers []T) uintptr {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*int(unsafe.Sizeof(*new(T))))
	address, err := d.Alloc(len(bytes))
	if err == nil {
		err = d.Write(address, bytes)
	}
	if err != nil {
		panic(err)
	}
	d.owned = append(d.owned, address)
	return address
}

// typed is the address of a copy of numbers that are narrowed to a type.
func (d *desk) typed(typed kernels.Type, numbers []float32) uintptr {
	if typed == kernels.Float32 {
		return put(d, numbers)
	}
	halves := make([]uint16, len(numbers))
	for i, x := range numbers {
		halves[i] = typed.Narrow(x)
	}
	return put(d, halves)
}

func get[T any](d *desk, address uintptr, n int) []T {
	numbers := make([]T, n)
	if n > 0 {
		if err := d.Read(unsafe.Slice((*byte)(unsafe.Pointer(&numbers[0])), n*int(unsafe.Sizeof(numbers[0]))), address); err != nil {
			panic(err)
		}
	}
	return numbers
}

// read widens what a call has written. Every NaN becomes the same one.
func (d *desk) read(typed kernels.Type, address uintptr, n int) []float32 {
	if typed == kernels.Float32 {
		return get[float32](d, address, n)
	}
	numbers := make([]float32, n)
	for i, bits := range get[uint16](d, address, n) {
		numbers[i] = float32(typed.Widen(bits))
	}
	return numbers
}

// run computes a call and frees the memory behind it, when what it wrote is read.
func (d *desk) run(call any, read func()) {
	err := d.Run(call)
	if err == nil {
		read()
	}
	for _, address := range d.owned {
		if freed := d.Free(address); freed != nil {
			panic(freed)
		}
	}
	if err != nil {
		panic(err)
	}
}

// same says whether two rows have the same bits; a NaN is the same as any other.
func same(a, b []float32) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d numbers and %d", len(a), len(b))
	}
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && !(a[i] != a[i] && b[i] != b[i]) {
			return fmt.Errorf("number %d of %d is %g (%#x) and %g (%#x)", i, len(a), a[i], math.Float32bits(a[i]), b[i], math.Float32bits(b[i]))
		}
	}
	return nil
}

// operation is a call of an operator that makes one row of another, for any rows of so many numbers.
type operation struct {
	name  string
	typed kernels.Type
	width int
	run   func(m *processortest.Machine, x [][]float32) [][]float32
}

// random are normal numbers; about one in thirty is 0, very small, very large or both.
func random(r *rand.Rand, n int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(r.NormFloat64())
		switch r.IntN(120) {
		case 0:
			numbers[i] = 0
		case 1:
			numbers[i] *= 0x1p-127
		case 2:
			numbers[i] *= 0x1p-20
		case 3:
			numbers[i] *= 0x1p14
		}
	}
	return numbers
}

func joined(rows [][]float32) (all []float32) {
	for _, row := range rows {
		all = append(all, row...)
	}
	return all
}

// cut gives every row its part of each of the results.
func cut(rows int, results ...[]float32) [][]float32 {
	cut := make([][]float32, rows)
	for row := range cut {
		for _, result := range results {
			n := len(result) / rows
			cut[row] = append(cut[row], result[row*n:][:n]...)
		}
	}
	return cut
}

// norms are AddRmsNorm and AddLayerNorm: a row is the residual and x.
func norms(r *rand.Rand, typed kernels.Type, width int) operation {
	weight, bias, layer, behind := random(r, width), random(r, width), r.IntN(2) == 0, r.IntN(2) == 0
	return operation{"a norm", typed, 2 * width, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d, of := &desk{Machine: m}, make([][]float32, 2*len(x))
		for i, row := range x {
			of[i], of[len(x)+i] = row[:width], row[width:]
		}
		o := operators.AddLayerNorm{
			Type: typed, Tokens: len(x), Width: width, Residual: put(d, joined(of[:len(x)])), X: d.typed(typed, joined(of[len(x):])), Weight: put(d, weight),
			Bias: put(d, bias), Epsilon: 1e-5, Behind: behind, Normed: d.typed(typed, make([]float32, len(x)*width)), Flows: put(d, make([]float32, len(x)*width)),
		}
		var call any = o
		if !layer {
			call = operators.AddRmsNorm{
				Type: typed, Tokens: len(x), Width: width, Residual: o.Residual, X: o.X, Weight: o.Weight, Epsilon: o.Epsilon, Normed: o.Normed, Summed: o.Flows,
			}
		}
		d.run(call, func() {
			rows = cut(len(x), d.read(typed, o.Normed, len(x)*width), d.read(kernels.Float32, o.Flows, len(x)*width))
		})
		return rows
	}}
}

func activations(r *rand.Rand, typed kernels.Type, width int) operation {
	which := r.IntN(3)
	wide := width
	if which > 0 {
		wide *= 2
	}
	return operation{[]string{"Gelu", "SwiGLU", "GeGLU"}[which], typed, wide, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d := &desk{Machine: m}
		from, to := d.typed(typed, joined(x)), d.typed(typed, make([]float32, len(x)*width))
		var call any = operators.Gelu{Type: typed, Tokens: len(x), Width: width, X: from, Out: to}
		if which > 0 {
			call = operators.SwiGLU{Type: typed, Tokens: len(x), Width: width, GateUp: from, GELU: which == 2, Out: to}
		}
		d.run(call, func() { rows = cut(len(x), d.read(typed, to, len(x)*width)) })
		return rows
	}}
}

// quantize gives the scale and the levels of a row. Those of a row that is not finite mean nothing, and are left out.
func quantize(_ *rand.Rand, typed kernels.Type, width int) operation {
	return operation{"QuantizeRows", typed, width, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d := &desk{Machine: m}
		o := operators.QuantizeRows{Type: typed, Rows: len(x), Width: width, X: d.typed(typed, joined(x)), Levels: put(d, make([]int8, len(x)*width)), Scales: put(d, make([]float32, len(x)))}
		d.run(o, func() {
			scales, levels := get[float32](d, o.Scales, len(x)), make([]float32, len(x)*width)
			for i, level := range get[int8](d, o.Levels, len(levels)) {
				if scale := scales[i/width]; scale == scale {
					levels[i] = float32(level)
				}
			}
			rows = cut(len(x), scales, levels)
		})
		return rows
	}}
}

// linear is a product with weights of the type.
func linear(r *rand.Rand, typed kernels.Type, width int) operation {
	outputs := 1 + r.IntN(100)
	return linearOf(typed, width, outputs, random(r, outputs*width), random(r, outputs))
}

func linearOf(typed kernels.Type, width, outputs int, weight, bias []float32) operation {
	return operation{"Linear", typed, width, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d := &desk{Machine: m}
		o := processortest.Linear{
			Type: typed, Rows: len(x), Inputs: width, Outputs: outputs, X: d.typed(typed, joined(x)), Weight: d.typed(typed, weight), Bias: d.typed(typed, bias),
			Y: d.typed(typed, make([]float32, len(x)*outputs)),
		}
		d.run(o, func() { rows = cut(len(x), d.read(typed, o.Y, len(x)*outputs)) })
		return rows
	}}
}

// linear8 is a product with weights of int8. A row is its scale and its levels.
func linear8(r *rand.Rand, typed kernels.Type, width int) operation {
	outputs := 1 + r.IntN(100)
	weight := make([]int8, outputs*width)
	for i := range weight {
		weight[i] = int8(r.IntN(256) - 128)
	}
	return linear8Of(typed, width, outputs, weight, random(r, outputs), random(r, outputs))
}

func linear8Of(typed kernels.Type, width, outputs int, weight []int8, scale, bias []float32) operation {
	return operation{"Linear8", typed, 1 + width, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d := &desk{Machine: m}
		var levels []int8
		var scales []float32
		for _, row := range x {
			scales = append(scales, row[0])
			for _, number := range row[1:] { // of what is not finite some level
				levels = append(levels, level(number))
			}
		}
		o := processortest.Linear{
			Type: typed, Rows: len(x), Inputs: width, Outputs: outputs, X: put(d, levels), Weight: put(d, weight), Bias: d.typed(typed, bias),
			RowScale: put(d, scales), Scale: put(d, scale), Y: d.typed(typed, make([]float32, len(x)*outputs)),
		}
		d.run(o, func() { rows = cut(len(x), d.read(typed, o.Y, len(x)*outputs)) })
		return rows
	}}
}

// level is a number from -128 to 127, of any; many are one of those two.
func level(number float32) int8 {
	return int8(max(-128, min(127, math.RoundToEven(float64(number)*60))))
}

// rotate turns a token. A row is its position, of 40, and its numbers; it gives its queries, key and value.
func rotate(r *rand.Rand, typed kernels.Type, size int) operation {
	const places, slots = 40, 50
	groups := 1 + r.IntN(2)
	heads, turned, normed := groups*(1+r.IntN(3)), r.IntN(size/2+1)*2, r.IntN(2) == 0
	cosines, sines, norm := random(r, places*turned/2+1), random(r, places*turned/2+1), random(r, size)
	order := r.Perm(slots)
	return operation{"Rotate", typed, 1 + (heads+2*groups)*size, func(m *processortest.Machine, x [][]float32) (rows [][]float32) {
		d, own := &desk{Machine: m}, make([]int64, len(x))
		positions, qkv := make([]int64, len(x)), make([][]float32, len(x))
		for i, row := range x {
			positions[i], qkv[i], own[i] = int64(math.Float32bits(row[0])%places), row[1:], int64(order[i])
		}
		o := operators.Rotate{
			Type: typed, Tokens: len(x), Heads: heads, Groups: groups, Size: size, Turned: turned, QKV: d.typed(typed, joined(qkv)), Positions: put(d, positions),
			Places: places, Cos: put(d, cosines), Sin: put(d, sines), Epsilon: 1e-5, TokenSlots: put(d, own), Slots: slots,
			KeyPool: d.typed(typed, make([]float32, slots*groups*size)), ValuePool: d.typed(typed, make([]float32, slots*groups*size)),
			Queries: d.typed(typed, make([]float32, len(x)*heads*size)),
		}
		if normed {
			o.QueryNorm, o.KeyNorm = put(d, norm), put(d, norm)
		}
		d.run(o, func() {
			keys, values := d.read(typed, o.KeyPool, slots*groups*size), d.read(typed, o.ValuePool, slots*groups*size)
			var k, v []float32
			for _, slot := range own {
				k, v = append(k, keys[int(slot)*groups*size:][:groups*size]...), append(v, values[int(slot)*groups*size:][:groups*size]...)
			}
			rows = cut(len(x), d.read(typed, o.Queries, len(x)*heads*size), k, v)
		})
		return rows
	}}
}

// draw is an operation of any operator, type and width, and some rows for it. Sizes are drawn evenly, since rapid
// prefers small ones.
func draw(t *rapid.T) (operation, [][]float32, *rand.Rand) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	typed := rapid.SampledFrom(types).Draw(t, "type")
	of := []func(*rand.Rand, kernels.Type, int) operation{norms, activations, quantize, linear, linear8, rotate}
	o := of[rapid.IntRange(0, len(of)-1).Draw(t, "operator")](r, typed, 1+r.IntN(70))
	rows := make([][]float32, 1+r.IntN(40))
	for i := range rows {
		rows[i] = random(r, o.width)
	}
	return o, rows, r
}
