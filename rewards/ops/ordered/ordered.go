// Package ordered reduces the scores of one response's steps to one number, and scans them into a number for each step.
//
// The scores are q_1 … q_K in the steps' order, at least one. How the steps become the score of a response is a choice
// of the paper and never a default: eight of them are compared by Kim et al. ("Evaluating Robustness of Reward Models
// for Mathematical Reasoning", 2024).
package ordered

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// Reduction is a way from the scores of steps to one number. Its error says which score has no place in it.
type Reduction func(steps []float64) (float64, error)

// Reductions are the reductions by name.
var Reductions = map[string]Reduction{
	"min":            Min,
	"max":            Max,
	"mean":           Mean,
	"sum":            Sum,
	"last":           Last,
	"product":        Product,
	"geometric_mean": GeometricMean,
	"mean_logit":     MeanLogit,
	"mean_odds":      MeanOdds,
}

// Min is the smallest score.
func Min(q []float64) (float64, error) { return over(q, slices.Min[[]float64]) }

// Max is the greatest score.
func Max(q []float64) (float64, error) { return over(q, slices.Max[[]float64]) }

// Mean is the mean of the scores.
func Mean(q []float64) (float64, error) { return over(q, ops.Mean) }

// Sum is the sum of the scores.
func Sum(q []float64) (float64, error) {
	return over(q, func(q []float64) float64 { return ops.Mean(q) * float64(len(q)) })
}

// Last is the score of the last step.
func Last(q []float64) (float64, error) {
	return over(q, func(q []float64) float64 { return q[len(q)-1] })
}

// Product is the product of the scores.
func Product(q []float64) (float64, error) { return over(q, ops.Product) }

// GeometricMean is the K-th root of the product of scores that are not negative.
func GeometricMean(q []float64) (float64, error) {
	if err := within(q, 0, math.Inf(1)); err != nil {
		return 0, err
	}
	return over(q, func(q []float64) float64 {
		logs := make([]float64, len(q))
		for i, x := range q {
			if x == 0 {
				return 0
			}
			logs[i] = math.Log(x)
		}
		return math.Exp(ops.Mean(logs))
	})
}

// MeanLogit is σ of the mean of the scores' log-odds; they are probabilities between 0 and 1, without these.
func MeanLogit(q []float64) (float64, error) {
	if err := within(q, math.SmallestNonzeroFloat64, 1-0x1p-53); err != nil {
		return 0, err
	}
	return over(q, func(q []float64) float64 {
		logits := make([]float64, len(q))
		for i, x := range q {
			logits[i] = math.Log(x) - math.Log1p(-x)
		}
		return ops.Sigmoid(ops.Mean(logits))
	})
}

// MeanOdds is the mean of q / (1 − q); the scores are probabilities below 1.
func MeanOdds(q []float64) (float64, error) {
	if err := within(q, 0, 1-0x1p-53); err != nil {
		return 0, err
	}
	return over(q, func(q []float64) float64 {
		odds := make([]float64, len(q))
		for i, x := range q {
			odds[i] = x / (1 - x)
		}
		return ops.Mean(odds)
	})
}

// over reduces scores that are there and finite to a number that is finite too.
func over(q []float64, reduce func([]float64) float64) (float64, error) {
	if err := within(q, math.Inf(-1), math.Inf(1)); err != nil {
		return 0, err
	}
	value := reduce(q)
	if !ops.Finite(value) {
		return 0, fmt.Errorf("the scores of %d steps give %g", len(q), value)
	}
	return value, nil
}

// within proves that there is a score, and that all are finite and from low to high.
func within(q []float64, low, high float64) error {
	if len(q) == 0 {
		return errors.New("there is no step")
	}
	for k, x := range q {
		if !ops.Finite(x) || x < low || x > high {
			return fmt.Errorf("the score of step %d is %g, which this has no place for", k, x)
		}
	}
	return nil
}
