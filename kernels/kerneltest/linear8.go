package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// inners are those at which loops over chunks, warps and blocks go wrong: a block looks at 2048 numbers at a time, and
// rounds 4096.
var inners = []int{16, 32, 240, 256, 272, 2032, 2048, 2064, 4080, 4096, 4112, 8208}

// quantize computes QuantizeRows.
func quantize(c *comparison, machine kernels.Machine, typed kernels.Type, x []uint16, width int) (levels []int8, scales []float32) {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	levels, scales = make([]int8, len(x)), make([]float32, len(x)/width)
	to, into := put(s, levels), put(s, scales)
	s.start(operators.QuantizeRows{Type: typed, Rows: len(scales), Width: width, X: put(s, x), Levels: to, Scales: into}.Launch())
	return get(s, to, levels), get(s, into, scales)
}

// defineRow is the levels of a row and its scale, in float32 as it is defined.
func defineRow(typed kernels.Type, x []uint16) (levels []int8, scale float32) {
	levels = make([]int8, len(x))
	top := float32(0)
	for _, v := range widened(typed, x) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return levels, float32(math.NaN())
		}
		top = max(top, float32(math.Abs(v)))
	}
	scale = max(top/127, 1e-30)
	for i, v := range widened(typed, x) {
		levels[i] = int8(math.RoundToEven(float64(float32(v) / scale)))
	}
	return levels, scale
}

// rowsAreQuantized holds every row to the definition, to the bit. So a row is the same alone and in any batch.
func rowsAreQuantized(c *comparison, machine kernels.Machine, what string, typed kernels.Type, x []uint16, width int) {
	levels, scales := quantize(c, machine, typed, x, width)
	for row := range scales {
		want, scale := defineRow(typed, x[row*width:][:width])
		c.sameOrNaN(fmt.Sprintf("%s: the scale of row %d", what, row), scales[row], scale)
		for i, level := range levels[row*width:][:width] {
			if level != want[i] {
				c.fail("%s: level %d of row %d is %d, want %d", what, i, row, level, want[i])
			}
		}
	}
}

// quantizeShapes: every width and type; the row's largest number is its first, its last, or any, of either sign.
func quantizeShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for at, width := range inners {
		typed, rows := halfTypes[at%2], 3
		x := normal(r, typed, rows, width, math.Exp(3*r.NormFloat64())).Halves
		for row, place := range []int{0, width - 1, r.IntN(width)} {
			x[row*width+place] = typed.Narrow(float32(40 * (1 - 2*float64(row%2)) * typed.Widen(x[row*width+place]&0x7fff)))
		}
		rowsAreQuantized(c, machine, fmt.Sprintf("%v, %d rows of %d", typed, rows, width), typed, x, width)
	}
	return c.result()
}

// quantizeHalves: numbers that lie half-way between two levels, for scales whose reciprocal is not a float32 among
// others, go to the even one.
func quantizeHalves(machine kernels.Machine, _ uint64) (Worst, error) {
	const width = 272
	c := &comparison{}
	for _, typed := range halfTypes {
		var x []uint16
		for scale := 1; scale <= 16; scale++ {
			if typed == kernels.BFloat16 && scale > 2 {
				break // 127 times it has more than 8 bits
			}
			for i := range width {
				number := float32(scale) * (float32(min(i/2, 126)) + 0.5)
				if i%2 == 1 {
					number = -number
				}
				x = append(x, typed.Narrow(number))
			}
			x[len(x)-1] = typed.Narrow(float32(-127 * scale))
		}
		rowsAreQuantized(c, machine, fmt.Sprintf("%v, halves", typed), typed, x, width)
	}
	return c.result()
}

// quantizeExtremes: rows of zeros and of the least and the largest numbers that there are, beside an ordinary one.
func quantizeExtremes(machine kernels.Machine, seed uint64) (Worst, error) {
	const width = 528
	r, c := random(seed), &comparison{}
	for _, typed := range halfTypes {
		x := normal(r, typed, 5, width, 1).Halves
		row := func(n int) []uint16 { return x[n*width:][:width] }
		for i := range width {
			row(0)[i] = uint16(i % 2 << 15) // zeros of both signs
			row(1)[i] = uint16(i % 3)       // subnormal numbers
			row(2)[i] = typed.Narrow(float32(r.NormFloat64() * 3e-29))
			row(3)[i] |= 0x7000 // near the largest number
			if exponent := row(3)[i] & 0x7fff; exponent >= typed.Narrow(float32(math.Inf(1))) {
				row(3)[i] -= 0x0800
			}
		}
		rowsAreQuantized(c, machine, fmt.Sprintf("%v, extremes", typed), typed, x, width)
	}
	return c.result()
}

