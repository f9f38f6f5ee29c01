package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// geluOf is what GELU is, exact.
func geluOf(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }

// gelu computes Gelu. Behind x lie eight numbers more, and behind what it gives as many zeros that must stay: what lies
// around a machine's buffers may be its own GELU, and not tell that it was written.
func gelu(c *comparison, machine kernels.Machine, typed kernels.Type, x []uint16, width int) []uint16 {
	s := &stage{comparison: c, machine: machine}
	defer s.clear()
	out := make([]uint16, len(x)+8)
	to, from := put(s, out), put(s, append(slices.Clone(x), slices.Repeat([]uint16{0x3c00}, 8)...))
	s.start(operators.Gelu{Type: typed, Tokens: len(x) / width, Width: width, X: from, Out: to}.Launch())
	get(s, to, out)
	c.sameHalves("behind the rows", out[len(x):], make([]uint16, 8))
	return out[:len(x)]
}

// isGelu holds every number to the definition.
func isGelu(machine kernels.Machine, typed kernels.Type, x []uint16, width int) (Worst, error) {
	c := oneRounding(typed)
	want := widened(typed, x)
	for i, number := range want {
		want[i] = geluOf(number)
	}
	c.nearHalves(fmt.Sprintf("%v, %d tokens of %d", typed, len(x)/width, width), typed, gelu(c, machine, typed, x, width), want)
	return c.result()
}

// geluShapes: every width and type.
func geluShapes(machine kernels.Machine, seed uint64) (Worst, error) {
	r, worst := random(seed), Worst{}
	for at, width := range widths {
		typed := halfTypes[at%2]
		w, err := isGelu(machine, typed, normal(r, typed, pick(r, 1, 3), width, 2).Halves, width)
		if worst = worse(worst, w); err != nil {
			return worst, err
		}
	}
	return worst, nil
}

// geluNumbers: every number that a type has.
func geluNumbers(machine kernels.Machine, _ uint64) (Worst, error) {
	worst := Worst{}
	for _, typed := range halfTypes {
		x := make([]uint16, 1<<16)
		for i := range x {
			x[i] = uint16(i)
		}
		w, err := isGelu(machine, typed, x, 4096)
		if worst = worse(worst, w); err != nil {
			return worst, err
		}
	}
	return worst, nil
}

// geluBatch: a token has the same bits alone and in any batch.
func geluBatch(machine kernels.Machine, seed uint64) (Worst, error) {
	const tokens, width = 3, 520
	c := oneRounding(kernels.Float16)
	x := normal(random(seed), kernels.Float16, tokens, width, 2).Halves
	batch := gelu(c, machine, kernels.Float16, x, width)
	for t := range tokens {
		c.sameHalves("alone", gelu(c, machine, kernels.Float16, x[t*width:][:width], width), batch[t*width:][:width])
	}
	return c.result()
}
