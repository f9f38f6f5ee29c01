// Package agreement says how far several scorers agree about the same items, and which of several parts a value is owed
// to.
//
// Scores are lists of one length, one number for each item. An item that any of the scorers has no number for is left
// out by whoever calls: of what is missing no agreement is known.
package agreement

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// errConstant is what a correlation says of scores that are all equal.
var errConstant = errors.New("the scores are all equal, so that nothing goes with them")

// Ensemble is the mean of several scorers' numbers for one item, and their deviation around it, of the population: the
// root of the mean square. (Wang et al., "Secrets of RLHF in Large Language Models Part II: Reward Modeling", 2024,
// section 2: of the differences between chosen and rejected under M models.)
func Ensemble(scores []float64) (mean, deviation float64, err error) {
	if len(scores) == 0 {
		return 0, 0, errors.New("there is no score")
	}
	mean = ops.Mean(scores)
	squares := make([]float64, len(scores))
	for i, x := range scores {
		squares[i] = (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(ops.Mean(squares)), nil
}

// Kendall is Kendall's rank correlation τ_b: pairs of items that both scorers order alike, less those that they order
// differently, over the root of the pairs that each does not tie. It is symmetric, and from −1 to 1.
func Kendall(a, b []float64) (float64, error) {
	if err := alike(a, b); err != nil {
		return 0, err
	}
	var agree, inA, inB int
	for i := range a {
		for j := range i {
			x, y := cmp.Compare(a[i], a[j]), cmp.Compare(b[i], b[j])
			agree += x * y
			inA += x * x
			inB += y * y
		}
	}
	if inA == 0 || inB == 0 {
		return 0, errConstant
	}
	return min(max(float64(agree)/math.Sqrt(float64(inA)*float64(inB)), -1), 1), nil
}

// Spearman is the correlation of the scores' ranks, items that tie sharing the mean of their ranks.
func Spearman(a, b []float64) (float64, error) {
	if err := alike(a, b); err != nil {
		return 0, err
	}
	return Pearson(Ranks(a), Ranks(b))
}

// Pearson is the linear correlation.
func Pearson(a, b []float64) (float64, error) {
	if err := alike(a, b); err != nil {
		return 0, err
	}
	meanA, meanB := ops.Mean(a), ops.Mean(b)
	var both, inA, inB float64
	for i := range a {
		both += (a[i] - meanA) * (b[i] - meanB)
		inA += (a[i] - meanA) * (a[i] - meanA)
		inB += (b[i] - meanB) * (b[i] - meanB)
	}
	if inA == 0 || inB == 0 {
		return 0, errConstant
	}
	return min(max(both/math.Sqrt(inA)/math.Sqrt(inB), -1), 1), nil
}

// Ranks are the places of the scores from the lowest, 1, to the highest; scores that tie share the mean of their
// places.
func Ranks(scores []float64) []float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(scores[i], scores[j]) })
	ranks := make([]float64, len(scores))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && scores[order[to]] == scores[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+1+to) / 2
		}
		from = to
	}
	return ranks
}

// Consistency is (τ + 1) / 2 of Kendall's τ: 1 where both scorers order the items alike, 0 where one reverses the
// other. (Wang et al., "CREAM: Consistency Regularized Self-Rewarding Language Models", 2024.)
func Consistency(a, b []float64) (float64, error) {
	tau, err := Kendall(a, b)
	return (tau + 1) / 2, err
}

// EndsAgree tells whether both scorers have the same item on top and the same one at the end; of items that tie the
// first counts. (TopOrder in the paper of [Consistency]; its code compares ranks of the first and the last item of the
// list instead.)
func EndsAgree(a, b []float64) (bool, error) {
	if err := alike(a, b); err != nil {
		return false, err
	}
	top := func(x []float64) int { return slices.Index(x, slices.Max(x)) }
	end := func(x []float64) int { return slices.Index(x, slices.Min(x)) }
	return top(a) == top(b) && end(a) == end(b), nil
}

// RSquared is how much of the targets' variance a straight line over the scores explains, the square of [Pearson].
// (Zhang et al., "Policy Filtration in RLHF to Fine-Tune LLM for Code Generation", 2024, section 3, chooses a filter
// by it.)
func RSquared(scores, targets []float64) (float64, error) {
	r, err := Pearson(scores, targets)
	return r * r, err
}

// Entropy is −Σ p log p of probabilities that sum to 1, in nats.
func Entropy(p []float64) (float64, error) {
	sum, total := 0.0, 0.0
	for i, x := range p {
		if !(x >= 0 && x <= 1) {
			return 0, fmt.Errorf("probability %d is %g", i, x)
		}
		total += x
		if x > 0 {
			sum -= x * math.Log(x)
		}
	}
	if math.Abs(total-1) > 1e-6 {
		return 0, fmt.Errorf("the probabilities sum to %g", total)
	}
	return sum, nil
}

func alike(a, b []float64) error {
	if len(a) != len(b) {
		return fmt.Errorf("one scorer has %d numbers and the other %d", len(a), len(b))
	}
	if len(a) < 2 {
		return fmt.Errorf("%d items tell nothing of an agreement, which takes two", len(a))
	}
	for i := range a {
		if !ops.Finite(a[i]) || !ops.Finite(b[i]) {
			return fmt.Errorf("item %d has the numbers %g and %g", i, a[i], b[i])
		}
	}
	return nil
}