// quantizeNotFinite: rows with a number that is not finite have a scale of NaN and levels of 0, and the row beside them
// is as it is.
func quantizeNotFinite(machine kernels.Machine, seed uint64) (Worst, error) {
	const width = 528
	r, c := random(seed), &comparison{}
	for _, typed := range halfTypes {
		x := normal(r, typed, 5, width, 1).Halves
		infinite := typed.Narrow(float32(math.Inf(1)))
		x[r.IntN(width)] = 0x7fff
		x[2*width-1] = infinite | 0x8000
		x[2*width] = infinite
		x[3*width+3], x[3*width+300] = infinite, 0xffff // NaN ahead of a number that is larger than all others, and behind
		rowsAreQuantized(c, machine, fmt.Sprintf("%v, not finite", typed), typed, x, width)
	}
	return c.result()
}

// scaling is a call of ScaleSums.
type scaling struct {
	typed             kernels.Type
	sums              []int32
	rowScales, scales []float32
	bias              []uint16
}

// randomScaling has sums of all sizes, up to those that float32 rounds. Every other bias takes away what the first row
// has there but for its last bits, which tell in what order it was made.
func randomScaling(r *rand.Rand, typed kernels.Type, rows, width int) scaling {
	positive := func(n int, deviation float64) []float32 {
		numbers := make([]float32, n)
		for i := range numbers {
			numbers[i] = float32(math.Exp(r.NormFloat64()) * deviation)
		}
		return numbers
	}
	sums := make([]int32, rows*width)
	for i := range sums {
		sums[i] = int32(r.Uint32()) >> r.IntN(24)
	}
	call := scaling{typed, sums, positive(rows, 1e-3), positive(width, 1e-4), normal(r, typed, 1, width, 1).Halves}
	for i := 1; i < width; i += 2 {
		call.bias[i] = typed.Narrow(-call.scaled(0, i))
	}
	return call
}

// scaled is a number as it is defined ahead of the bias.
func (call scaling) scaled(row, column int) float32 {
	return float32(float32(call.sums[row*len(call.scales)+column])*call.scales[column]) * call.rowScales[row]
}

// run computes it.
func (call scaling) run(c *comparison, machine kernels.Machine) []uint16 {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	y := make([]uint16, len(call.sums))
	to := put(s, y)
	s.start(operators.ScaleSums{
		Type: call.typed, Rows: len(call.rowScales), Width: len(call.scales), Sums: put(s, call.sums), RowScales: put(s, call.rowScales),
		Scales: put(s, call.scales), Bias: put(s, call.bias), Y: to,
	}.Launch())
	return get(s, to, y)
}

// check holds the result to the definition, every step of which rounds to float32: the same bits, or NaN.
func (call scaling) check(c *comparison, machine kernels.Machine, what string) {
	width := len(call.scales)
	for i, got := range call.run(c, machine) {
		scaled := call.scaled(i/width, i%width)
		want := call.typed.Narrow(scaled + float32(call.typed.Widen(call.bias[i%width])))
		c.sameOrNaN(fmt.Sprintf("%s: number %d of row %d", what, i%width, i/width), float32(call.typed.Widen(got)), float32(call.typed.Widen(want)))
	}
}

// scaleShapes: every width and type. A row is the same alone and in any batch, since it has the definition's bits.
func scaleShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for at, width := range widths {
		typed, rows := halfTypes[at%2], pick(r, 2, 3)
		randomScaling(r, typed, rows, width).check(c, machine, fmt.Sprintf("%v, %d rows of %d", typed, rows, width))
	}
	return c.result()
}

// scaleExtremes: the sums that are largest, results that overflow their type, and a row whose scale is NaN, which is
// NaN also where its sums are 0.
func scaleExtremes(machine kernels.Machine, seed uint64) (Worst, error) {
	const rows, width = 4, 264
	r, c := random(seed), &comparison{}
	for _, typed := range halfTypes {
		call := randomScaling(r, typed, rows, width)
		for i := range width {
			call.sums[i] = int32(1-2*(i%2)) * (127*127<<17 - int32(i))
			call.sums[width+i] = 0
		}
		call.rowScales[1], call.rowScales[2] = float32(math.NaN()), 1e38
		call.check(c, machine, fmt.Sprintf("%v, extremes", typed))
	}
	return c.result()
}

// sameOrNaN holds a number to another, to the bit; NaN may be any.
func (c *comparison) sameOrNaN(what string, got, want float32) {
	if math.Float32bits(got) != math.Float32bits(want) && !(got != got && want != want) {
		c.fail("%s is %g, want %g to the last bit", what, got, want)
	}
}
