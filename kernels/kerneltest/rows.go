package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// widths are those at which loops over chunks, warps and blocks go wrong: a block of the norm makes 2048 numbers at a
// time, and one of the gate 2048 in all.
var widths = []int{8, 24, 248, 256, 264, 2040, 2048, 2056, 4104}

// norm is a call of AddRmsNorm. Without a residual it is zeros.
type norm struct {
	typed    kernels.Type
	residual []float32
	x        []uint16
	weight   []float32
	epsilon  float32
}

func randomNorm(r *rand.Rand, typed kernels.Type, tokens, width int) norm {
	return norm{
		typed, normal(r, kernels.Float32, tokens, width, 3).Float32s, normal(r, typed, tokens, width, 1).Halves,
		normal(r, kernels.Float32, 1, width, 1).Float32s, float32(math.Pow(10, -1-float64(r.IntN(6)))),
	}
}

// run computes it, in place where it is said.
func (n norm) run(c *comparison, machine kernels.Machine, inPlace bool) (normed []uint16, summed []float32) {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	normed, summed = make([]uint16, len(n.x)), make([]float32, len(n.x))
	residual, to, into := put(s, n.residual), put(s, normed), put(s, summed)
	if inPlace {
		into = residual
	}
	s.start(operators.AddRmsNorm{
		Type: n.typed, Tokens: len(n.x) / len(n.weight), Width: len(n.weight), Residual: residual, X: put(s, n.x), Weight: put(s, n.weight),
		Epsilon: n.epsilon, Normed: to, Summed: into,
	}.Launch())
	return get(s, to, normed), get(s, into, summed)
}

// define is what it is.
func (n norm) define() (normed []float64, summed []float32) {
	width := len(n.weight)
	normed, summed = make([]float64, len(n.x)), make([]float32, len(n.x))
	for row := 0; row < len(n.x); row += width {
		squares := 0.0
		for i := row; i < row+width; i++ {
			summed[i] = float32(n.typed.Widen(n.x[i]))
			if n.residual != nil {
				summed[i] += n.residual[i]
			}
			squares += float64(summed[i]) * float64(summed[i])
		}
		root := math.Sqrt(squares/float64(width) + float64(n.epsilon))
		for i := row; i < row+width; i++ {
			normed[i] = float64(n.weight[i-row]) * float64(summed[i]) / root
		}
	}
	return normed, summed
}

// normShapes: every width and type, with a residual, without, in place, and with a token that is not finite; the sum is
// float32's to the bit.
func normShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, worst := random(seed), Worst{}
	for at, width := range widths {
		typed := halfTypes[at%2]
		n := randomNorm(r, typed, pick(r, 1, 3), width)
		inPlace := at%3 == 0
		if at%3 == 1 {
			n.residual = nil
		}
		if at%4 == 3 {
			n.x[r.IntN(len(n.x))] = 0x7fff
		}
		c := oneRounding(typed)
		what := fmt.Sprintf("%v, %d tokens of %d", typed, len(n.x)/width, width)
		normed, summed := n.run(c, machine, inPlace)
		want, sums := n.define()
		c.nearHalves(what, typed, normed, want)
		c.near(what+": the sum", summed, wide(sums))
		worst = worse(worst, c.worst)
		if c.err != nil {
			return worst, c.err
		}
	}
	return worst, nil
}

// normBatch: a token has the same bits alone and in any batch.
func normBatch(machine kernels.Machine, seed uint64) (Worst, error) {
	const tokens, width = 4, 776
	c := oneRounding(kernels.BFloat16)
	batch := randomNorm(random(seed), kernels.BFloat16, tokens, width)
	normed, summed := batch.run(c, machine, false)
	for t := range tokens {
		alone := batch
		alone.x, alone.residual = batch.x[t*width:][:width], batch.residual[t*width:][:width]
		n, s := alone.run(c, machine, false)
		c.sameHalves("alone", n, normed[t*width:][:width])
		c.same("alone: the sum", s, summed[t*width:][:width])
	}
	return c.result()
}

// gate computes SwiGLU, or with GELU.
func gate(c *comparison, machine kernels.Machine, typed kernels.Type, byErf bool, gateUp []uint16, width int) []uint16 {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	out := make([]uint16, len(gateUp)/2)
	to := put(s, out)
	s.start(operators.SwiGLU{Type: typed, Tokens: len(out) / width, Width: width, GateUp: put(s, gateUp), GELU: byErf, Out: to}.Launch())
	return get(s, to, out)
}

// gateShapes: every width, type and activation; gates are small, large, and not finite.
func gateShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, worst := random(seed), Worst{}
	for at, width := range widths {
		typed, byErf, tokens := halfTypes[at%2], at/2%2 == 1, pick(r, 1, 3)
		numbers := normal(r, typed, tokens, 2*width, 2).Halves
		for i, special := range []float32{float32(math.NaN()), float32(math.Inf(1)), -30, 30, 0, -200, 200} {
			numbers[i] = typed.Narrow(special)
		}
		c := oneRounding(typed)
		got := gate(c, machine, typed, byErf, numbers, width)
		x, want := widened(typed, numbers), make([]float64, tokens*width)
		for i := range want {
			g, up := x[i/width*2*width+i%width], x[i/width*2*width+width+i%width]
			if byErf {
				want[i] = geluOf(g) * up
			} else {
				want[i] = g / (1 + math.Exp(-g)) * up
			}
		}
		c.nearHalves(fmt.Sprintf("%v, %d tokens of %d, GELU %v", typed, tokens, width, byErf), typed, got, want)
		worst = worse(worst, c.worst)
		if c.err != nil {
			return worst, c.err
		}
	}
	return worst, nil
}

// gateBatch: a token has the same bits alone and in any batch.
func gateBatch(machine kernels.Machine, seed uint64) (Worst, error) {
	const tokens, width = 3, 520
	c := oneRounding(kernels.Float16)
	numbers := normal(random(seed), kernels.Float16, tokens, 2*width, 2).Halves
	batch := gate(c, machine, kernels.Float16, false, numbers, width)
	for t := range tokens {
		c.sameHalves("alone", gate(c, machine, kernels.Float16, false, numbers[2*t*width:][:2*width], width), batch[t*width:][:width])
	}
	return c.result()
}

func wide(numbers []float32) []float64 {
	out := make([]float64, len(numbers))
	for i, x := range numbers {
		out[i] = float64(x)
	}
	return out
}

func worse(a, b Worst) Worst { return Worst{max(a.Error, b.Error), max(a.Share, b.Share)} }
