package processor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor/processortest"
)

// odd is a · b + c, where a · b is exact, rounded to float64 so that rounding it to float32 rounds the sum itself: what
// float64 does not hold makes its last bit odd.
func odd(a, b, c float32) float64 {
	product, plus := float64(a)*float64(b), float64(c)
	sum := product + plus
	back := sum - product
	rest := (product - (sum - back)) + (plus - back)
	if rest == 0 || math.IsNaN(rest) || math.IsInf(sum, 0) || math.Float64bits(sum)&1 == 1 {
		return sum
	}
	return math.Nextafter(sum, math.Inf(int(math.Copysign(1, rest))))
}

// flushed is 0 for what is below float32's smallest normal number, as VDPBF16PS reads it.
func flushed(x float32) float32 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

// dotted is VDPBF16PS's multiply and add: numbers below the smallest normal one are 0, and so is a sum that is below it
// once it is rounded to 24 bits.
func dotted(x, w, sum float32) float32 {
	exact := odd(flushed(x), flushed(w), flushed(sum))
	if math.Abs(exact) < 0x1p-126-0x1p-151 {
		return float32(math.Copysign(0, exact))
	}
	return float32(exact)
}

// chain is Σ x · w + bias as linear.h defines it, link by link.
func chain(typed kernels.Type, x, w []float32, bias float32) float32 {
	sum := float32(0)
	for i := range x {
		at := i
		if typed != kernels.Float32 && i^1 < len(x) {
			at = i ^ 1
		}
		if typed == kernels.BFloat16 {
			sum = dotted(x[at], w[at], sum)
		} else {
			sum = float32(odd(x[at], w[at], sum))
		}
	}
	return sum + bias
}

func narrowed(typed kernels.Type, numbers []float32) []float32 {
	if typed == kernels.Float32 {
		return numbers
	}
	narrow := make([]float32, len(numbers))
	for i, x := range numbers {
		narrow[i] = float32(typed.Widen(typed.Narrow(x)))
	}
	return narrow
}

// edges are numbers whose products and sums lie around the smallest normal number, the largest, and beyond.
func edges(r *rand.Rand, n int) []float32 {
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(math.Ldexp(1-2*r.Float64(), []int{-133, -127, -126, -125, -75, -64, -63, -62, 0, 1, 63, 64, 126, 127}[r.IntN(14)]))
	}
	return numbers
}

// Products have the bits of a chain of fused multiplications and additions, and lie within the usual bound of float64.
func TestProducts(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		typed, inputs, outputs, count, of := rapid.SampledFrom(types).Draw(t, "type"), 1+r.IntN(70), 1+r.IntN(70), 1+r.IntN(40), random
		extreme := typed != kernels.Float16 && rapid.Bool().Draw(t, "at the edges")
		if extreme {
			of = edges
		}
		weight, bias := narrowed(typed, of(r, outputs*inputs)), narrowed(typed, of(r, outputs))
		rows := make([][]float32, count)
		for i := range rows {
			rows[i] = narrowed(typed, of(r, inputs))
		}
		for _, m := range machines {
			for i, y := range linearOf(typed, inputs, outputs, weight, bias).run(anyhow(t, m), rows) {
				for j := range y {
					w := weight[j*inputs:][:inputs]
					want := narrowed(typed, []float32{chain(typed, rows[i], w, bias[j])})
					if err := same(y[j:j+1], want); err != nil {
						t.Fatalf("%v, %v, [%d, %d], output %d of row %d: %v", m, typed, outputs, inputs, j, i, err)
					}
					exact, size := float64(bias[j]), math.Abs(float64(bias[j]))
					for k := range w {
						exact += float64(rows[i][k]) * float64(w[k])
						size += math.Abs(float64(rows[i][k]) * float64(w[k]))
					}
					bound := float64(inputs+1)*0x1p-24*size + roundoff[typed]*math.Abs(exact) + 0x1p-25
					if !extreme && (typed != kernels.Float16 || size < 65504) && !(math.Abs(float64(y[j])-exact) <= bound) {
						t.Fatalf("%v, %v: %g, and float64 has %g, %g from it; %g is allowed", m, typed, y[j], exact, math.Abs(float64(y[j])-exact), bound)
					}
				}
			}
		}
	})
}

// roundoff is the largest relative error of one rounding; a number below the smallest normal one of float16 has 2^-25.
var roundoff = map[kernels.Type]float64{kernels.Float32: 0x1p-24, kernels.Float16: 0x1p-11, kernels.BFloat16: 0x1p-8}

// The sum 2^-126 − 2^-150 is half-way between a number below the smallest normal one and that one. VDPBF16PS has it 0,
// since with 24 bits it is below: so do all.
func TestSumsJustBelowTheSmallestNormal(t *testing.T) {
	for _, test := range []struct{ x, w, want float32 }{
		{0x1p-75, -0x1p-75, 0}, {0x1p-76, -0x1p-75, 0x1p-126}, {0x1.8p-76, -0x1p-75, 0}, {0x1p-74, -0x1p-75, 0}, {0x1p-80, -0x1p-75, 0x1p-126},
	} {
		for _, m := range processortest.Machines() {
			y := linearOf(kernels.BFloat16, 2, 1, []float32{test.w, 0x1p-63}, []float32{0}).run(m, [][]float32{{test.x, 0x1p-63}})
			if y[0][0] != test.want {
				t.Errorf("%v: 2^-126 %+g · %g is %g, want %g", m, test.x, test.w, y[0][0], test.want)
			}
		}
	}
}

// Sums of int8 are exact, also of as many of the largest ones as int32 holds; what is made of them is rounded at each
// step.
func TestIntegerProducts(t *testing.T) {
	machines := processortest.Machines()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		typed, inputs, outputs := rapid.SampledFrom(types).Draw(t, "type"), 1+r.IntN(70), 1+r.IntN(70)
		weight, scale, bias := make([]int8, outputs*inputs), random(r, outputs), narrowed(typed, random(r, outputs))
		for i := range weight {
			weight[i] = int8(r.IntN(256) - 128)
		}
		rows := make([][]float32, 1+r.IntN(40))
		for i := range rows {
			rows[i] = random(r, 1+inputs)
		}
		for _, m := range machines {
			for i, y := range linear8Of(typed, inputs, outputs, weight, scale, bias).run(anyhow(t, m), rows) {
				for j := range y {
					sum := int32(0)
					for k, number := range rows[i][1:] {
						sum += int32(level(number)) * int32(weight[j*inputs+k])
					}
					scaled := float32(float32(sum)*scale[j]) * rows[i][0]
					if err := same(y[j:j+1], narrowed(typed, []float32{float32(scaled) + bias[j]})); err != nil {
						t.Fatalf("%v, %v, [%d, %d], output %d of row %d: %v", m, typed, outputs, inputs, j, i, err)
					}
				}
			}
		}
	})
	const most = math.MaxInt32 / (128 * 128) // of the products of -128 and -128
	weight, x, negative := make([]int8, most), make([]float32, 1+most), make([]float32, 1+most)
	for i := range weight {
		weight[i], x[1+i], negative[1+i] = -128, -1000, 1000
	}
	x[0], negative[0] = 1, 1
	for _, m := range machines {
		y := linear8Of(kernels.Float32, most, 1, weight, []float32{1}, []float32{0}).run(m, [][]float32{x, negative})
		if y[0][0] != float32(most*128*128) || y[1][0] != float32(-most*127*128) {
			t.Errorf("%v: %d products of -128 are %g and %g", m, most, y[0][0], y[1][0])
		}
	}
}
