package kerneltest

import (
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels"
)

func tokenLimit() *comparison { return &comparison{abs: 1e-6, rel: 1e-6} }

// tokenShapes: every size of vocabulary, to 151,936 (Qwen's), rows that are aligned and not, targets at both ends and between.
func tokenShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), tokenLimit()
	for at, vocabulary := range append([]int{2, 7, 8, 9, 1025, 2047, 2049, 32001, 151936}, sizes...) {
		for _, typed := range types {
			const rows = 3
			logits := normal(r, typed, rows, vocabulary, []float64{3, 100, 0.01}[at%3])
			targets := []int64{0, int64(vocabulary - 1), r.Int64N(int64(vocabulary))}
			what := fmt.Sprintf("%v (%d, %d), targets %d", typed, rows, vocabulary, targets)
			got, err := backend.TokenLogProb(logits, targets)
			want, wrong := kernels.TokenLogProb(logits, targets)
			c.call(what, err, wrong)
			c.near(what, got, want)
		}
	}
	return c.result()
}

// tokenBatch: a row has the same bits alone, where it is aligned, and at any place of a batch, where it may not be.
func tokenBatch(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), tokenLimit()
	for _, typed := range types {
		logits := normal(r, typed, 9, 2051, 5)
		targets := make([]int64, logits.Rows)
		for i := range targets {
			targets[i] = r.Int64N(int64(logits.Cols))
		}
		batch, err := backend.TokenLogProb(logits, targets)
		c.call("batch", err)
		for i := range targets {
			alone, err := backend.TokenLogProb(part(logits, i, i+1), targets[i:i+1])
			c.call("alone", err)
			if c.err == nil {
				c.same(fmt.Sprintf("%v, row %d alone", typed, i), alone, batch[i:i+1])
			}
		}
	}
	return c.result()
}

// tokenNotFinite: each row's one peculiarity gives what the definition says, and is its own.
func tokenNotFinite(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), tokenLimit()
	const rows, vocabulary = 12, 777
	for _, typed := range types {
		numbers := make([]float32, rows*vocabulary)
		for i := range numbers {
			numbers[i] = float32(r.NormFloat64())
		}
		targets := make([]int64, rows)
		for i := range targets {
			targets[i] = r.Int64N(vocabulary)
		}
		set := func(row int, number float64, columns ...int) {
			for _, column := range columns {
				numbers[row*vocabulary+column] = float32(number)
			}
		}
		all := make([]int, vocabulary)
		for i := range all {
			all[i] = i
		}
		targets[0], targets[1], targets[2], targets[3] = -1, vocabulary, math.MaxInt64, math.MinInt64
		set(4, math.NaN(), r.IntN(vocabulary))
		set(5, math.Inf(-1), all...)
		set(5, math.NaN(), r.IntN(vocabulary))
		set(6, math.Inf(1), r.IntN(vocabulary))
		set(7, math.Inf(1), int(targets[7]))
		set(8, math.Inf(-1), all...)
		set(9, math.Inf(-1), all[r.IntN(vocabulary):]...) // all but some, or all
		set(10, math.Inf(-1), int(targets[10]))
		set(11, math.Inf(-1), all...)
		set(11, 2, int(targets[11])) // the one that is possible: log 1
		logits := tensor(typed, rows, vocabulary, numbers)
		got, err := backend.TokenLogProb(logits, targets)
		want, wrong := kernels.TokenLogProb(logits, targets)
		c.call(typed.String(), err, wrong)
		c.near(typed.String(), got, want)
	}
	return c.result()
}
