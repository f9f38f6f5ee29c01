package metrics

import (
	"math"
	"slices"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// OneOfMany is the unit of a prompt with right responses and wrong ones, one of each at least:
//
//	credit       the share of the responses with the highest score that are right (RewardBench 2)
//	hit          every right response scores higher than every wrong one
//	hit or tie   every right response scores as high as every wrong one
//	reciprocal   1 / rank of the best right response, behind wrong ones that score the same (RewardMATH's MRR)
func OneOfMany(right, wrong []float64) []float64 {
	top := max(slices.Max(right), slices.Max(wrong))
	best, worst, against := slices.Max(right), slices.Min(right), slices.Max(wrong)
	rank := 1
	for _, x := range wrong {
		if x >= best {
			rank++
		}
	}
	won, lost := equal(right, top), equal(wrong, top)
	return []float64{won / (won + lost), one(worst > against), one(worst >= against), 1 / float64(rank)}
}

// equal counts the numbers that are x.
func equal(values []float64, x float64) (n float64) {
	for _, v := range values {
		n += one(v == x)
	}
	return n
}

// Sums of one of many.
const (
	manyCredit, manyHit, manyTie, manyReciprocal, manyN = 0, 1, 2, 3, 4
)

func many(metrics ...samples.Metric) *samples.Family {
	return &samples.Family{
		Width: 4, Sums: 5, Metrics: metrics,
		Add: func(sums, unit []float64) {
			for i, x := range unit {
				sums[i] += x
			}
			sums[manyN]++
		},
	}
}

// Credits is the family of [OneOfMany] as RewardBench 2 (arXiv 2506.01937) scores it: a right response that shares the
// highest score with k others counts 1 / (k + 1).
func Credits() *samples.Family { return many(samples.Share("accuracy", manyCredit, manyN)) }

// Against is the family of [OneOfMany] as RewardMATH (arXiv 2410.01729) scores it.
func Against() *samples.Family {
	return many(samples.Share("accuracy", manyHit, manyN), samples.Share("mrr", manyReciprocal, manyN), detail(samples.Share("accuracy_with_ties", manyTie, manyN)))
}

// Spread is what one prompt of RewardBench 2's Ties subset has: whether every right response scores higher than every
// wrong one, by how much the worst right one does, and how far the right ones lie apart.
type Spread struct {
	Accurate bool
	Margin   float64 // worst right − best wrong
	Within   float64 // best right − worst right; 0 of a single one
}

// NewSpread is the spread of scores, of which there must be a right and a wrong one at least.
func NewSpread(right, wrong []float64) Spread {
	margin := slices.Min(right) - slices.Max(wrong)
	return Spread{margin > 0, margin, slices.Max(right) - slices.Min(right)}
}

// Sums of ties.
const (
	tiesRefN, tiesRef, tiesTiedN, tiesTied, tiesN, tiesPreferred, tiesHard, tiesMargin = 0, 1, 2, 3, 4, 5, 6, 7
)

// Tie is the unit of a prompt of the Ties subset, which comes with one right response (ref) and with several (tied);
// either may be nil. Where the right responses all score the same, the term of margins is that of an infinite quotient,
// and 0 of 0/0, as in the published code.
func Tie(ref, tied *Spread) []float64 {
	unit := make([]float64, 8)
	if ref != nil {
		unit[tiesRefN], unit[tiesRef] = 1, one(ref.Accurate)
	}
	if tied != nil {
		unit[tiesTiedN], unit[tiesTied] = 1, one(tied.Accurate)
	}
	if ref == nil || tied == nil {
		return unit
	}
	hard := min(ref.Margin, tied.Margin)
	term := math.Tanh(hard/tied.Within - 1)
	if math.IsNaN(term) {
		term = 0
	}
	unit[tiesN], unit[tiesPreferred], unit[tiesHard], unit[tiesMargin] = 1, one(tied.Margin > tied.Within), one(hard > tied.Within), term
	return unit
}

// Ties is the family of [Tie]: RewardBench 2's score of its Ties subset, 0.3 of either accuracy, 0.2 each of the shares
// of prompts whose right responses lie closer together than they are to the wrong ones (tied alone, and tied and ref),
// and 0.01 of the mean term of margins.
func Ties() *samples.Family {
	score := func(sums []float64) ops.Maybe {
		of := func(at, n int) float64 { // the published code counts a missing kind of prompt as 0
			share := samples.Ratio(sums[at], sums[n])
			return share.Value
		}
		if sums[tiesN] == 0 {
			return ops.Maybe{}
		}
		return ops.Some(0.30*of(tiesTied, tiesTiedN) + 0.30*of(tiesRef, tiesRefN) +
			0.20*of(tiesPreferred, tiesN) + 0.20*of(tiesHard, tiesN) + 0.01*of(tiesMargin, tiesN))
	}
	return &samples.Family{
		Width: 8, Sums: 8,
		Add: func(sums, unit []float64) {
			for i, x := range unit {
				sums[i] += x
			}
		},
		Metrics: []samples.Metric{
			{Name: "ties_score", N: tiesN, Of: score},
			detail(samples.Share("ref_accuracy", tiesRef, tiesRefN)), detail(samples.Share("tied_accuracy", tiesTied, tiesTiedN)),
			detail(samples.Share("correctness_preferred", tiesPreferred, tiesN)), detail(samples.Share("correctness_preferred_hard", tiesHard, tiesN)),
			detail(samples.Share("correctness_margin", tiesMargin, tiesN)),
		},
	}
}
