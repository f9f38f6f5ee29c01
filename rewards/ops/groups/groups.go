// Package groups relates the rewards of several responses to one prompt: statistics of the group, choices among it, and
// votes.
//
// A response whose reward is missing keeps its place, gets nothing, and counts nowhere: the statistics are of those
// that are there.
package groups

import (
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// Statistics are of the known rewards of a group.
type Statistics struct {
	Count     int // of the known rewards
	Mean      float64
	Deviation float64 // of a sample, with n − 1 below; 0 of one reward
	Constant  bool    // all are equal: the group teaches nothing where only differences count
}

// Describe gives the statistics of a group, and false where no reward is known.
func Describe(rewards []ops.Maybe) (Statistics, bool) {
	known := known(rewards)
	if len(known) == 0 {
		return Statistics{}, false
	}
	s := Statistics{Count: len(known), Mean: ops.Mean(known), Constant: slices.Min(known) == slices.Max(known)}
	if s.Count > 1 && !s.Constant {
		squares := make([]float64, len(known))
		for i, x := range known {
			squares[i] = (x - s.Mean) * (x - s.Mean)
		}
		s.Deviation = math.Sqrt(ops.Mean(squares) * float64(s.Count) / float64(s.Count-1))
	}
	return s, true
}

// LeaveOneOut is each reward less the mean of the others, the advantage of RLOO; missing of the only reward there is.
// (Ahmadian et al., "Back to Basics: Revisiting REINFORCE Style Optimization", 2024.)
func LeaveOneOut(rewards []ops.Maybe) []ops.Maybe {
	out := make([]ops.Maybe, len(rewards))
	s, some := Describe(rewards)
	if !some || s.Count < 2 {
		return out
	}
	n := float64(s.Count)
	for i, r := range rewards {
		if r.Known {
			out[i] = ops.Some((r.Value - s.Mean) * n / (n - 1)) // r − (n·mean − r) / (n − 1)
		}
	}
	return out
}

// Normalized is (reward − mean) / (deviation + epsilon), the advantage of GRPO (Shao et al., "DeepSeekMath", 2024; TRL
// has epsilon 1e-4, veRL 1e-6). Without epsilon a group whose rewards are all equal has none.
func Normalized(rewards []ops.Maybe, epsilon float64) []ops.Maybe {
	out := make([]ops.Maybe, len(rewards))
	s, some := Describe(rewards)
	if !some || !(s.Deviation+epsilon > 0) {
		return out
	}
	for i, r := range rewards {
		if r.Known {
			out[i] = ops.Some((r.Value - s.Mean) / (s.Deviation + epsilon))
		}
	}
	return out
}

// Ranks are the places from the best, 1; equal rewards share the lowest of their places, as in sport.
func Ranks(rewards []ops.Maybe) []ops.Maybe {
	out := make([]ops.Maybe, len(rewards))
	for i, r := range rewards {
		if !r.Known {
			continue
		}
		rank := 1.0
		for _, other := range rewards {
			if other.Known && other.Value > r.Value {
				rank++
			}
		}
		out[i] = ops.Some(rank)
	}
	return out
}

// TreeSums adds to each node's value those of all nodes below it; parents[i] is the parent of node i, −1 of a root. A
// value that is missing adds nothing. (Stengel-Eskin et al., "Teaching Models to Balance Resisting and Accepting
// Persuasion", 2024, scores the turns of a dialogue tree so.)
func TreeSums(parents []int, values []ops.Maybe) ([]float64, error) {
	if len(parents) != len(values) {
		return nil, fmt.Errorf("there are %d parents and %d values", len(parents), len(values))
	}
	sums := make([]float64, len(values))
	for i, v := range values {
		if !v.Known {
			continue
		}
		steps := 0
		for at := i; at != -1; at = parents[at] {
			if at < 0 || at >= len(parents) || steps > len(parents) {
				return nil, fmt.Errorf("node %d has no root above it", i)
			}
			sums[at] += v.Value
			steps++
		}
	}
	return sums, nil
}

func known(rewards []ops.Maybe) []float64 {
	var values []float64
	for _, r := range rewards {
		if r.Known {
			values = append(values, r.Value)
		}
	}
	return values
}
