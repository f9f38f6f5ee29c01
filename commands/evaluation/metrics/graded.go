package metrics

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/agreement"
)

// Sums of graded responses: how many prompts Kendall's τ and Spearman's ρ are defined of and what they sum up to, the
// same of NDCG, and the moments of scores and grades over all responses.
const (
	gradedN, gradedKendall, gradedSpearman, gradedGains, gradedNDCG = 0, 1, 2, 3, 4

	momentN, momentX, momentY, momentXX, momentYY, momentXY = 5, 6, 7, 8, 9, 10
)

// Graded is the unit of a prompt whose responses have grades, such as what people or a later stage thought of them: by
// Kendall's τ_b, Spearman's ρ and NDCG, whose gains are the grades as they are (Järvelin and Kekäläinen, 2002; equal
// scores share the mean of their gains, as in scikit-learn). What is not defined, as a correlation of equal grades, is
// not counted.
func Graded(scores, grades []float64) ([]float64, error) {
	unit := make([]float64, 11)
	tau, err := agreement.Kendall(scores, grades)
	rho, err2 := agreement.Spearman(scores, grades)
	if errors.Join(err, err2) == nil {
		unit[gradedN], unit[gradedKendall], unit[gradedSpearman] = 1, tau, rho
	}
	if slices.Min(grades) < 0 {
		return nil, errors.New("a grade is negative")
	}
	if best := gain(grades, grades); best > 0 {
		unit[gradedGains], unit[gradedNDCG] = 1, gain(scores, grades)/best
	}
	for i, x := range scores {
		y := grades[i]
		for at, more := range []float64{1, x, y, x * x, y * y, x * y} {
			unit[momentN+at] += more
		}
	}
	return unit, nil
}

// gain is the discounted cumulative gain of the grades in the order of the scores.
func gain(scores, grades []float64) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	sum := 0.0
	for from := 0; from < len(order); {
		to, grade, discount := from, 0.0, 0.0
		for ; to < len(order) && scores[order[to]] == scores[order[from]]; to++ {
			grade += grades[order[to]]
			discount += 1 / math.Log2(float64(to+2))
		}
		sum += grade / float64(to-from) * discount
		from = to
	}
	return sum
}

// Grades is the family of [Graded], and Pearson's correlation of scores and grades over all responses: how far a reward
// agrees with what it stands for (Lambert and Calandra, The Alignment Ceiling, 2023).
func Grades() *samples.Family {
	return &samples.Family{
		Width: 11, Sums: 11,
		Add: func(sums, unit []float64) {
			for i, x := range unit {
				sums[i] += x
			}
		},
		Metrics: []samples.Metric{
			samples.Share("kendall", gradedKendall, gradedN), samples.Share("spearman", gradedSpearman, gradedN), samples.Share("ndcg", gradedNDCG, gradedGains),
			{Name: "pearson", N: momentN, Of: pearson},
		},
	}
}

// pearson is the correlation by the moments; missing where one side is constant.
func pearson(sums []float64) ops.Maybe {
	n := sums[momentN]
	x, y := n*sums[momentXX]-sums[momentX]*sums[momentX], n*sums[momentYY]-sums[momentY]*sums[momentY]
	if x <= 0 || y <= 0 {
		return ops.Maybe{}
	}
	return ops.Some(min(max((n*sums[momentXY]-sums[momentX]*sums[momentY])/math.Sqrt(x)/math.Sqrt(y), -1), 1))
}

// Sums of stances.
const (
	stanceN, stanceChange, stanceRose, stanceAgainst, stanceFlips = 0, 1, 2, 3, 4
)

// Stance is the unit of what somebody says before and after an attempt to persuade them, by scores that say how far
// they agree; at the threshold and above it they do.
func Stance(before, after, threshold float64) []float64 {
	against := before < threshold
	return []float64{1, after - before, one(after > before), one(against), one(against && after >= threshold)}
}

// Stances is the family of [Stance]: the mean change (Salvi et al., On the Conversational Persuasiveness of Large
// Language Models, 2024), how many came to agree more, and of those who did not agree how many do now (Payandeh et al.,
// How susceptible are LLMs to Logical Fallacies?, 2023).
func Stances() *samples.Family {
	return &samples.Family{
		Width: 5, Sums: 5,
		Add: func(sums, unit []float64) {
			for i, x := range unit {
				sums[i] += x
			}
		},
		Metrics: []samples.Metric{
			samples.Share("stance_change", stanceChange, stanceN), samples.Share("rose", stanceRose, stanceN), samples.Share("flip_rate", stanceFlips, stanceAgainst),
		},
	}
}
