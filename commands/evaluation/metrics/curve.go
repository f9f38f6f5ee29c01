package metrics

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/commands/evaluation/samples"
)

// sizes are the n of a curve of best-of-n.
func sizes() []int { return []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024} }

// Sums of best-of-n; behind them come those of the sizes, of each how many prompts have as many responses, how often
// the best of n is right, and how often one of n is.
const (
	bestHits, bestRight, bestResponses, bestN, bestSizes = 0, 1, 2, 3, 4

	sizeSums = 3
)

// BestOf is the unit of a prompt with N responses, of which the correct ones are right. It has the probability that the
// highest score among n of them, drawn without return, is of a right one (of equal scores each is as likely), and the
// probability that one of n is right at all (pass@n; Chen et al., arXiv 2107.03374). hit is whether the response that a
// server would rank first is right.
func BestOf(scores []float64, correct []bool, hit bool) []float64 {
	total := len(scores)
	order := make([]int, total)
	rights := 0
	for i := range order {
		order[i] = i
		if correct[i] {
			rights++
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	unit := []float64{one(hit), float64(rights), float64(total)}
	for _, n := range sizes() {
		if n > total {
			unit = append(unit, 0, 0, 0)
			continue
		}
		// without is the probability that n of the responses avoid those passed so far: C(left, n) / C(total, n).
		without, left := 1.0, total
		pass := func(k int) (gone float64) {
			before := without
			for range k {
				without *= float64(max(left-n, 0)) / float64(left)
				left--
			}
			return before - without
		}
		best := 0.0
		for at := 0; at < total; {
			end, good := at, 0
			for ; end < total && scores[order[end]] == scores[order[at]]; end++ {
				if correct[order[end]] {
					good++
				}
			}
			best += pass(end-at) * float64(good) / float64(end-at)
			at = end
		}
		without, left = 1, total
		unit = append(unit, 1, best, pass(rights))
	}
	return unit
}

// BestOfN is the family of [BestOf]: the accuracy of the response ranked first, the sampler's own accuracy, and the
// curves of both over n.
func BestOfN() *samples.Family {
	sizes := sizes()
	metrics := []samples.Metric{samples.Share("accuracy", bestHits, bestN), samples.Share("sampler", bestRight, bestResponses)}
	metrics[1].N = bestN
	for i, n := range sizes {
		at := bestSizes + sizeSums*i
		metrics = append(metrics,
			detail(samples.Share(fmt.Sprintf("best_of_%d", n), at+1, at)), detail(samples.Share(fmt.Sprintf("pass_at_%d", n), at+2, at)))
	}
	return &samples.Family{
		Width: 3 + sizeSums*len(sizes), Sums: bestSizes + sizeSums*len(sizes), Metrics: metrics,
		Add: func(sums, unit []float64) {
			for i, x := range unit[:3] {
				sums[i] += x
			}
			sums[bestN]++
			for i, x := range unit[3:] {
				sums[bestSizes+i] += x
			}
		},
	}
}
