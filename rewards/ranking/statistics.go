// Package ranking says of the responses to one prompt what may be asked beside their scores: the statistics of the
// group, which of them a strategy selects, and what their comparisons come to for each.
//
// A response that failed has no score. It keeps its place, gets nothing, and changes nothing for the others. What there
// is no number for is one clear error, and never a number.
package ranking

import (
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/groups"
)

// epsilon is added to the deviation where scores are normalized, as TRL's GRPO does.
const epsilon = 1e-4

// Statistics are of the scores of a group. Lists have one number for each response.
type Statistics struct {
	Err         *failure.Error // a number is beyond the range of numbers; everything else is zero then
	Count       int            // of the scores
	Mean        ops.Maybe      // missing where there is no score
	Deviation   ops.Maybe      // of a sample, with Count − 1 below; missing of fewer than two scores
	Constant    bool           // all scores are equal, or there are fewer than two: the group has no variance
	LeaveOneOut []ops.Maybe    // the score less the mean of the others (RLOO); missing of fewer than two scores
	Normalized  []ops.Maybe    // (score − mean) / (deviation + epsilon) (GRPO); missing of fewer than two scores
	Ranks       []ops.Maybe    // places from the best, 1; equal scores share the lowest of their places
}

// Describe gives the statistics of a group's scores.
func Describe(scores []ops.Maybe) Statistics {
	of, some := groups.Describe(scores)
	s := Statistics{
		Count: of.Count, Constant: of.Count < 2 || of.Constant,
		LeaveOneOut: groups.LeaveOneOut(scores), Normalized: make([]ops.Maybe, len(scores)), Ranks: groups.Ranks(scores),
	}
	if some {
		s.Mean = ops.Some(of.Mean)
	}
	if of.Count > 1 {
		s.Deviation, s.Normalized = ops.Some(of.Deviation), groups.Normalized(scores, epsilon)
	}
	numbers := append([]ops.Maybe{s.Mean, s.Deviation}, s.LeaveOneOut...)
	if err := finite("statistics", append(numbers, s.Normalized...)); err != nil {
		return Statistics{Err: err}
	}
	return s
}

// finite says which of some numbers is none.
func finite(what string, numbers []ops.Maybe) *failure.Error {
	for _, x := range numbers {
		if x.Known && !ops.Finite(x.Value) {
			return failure.New(fault.CodeNotFinite, "%s: the scores are so large that a number of the group is %g", what, x.Value)
		}
	}
	return nil
}
