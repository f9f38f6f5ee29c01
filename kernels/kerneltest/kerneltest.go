// Package kerneltest holds a backend of the kernels to their float64 definitions: the twin on the CPU, the fake driver
// and a GPU by the same checks.
package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels"
)

// Check is one thing that a backend must hold to.
type Check struct {
	Kernel string // the .cu file that it tries, without the ending
	Name   string
	// Run tries a backend with random numbers made from a seed. Its error says what is wrong.
	Run func(backend kernels.Backend, seed uint64) (Worst, error)
}

// Worst is the largest error of a check.
type Worst struct {
	Error float64 // |got - want|
	Share float64 // of the limit, of the number that came nearest to it
}

// Checks is what every backend must hold to.
func Checks() []Check {
	return []Check{
		{"blocks", "gather", gatherShapes},
		{"blocks", "keep", keepShapes},
		{"blocks", "there and back", thereAndBack},
		{"blocks", "refused", blocksRefused},
		{"head", "shapes", headShapes(kernels.Float32)},
		{"head", "batch", headBatch(kernels.Float32)},
		{"head", "not finite", headNotFinite},
	}
}

// HalfChecks is what a backend must hold to that reads hidden states of 16 bits: the host's and the twin's, since the
// PTX has no such kernel.
func HalfChecks() []Check {
	return []Check{
		{"head", "shapes of halves", headShapes(kernels.Float16, kernels.BFloat16)},
		{"head", "batch of halves", headBatch(kernels.Float16)},
		{"head", "every exponent", everyExponent},
	}
}

// Run runs checks on a backend and prints the worst error of each.
func Run(t *testing.T, backend kernels.Backend, seed uint64, checks []Check) {
	t.Helper()
	for _, check := range checks {
		t.Run(check.Kernel+"/"+check.Name, func(t *testing.T) {
			worst, err := check.Run(backend, seed)
			t.Logf("%s, seed %d: worst error %.2g, %.0f %% of the limit", t.Name(), seed, worst.Error, 100*worst.Share)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}

// Sizes are those at which loops over threads, warps and tiles go wrong.
var sizes = []int{1, 31, 32, 33, 127, 257, 1023}

// comparison collects the errors of a check. The limit of a number is abs + rel · |want|.
type comparison struct {
	abs, rel float64
	worst    Worst
	err      error
}

// fail keeps the first thing that is wrong.
func (c *comparison) fail(format string, arguments ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, arguments...)
	}
}

// call keeps the errors of a call of the backend and of the definition.
func (c *comparison) call(what string, errs ...error) {
	for _, err := range errs {
		if err != nil {
			c.fail("%s: %w", what, err)
		}
	}
}

// near holds a result to the definition. NaN must be NaN, and infinities equal.
func (c *comparison) near(what string, got []float32, want []float64) {
	if len(got) != len(want) {
		c.fail("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i, w := range want {
		g := float64(got[i])
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		share := math.Abs(g-w) / (c.abs + c.rel*math.Abs(w))
		c.worst.Error, c.worst.Share = max(c.worst.Error, math.Abs(g-w)), max(c.worst.Share, share)
		if !(share <= 1) {
			c.fail("%s: number %d is %g, want %g: error %.2g", what, i, g, w, math.Abs(g-w))
		}
	}
}

// same holds two results to the same bits.
func (c *comparison) same(what string, got, want []float32) {
	if len(got) != len(want) {
		c.fail("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			c.fail("%s: number %d is %g, want %g to the last bit", what, i, got[i], want[i])
		}
	}
}

func (c *comparison) result() (Worst, error) { return c.worst, c.err }

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }

// normal is a host tensor of normally distributed numbers with a standard deviation.
func normal(r *rand.Rand, typed kernels.Type, rows, cols int, deviation float64) kernels.Tensor {
	numbers := make([]float32, rows*cols)
	for i := range numbers {
		numbers[i] = float32(r.NormFloat64() * deviation)
	}
	return tensor(typed, rows, cols, numbers)
}

// tensor is a host tensor of the numbers, rounded to its type.
func tensor(typed kernels.Type, rows, cols int, numbers []float32) kernels.Tensor {
	if typed == kernels.Float32 {
		return kernels.Matrix(rows, cols, numbers)
	}
	bits := make([]uint16, len(numbers))
	for i, x := range numbers {
		bits[i] = typed.Narrow(x)
	}
	return kernels.Tensor{Type: typed, Rows: rows, Cols: cols, Halves: bits}
}

// pick is a random one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }
