package metrics

import (
	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// FirstError is the unit of a solution: whether it has an error, and whether the first one was found or, of a right
// solution, none.
func FirstError(flawed, hit bool) []float64 { return []float64{one(flawed), one(hit)} }

// Sums of first errors.
const (
	flawedN, flawedHits, rightN, rightHits, solutionN = 0, 1, 2, 3, 4
)

// FirstErrors is the family of [FirstError]: the accuracy on flawed solutions, that on right ones, and their harmonic
// mean, which ProcessBench (arXiv 2412.06559) calls F1; 0 where both are 0.
func FirstErrors() *samples.Family {
	return &samples.Family{
		Width: 2, Sums: 5,
		Add: func(sums, unit []float64) {
			at := rightN
			if unit[0] == 1 {
				at = flawedN
			}
			sums[at]++
			sums[at+1] += unit[1]
			sums[solutionN]++
		},
		Metrics: []samples.Metric{
			{Name: "f1", N: solutionN, Of: func(sums []float64) ops.Maybe {
				a, b := samples.Ratio(sums[flawedHits], sums[flawedN]), samples.Ratio(sums[rightHits], sums[rightN])
				if !a.Known || !b.Known {
					return ops.Maybe{}
				}
				return ops.Some(harmonic(a.Value, b.Value))
			}},
			samples.Share("error_accuracy", flawedHits, flawedN),
			samples.Share("correct_accuracy", rightHits, rightN),
		},
	}
}

// harmonic is the harmonic mean, 2ab / (a + b), and 0 where both are.
func harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

// Steps counts the steps of a solution: right ones that are taken for right (TP) or wrong (FN), and wrong ones that are
// taken for right (FP) or wrong (TN).
type Steps struct {
	TP, FP, TN, FN int
	First          ops.Maybe // 1 where the first wrong step is taken for wrong, 0 where it is not; missing: no step is wrong
}

// Unit is the unit of a solution for [StepLabels].
func (s Steps) Unit() []float64 {
	known := one(s.First.Known)
	return []float64{float64(s.TP), float64(s.FP), float64(s.TN), float64(s.FN), known, s.First.Value, 1}
}

// Sums of step labels.
const (
	stepTP, stepFP, stepTN, stepFN, firstN, firstHits, labelledN = 0, 1, 2, 3, 4, 5, 6
)

// StepLabels is the family of [Steps.Unit], as PRMBench (arXiv 2501.03124) computes it over all steps: F1 of right
// steps, F1 of wrong ones, and the mean of both, which the paper calls PRMScore. The published code says −1 where
// precision and recall are both 0; here F1 is 0 then, and missing only where there is nothing to find.
func StepLabels() *samples.Family {
	f1 := func(sums []float64) ops.Maybe {
		return samples.Ratio(2*sums[stepTP], 2*sums[stepTP]+sums[stepFP]+sums[stepFN])
	}
	negative := func(sums []float64) ops.Maybe {
		return samples.Ratio(2*sums[stepTN], 2*sums[stepTN]+sums[stepFN]+sums[stepFP])
	}
	return &samples.Family{
		Width: 7, Sums: 7,
		Add: func(sums, unit []float64) {
			for i, x := range unit {
				sums[i] += x
			}
		},
		Metrics: []samples.Metric{
			{Name: "prm_score", N: labelledN, Of: func(sums []float64) ops.Maybe {
				a, b := f1(sums), negative(sums)
				if !a.Known || !b.Known {
					return ops.Maybe{}
				}
				return ops.Some((a.Value + b.Value) / 2)
			}},
			{Name: "f1", N: labelledN, Of: f1},
			{Name: "negative_f1", N: labelledN, Of: negative},
			samples.Share("first_error_accuracy", firstHits, firstN),
		},
	}
}
