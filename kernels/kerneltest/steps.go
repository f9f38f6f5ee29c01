package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/assay-rm/assay/kernels"
)

func stepLimit() *comparison { return &comparison{abs: 1e-6, rel: 1e-5} }

// labels are some columns of a row, some of which mean right.
func labels(r *rand.Rand, width, count, right int, output kernels.Output) kernels.StepLabels {
	labels := kernels.StepLabels{Output: output, Right: r.Perm(count)[:right]}
	for _, column := range r.Perm(width)[:count] {
		labels.Columns = append(labels.Columns, int64(column))
	}
	return labels
}

// ends are random rows, as many as the counts add up to.
func ends(r *rand.Rand, rows int, counts []int) []int64 {
	var ends []int64
	for _, count := range counts {
		for range count {
			ends = append(ends, r.Int64N(int64(rows)))
		}
	}
	return ends
}

// pooled holds all five results to the definition.
func pooled(c *comparison, what string, backend kernels.Backend, logits kernels.Tensor, steps kernels.Steps, labels kernels.StepLabels) {
	got, err := backend.StepPool(logits, steps, labels)
	want, wrong := kernels.StepPool(logits, steps, labels)
	c.call(what, err, wrong)
	c.near(what+": scores", got.Scores, want.Scores)
	c.near(what+": min", got.Min, want.Min)
	c.near(what+": product", got.Product, want.Product)
	c.near(what+": mean", got.Mean, want.Mean)
	c.near(what+": last", got.Last, want.Last)
}

// stepShapes: items without a step, with one, and with many; two labels and more; every output and type.
func stepShapes(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), stepLimit()
	for _, output := range outputs {
		for _, typed := range types {
			width := pick(r, 2, 3, 33)
			count := pick(r, 2, width)
			right, counts := pick(r, 1, 2), append([]int{0}, sizes...)
			if right > 1 || output == kernels.Plain {
				counts = []int{0, 1, 31, 32, 33} // with more, the product of scores over 1 would leave float32
			}
			r.Shuffle(len(counts), func(i, j int) { counts[i], counts[j] = counts[j], counts[i] })
			logits := normal(r, typed, 257, width, 1)
			steps := kernels.Steps{Ends: ends(r, logits.Rows, counts), Counts: counts}
			labels := labels(r, width, count, right, output)
			pooled(c, fmt.Sprintf("%v (257, %d), steps %d, %+v", typed, width, counts, labels), backend, logits, steps, labels)
		}
	}
	pooled(c, "no items", backend, normal(r, kernels.Float32, 1, 2, 1), kernels.Steps{}, labels(r, 2, 2, 1, kernels.Softmax))
	return c.result()
}

// stepBatch: an item has the same bits alone and among others.
func stepBatch(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), stepLimit()
	counts := []int{3, 70, 1, 33, 5}
	logits := normal(r, kernels.Float32, 50, 2, 1)
	steps := kernels.Steps{Ends: ends(r, 50, counts), Counts: counts}
	labels := labels(r, 2, 2, 1, kernels.Softmax)
	batch, err := backend.StepPool(logits, steps, labels)
	c.call("batch", err)
	first := 0
	for i, count := range counts {
		alone, err := backend.StepPool(logits, kernels.Steps{Ends: steps.Ends[first : first+count], Counts: []int{count}}, labels)
		c.call("alone", err)
		if c.err == nil {
			c.same(fmt.Sprintf("item %d alone", i), []float32{alone.Min[0], alone.Product[0], alone.Mean[0], alone.Last[0]},
				[]float32{batch.Min[i], batch.Product[i], batch.Mean[i], batch.Last[i]})
		}
		first += count
	}
	return c.result()
}

// everyHalf: each of the 65,536 numbers of 16 bits is read as its value, to the last bit.
func everyHalf(backend kernels.Backend, _ uint64) (Worst, error) {
	c := &comparison{}
	bits, rows := make([]uint16, 1<<16), make([]int64, 1<<16)
	for i := range bits {
		bits[i], rows[i] = uint16(i), int64(i)
	}
	for _, typed := range []kernels.Type{kernels.Float16, kernels.BFloat16} {
		got, err := backend.StepPool(kernels.HalfMatrix(typed, len(bits), 1, bits), kernels.Steps{Ends: rows, Counts: []int{len(rows)}},
			kernels.StepLabels{Columns: []int64{0}, Right: []int{0}})
		c.call(typed.String(), err)
		want := make([]float64, len(bits))
		for i := range want {
			want[i] = kernels.Widen(typed, bits[i])
		}
		c.near(typed.String(), got.Scores, want)
	}
	return c.result()
}

// stepNotFinite: NaN, infinities and rows that do not exist, each in an item of its own, at each place of three.
func stepNotFinite(backend kernels.Backend, seed uint64) (Worst, error) {
	r, c := random(seed), stepLimit()
	infinity, nan := float32(math.Inf(1)), float32(math.NaN())
	logits := kernels.Matrix(7, 2, []float32{nan, 1, 1, nan, infinity, 1, -infinity, 1, -infinity, -infinity, 500, -500, 0.5, 1})
	var steps kernels.Steps
	for _, bad := range []int64{0, 1, 2, 3, 4, 5, -1, 7, math.MaxInt64, math.MinInt64} {
		for place := range 3 {
			three := []int64{6, 6, 6}
			three[place] = bad
			steps.Ends, steps.Counts = append(steps.Ends, three...), append(steps.Counts, 3)
		}
	}
	for _, output := range outputs {
		pooled(c, fmt.Sprintf("output %d", output), backend, logits, steps, labels(r, 2, 2, 1, output))
	}
	return c.result()
}
