package kerneltest

import (
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels"
)

func preferenceLimit() *comparison { return &comparison{abs: 2e-6, rel: 4e-6} }

// preferenceShapes: every number of responses and of planes, with scales and without, normalized and not.
func preferenceShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), preferenceLimit()
	for _, shape := range [][2]int{{0, 3}, {1, 1}, {2, 31}, {15, 16}, {16, 15}, {17, 17}, {31, 33}, {33, 127}, {127, 3}, {5, 1023}, {3, 0}} {
		for _, typed := range types {
			n, planes := shape[0], shape[1]
			rule := kernels.PreferenceRule{Normalize: r.IntN(2) == 0, Temperature: pick(r, 0.1, 1, 3)}
			deviation := 1 / math.Sqrt(float64(max(planes, 1)))
			if r.IntN(2) == 0 {
				rule.Scale = normal(r, kernels.Float32, 1, planes, 1).Float32s
			}
			what := fmt.Sprintf("%v (%d, %d), %+v", typed, n, 2*planes, kernels.PreferenceRule{Normalize: rule.Normalize, Temperature: rule.Temperature})
			embeddings := normal(r, typed, n, 2*planes, deviation)
			got, err := backend.Preferences(embeddings, rule)
			want, wrong := kernels.Preferences(embeddings, rule)
			c.call(what, err, wrong)
			c.near(what, got, want)
		}
	}
	return c.result()
}

// preferenceSkew: p(i, j) + p(j, i) is 1 to rounding, the diagonal is exactly 0.5, and another order of the rows gives the same bits.
func preferenceSkew(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), preferenceLimit()
	const n, planes = 35, 19
	for _, normalize := range []bool{false, true} {
		rule := kernels.PreferenceRule{Scale: normal(r, kernels.Float32, 1, planes, 1).Float32s, Normalize: normalize, Temperature: 0.7}
		embeddings := normal(r, kernels.Float32, n, 2*planes, 1)
		clear(embeddings.Float32s[:2*planes]) // of length 0
		got, err := backend.Preferences(embeddings, rule)
		c.call("matrix", err)
		order := r.Perm(n)
		var numbers []float32
		for _, i := range order {
			numbers = append(numbers, part(embeddings, i, i+1).Float32s...)
		}
		moved, err := backend.Preferences(kernels.Matrix(n, 2*planes, numbers), rule)
		c.call("matrix in another order", err)
		if c.err != nil {
			return c.result()
		}
		for i := range n {
			if got[i*n+i] != 0.5 {
				c.fail("p(%d, %d) is %g, want 0.5", i, i, got[i*n+i])
			}
			for j := range n {
				if sum := float64(got[i*n+j]) + float64(got[j*n+i]); math.Abs(sum-1) > 0x1p-23 {
					c.fail("p(%d, %d) + p(%d, %d) is 1 and %g", i, j, j, i, sum-1)
				}
				c.same(fmt.Sprintf("p(%d, %d) in another order", order[i], order[j]), moved[i*n+j:i*n+j+1], got[order[i]*n+order[j]:order[i]*n+order[j]+1])
			}
		}
	}
	return c.result()
}
