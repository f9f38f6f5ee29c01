package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// layerNorm is a call of AddLayerNorm. Without a residual or a bias these are zeros.
type layerNorm struct {
	typed        kernels.Type
	residual     []float32
	x            []uint16
	weight, bias []float32
	epsilon      float32
	behind       bool
}

func randomLayerNorm(r *rand.Rand, typed kernels.Type, tokens, width int, behind bool) layerNorm {
	return layerNorm{
		typed, normal(r, kernels.Float32, tokens, width, 3).Float32s, normal(r, typed, tokens, width, 1).Halves,
		normal(r, kernels.Float32, 1, width, 1).Float32s, normal(r, kernels.Float32, 1, width, 1).Float32s,
		pick[float32](r, 1, 0.1, 1e-2, 1e-5, 1e-12), behind,
	}
}

// run computes it, in place where it is said.
func (n layerNorm) run(c *comparison, machine kernels.Machine, inPlace bool) (normed []uint16, flows []float32) {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	normed, flows = make([]uint16, len(n.x)), make([]float32, len(n.x))
	residual, to, into := put(s, n.residual), put(s, normed), put(s, flows)
	if inPlace {
		into = residual
	}
	s.start(operators.AddLayerNorm{
		Type: n.typed, Tokens: len(n.x) / len(n.weight), Width: len(n.weight), Residual: residual, X: put(s, n.x), Weight: put(s, n.weight),
		Bias: put(s, n.bias), Epsilon: n.epsilon, Behind: n.behind, Normed: to, Flows: into,
	}.Launch())
	return get(s, to, normed), get(s, into, flows)
}

// define is the sum, in float32, and its norm.
func (n layerNorm) define() (sums []float32, norm []float64) {
	width := len(n.weight)
	sums, norm = make([]float32, len(n.x)), make([]float64, len(n.x))
	for row := 0; row < len(n.x); row += width {
		mean, variance := 0.0, 0.0
		for i := row; i < row+width; i++ {
			sums[i] = float32(n.typed.Widen(n.x[i]))
			if n.residual != nil {
				sums[i] += n.residual[i]
			}
			mean += float64(sums[i]) / float64(width)
		}
		for i := row; i < row+width; i++ {
			variance += (float64(sums[i]) - mean) * (float64(sums[i]) - mean) / float64(width)
		}
		for i := row; i < row+width; i++ {
			norm[i] = (float64(sums[i]) - mean) / math.Sqrt(variance+float64(n.epsilon)) * float64(n.weight[i-row])
			if n.bias != nil {
				norm[i] += float64(n.bias[i-row])
			}
		}
	}
	return sums, norm
}

// check holds a call to the definition: normed within one rounding of the type and abs, and what flows on is the sum to
// the bit, or the norm before it was rounded.
func (n layerNorm) check(machine kernels.Machine, what string, inPlace bool, abs float64) (Worst, error) {
	c := oneRounding(n.typed)
	c.abs = abs
	what = fmt.Sprintf("%v, %d tokens of %d, behind %v, %s", n.typed, len(n.x)/len(n.weight), len(n.weight), n.behind, what)
	normed, flows := n.run(c, machine, inPlace)
	sums, norm := n.define()
	c.nearHalves(what, n.typed, normed, norm)
	if !n.behind {
		for i, sum := range sums {
			c.sameOrNaN(fmt.Sprintf("%s: sum %d", what, i), flows[i], sum)
		}
		return c.result()
	}
	c.rel = 2e-6
	c.near(what+": the norm that flows on", flows, norm)
	for i, flow := range flows {
		c.sameOrNaN(fmt.Sprintf("%s: number %d", what, i), float32(n.typed.Widen(normed[i])), float32(n.typed.Widen(n.typed.Narrow(flow))))
	}
	return c.result()
}

// layerNormShapes: every width, type and thing that flows on, with residual and bias and without, in place, and with a
// token that is not finite.
func layerNormShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, worst := random(seed), Worst{}
	for at, width := range widths {
		for turn := range 2 {
			n := randomLayerNorm(r, halfTypes[(at+turn)%2], pick(r, 1, 3), width, turn == 1)
			inPlace := at%3 == 0
			if at%3 == 1 {
				n.residual = nil
			}
			if at%2 == 1 {
				n.bias = nil
			}
			if at%4 == 3 {
				n.x[r.IntN(len(n.x))] = 0x7fff
			}
			w, err := n.check(machine, "random", inPlace, 4e-6)
			if worst = worse(worst, w); err != nil {
				return worst, err
			}
		}
	}
	return worst, nil
}

// layerNormBatch: a token has the same bits alone and in any batch.
func layerNormBatch(machine kernels.Machine, seed uint64) (Worst, error) {
	const tokens, width = 4, 776
	c := oneRounding(kernels.BFloat16)
	for _, behind := range []bool{false, true} {
		batch := randomLayerNorm(random(seed), kernels.BFloat16, tokens, width, behind)
		normed, flows := batch.run(c, machine, false)
		for t := range tokens {
			alone := batch
			alone.x, alone.residual = batch.x[t*width:][:width], batch.residual[t*width:][:width]
			n, f := alone.run(c, machine, false)
			c.sameHalves("alone", n, normed[t*width:][:width])
			c.same("alone: what flows on", f, flows[t*width:][:width])
		}
	}
	return c.result()
}

// layerNormOffsets: rows whose mean is a thousand times what they vary by. A variance by the mean of squares is off by
// a hundredth there; the mean itself is off by float32's rounding of a number of its size, which the limit has besides.
func layerNormOffsets(machine kernels.Machine, seed uint64) (Worst, error) {
	const offset = 1000
	r, worst := random(seed), Worst{}
	for at, width := range []int{8, 768, 1024, 2056} {
		for turn := range 2 {
			n := randomLayerNorm(r, halfTypes[(at+turn)%2], 2, width, turn == 1)
			n.epsilon = 1e-5
			for i := range n.residual {
				n.residual[i] = float32(r.NormFloat64() + offset*float64(1-2*(i/width)))
			}
			w, err := n.check(machine, "far from zero", false, offset*1e-6)
			if worst = worse(worst, w); err != nil {
				return worst, err
			}
		}
	}
	return worst, nil
}

// layerNormEqual: of a row of equal numbers the norm is the bias, to the bit, however small epsilon is.
func layerNormEqual(machine kernels.Machine, seed uint64) (Worst, error) {
	r, c := random(seed), &comparison{}
	for _, typed := range halfTypes {
		n := randomLayerNorm(r, typed, 2, 768, true)
		n.residual, n.epsilon = nil, 1e-12
		for i := range n.x {
			n.x[i] = typed.Narrow(float32(i/768) * 1.5)
		}
		normed, flows := n.run(c, machine, false)
		for i, flow := range flows {
			c.sameOrNaN(fmt.Sprintf("%v: number %d that flows on", typed, i), flow, n.bias[i%768])
			c.sameOrNaN(fmt.Sprintf("%v: number %d", typed, i), float32(typed.Widen(normed[i])), float32(typed.Widen(typed.Narrow(n.bias[i%768]))))
		}
	}
	return c.result()
}
