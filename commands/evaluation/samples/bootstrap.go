package samples

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Resample draws every sample anew with replacement, as many units as it has, and gives each draw's sums to see: one
// for each sample, in their order. Draws are seen one at a time, in any order; draw i depends on the seed and i alone.
// A sample that has no unit has sums of 0.
func Resample(samples []*Sample, draws int, seed uint64, see func(draw int, sums [][]float64)) {
	var (
		next  atomic.Int64
		seen  sync.Mutex
		group sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), draws) {
		group.Go(func() {
			for draw := int(next.Add(1)) - 1; draw < draws; draw = int(next.Add(1)) - 1 {
				random := rand.New(rand.NewPCG(seed, uint64(draw)))
				sums := make([][]float64, len(samples))
				for i, s := range samples {
					sums[i] = make([]float64, s.Family.Sums)
					n := s.Len()
					for range n {
						s.Family.Add(sums[i], s.Unit(random.IntN(n)))
					}
				}
				seen.Lock()
				see(draw, sums)
				seen.Unlock()
			}
		})
	}
	group.Wait()
}

// Percentile is the q-th part of the values, between the two nearest where it falls between them, as numpy.percentile
// gives it by default. There must be a value; they are put in order.
func Percentile(values []float64, q float64) float64 {
	slices.Sort(values)
	at := q * float64(len(values)-1)
	below := math.Floor(at)
	low, high := values[int(below)], values[int(math.Ceil(at))]
	return low + (at-below)*(high-low)
}
