package ordered

import "slices"

// Cumulative is c_k = q_1 + … + q_k.
func Cumulative(q []float64) []float64 {
	out := slices.Clone(q)
	for k := 1; k < len(out); k++ {
		out[k] += out[k-1]
	}
	return out
}

// Remaining is q_k + … + q_K, the undiscounted return of each step.
func Remaining(q []float64) []float64 {
	out := slices.Clone(q)
	for k := len(out) - 2; k >= 0; k-- {
		out[k] += out[k+1]
	}
	return out
}

// Progress is q_k − q_{k−1}, where before is the value of what came before the first step: the advantage of each step
// under the prover whose values the scores are. It telescopes: its sum is q_K − before. (Setlur et al., "Rewarding
// Progress: Scaling Automated Process Verifiers for LLM Reasoning", 2024, equation 2.)
func Progress(q []float64, before float64) []float64 {
	out := slices.Clone(q)
	for k := range out {
		out[k] -= before
		before = q[k]
	}
	return out
}

// Delta is q_k − q_{k+1} of all steps before the last but one, q_{K−1} of that one, and 0 of the last, which the reward
// of success is for: from each step k < K on, what remains sums to q_k, so that more steps do not earn more. Of one
// step it is 0. (Gao et al., "On Designing Effective RL Reward at Training Time for LLM Reasoning", 2024.)
func Delta(q []float64) []float64 {
	out := make([]float64, len(q))
	for k := range max(len(q)-1, 0) {
		out[k] = q[k]
		if k < len(q)-2 {
			out[k] -= q[k+1]
		}
	}
	return out
}
