package processor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// everyFloat is a million numbers whose bits are drawn, so of every exponent, subnormal, infinite and NaN, and what
// lies half-way between two numbers of each type and just beside.
func everyFloat() []float32 {
	r := rand.New(rand.NewPCG(1, 9))
	var numbers []float32
	for range 1 << 18 {
		bits := r.Uint32()
		numbers = append(numbers, math.Float32frombits(bits))
		for _, low := range []uint32{12, 15} { // float16's last bit but one of a float32's, and bfloat16's
			half := bits>>low<<low | 1<<low
			numbers = append(numbers, math.Float32frombits(half), math.Float32frombits(half+uint32(r.IntN(3))-1))
		}
		small := float32(math.Ldexp(float64(r.IntN(1<<13)), -26-r.IntN(3)))
		numbers = append(numbers, small, -small, 65504+float32(r.IntN(33)))
	}
	return numbers
}

// What a kernel stores is rounded as [kernels.Type.Narrow] does, in every tier.
func TestNumbersAreNarrowed(t *testing.T) {
	const outputs = 1 << 12
	all := everyFloat()
	weight := make([]int8, outputs)
	for i := range weight {
		weight[i] = 1
	}
	for _, m := range processortest.Machines() {
		for _, typed := range types[1:] {
			for at := 0; at+outputs <= len(all); at += outputs {
				scale := all[at:][:outputs] // 1 · 1 · scale · 1 + 0
				got := linear8Of(typed, 1, outputs, weight, scale, make([]float32, outputs)).run(m, [][]float32{{1, 1. / 60}})[0]
				want := make([]float32, outputs)
				for i, x := range scale {
					want[i] = x + 0
				}
				if err := same(got, narrowed(typed, want)); err != nil {
					t.Fatalf("%v, %v: %v", m, typed, err)
				}
			}
		}
	}
}

// What a kernel reads is widened as [kernels.Type.Widen] does, in every tier.
func TestNumbersAreWidened(t *testing.T) {
	const width = 1 << 12
	residual, weight := make([]float32, 1<<16), make([]float32, width)
	for i := range residual {
		residual[i] = float32(math.Copysign(0, -1)) // to which a zero of either sign is added as it is
	}
	for _, m := range processortest.Machines() {
		for _, typed := range types[1:] {
			d, x, want := &desk{Machine: m}, make([]uint16, 1<<16), make([]float32, 1<<16)
			for i := range x {
				x[i] = uint16(i)
				want[i] = float32(typed.Widen(x[i]))
			}
			o := operators.AddRmsNorm{
				Type: typed, Tokens: len(x) / width, Width: width, Residual: put(d, residual), X: put(d, x), Weight: put(d, weight), Normed: put(d, x), Summed: put(d, residual),
			}
			d.run(o, func() {
				if err := same(get[float32](d, o.Summed, len(x)), want); err != nil {
					t.Errorf("%v, %v: %v", m, typed, err)
				}
			})
		}
	}
}

// ulp is the distance of two neighbouring float32 at a number.
func ulp(x float64) float64 {
	_, exponent := math.Frexp(x)
	return math.Ldexp(1, max(exponent-24, -149))
}

// SiLU, and GELU of positive numbers, are within 3 units in the last place of float64's. Of negative numbers, where
// what is near 1 is taken from 1, GELU is within 16, and below -1.4, where it is the exponential of a logarithm, within
// 2^-17 of itself, down to 1e-15.
func TestActivations(t *testing.T) {
	const width = 1 << 14
	r := rand.New(rand.NewPCG(1, 10))
	x := make([]float32, width)
	for i := range x {
		x[i] = float32((r.Float64() - 0.5) * math.Ldexp(1, r.IntN(40)-34))
	}
	for _, m := range processortest.Machines() {
		silu, gelu, below := 0.0, 0.0, 0.0
		d := &desk{Machine: m}
		gate := append(append([]float32{}, x...), x...)
		for i := range x {
			gate[width+i] = 1
		}
		o := operators.SwiGLU{Type: kernels.Float32, Tokens: 1, Width: width, GateUp: put(d, gate), Out: put(d, make([]float32, width))}
		d.run(o, func() {
			for i, y := range get[float32](d, o.Out, width) {
				if v := float64(x[i]); v > -80 {
					want := v / (1 + math.Exp(-v))
					silu = max(silu, math.Abs(float64(y)-want)/ulp(want))
				}
			}
		})
		d = &desk{Machine: m}
		g := operators.Gelu{Type: kernels.Float32, Tokens: 1, Width: width, X: put(d, x), Out: put(d, make([]float32, width))}
		d.run(g, func() {
			for i, y := range get[float32](d, g.Out, width) {
				v := float64(x[i])
				want := v * math.Erfc(-v/math.Sqrt2) / 2
				switch off := math.Abs(float64(y) - want); {
				case v < 0 && v > -1.4:
					below = max(below, off/ulp(want))
				case v >= 0:
					gelu = max(gelu, off/ulp(want))
				case v > -8.4 && !(off <= 0x1p-17*math.Abs(want)):
					t.Fatalf("%v: GELU of %g is %g, want %g: off by %.3g of it", m, v, y, want, off/math.Abs(want))
				case v <= -8.4 && !(off <= 1e-15):
					t.Fatalf("%v: GELU of %g is %g, want %g", m, v, y, want)
				}
			}
		})
		t.Logf("%v: SiLU within %.2f units in the last place, GELU %.2f, and below zero %.2f", m, silu, gelu, below)
		if !(silu <= 3) || !(gelu <= 3) || !(below <= 16) {
			t.Errorf("%v: SiLU is off by %.2f units in the last place, GELU by %.2f, and below zero by %.2f", m, silu, gelu, below)
		}
	}
}

// Rows become levels as ONNX's QuantizeLinear has it, ties to even, with the scale max|x| / 127.
func TestLevels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	for _, m := range processortest.Machines() {
		for range 200 {
			typed, width := types[r.IntN(3)], 1+r.IntN(70)
			row := random(r, width)
			if r.IntN(2) == 0 {
				for i := range row {
					row[i] = float32(r.IntN(255)-127) / 2
				}
				row[r.IntN(width)] = 127
			}
			row = narrowed(typed, row)
			most := float32(0)
			for _, x := range row {
				most = max(most, x, -x)
			}
			want := []float32{max(most/127, 1e-30)}
			for _, x := range row {
				want = append(want, float32(int8(math.RoundToEven(float64(x/want[0])))))
			}
			if err := same(quantize(r, typed, width).run(m, [][]float32{row})[0], want); err != nil {
				t.Fatalf("%v, %v: %v", m, typed, err)
			}
		}
	}
}
