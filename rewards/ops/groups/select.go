package groups

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/assay-rm/assay/rewards/ops"
)

// Top lists the k best responses, the best first, of equal ones the earlier.
func Top(rewards []ops.Maybe, k int) []int {
	order := ops.Order(rewards, nil)
	return order[:min(max(k, 0), len(order))]
}

// TopShare lists the best ⌊share · n⌋ of the n responses that have a reward; what rounding takes of a product is given
// back, so that 0.29 of 100 are 29. (Dong et al., "RAFT: Reward rAnked
// FineTuning for Generative Foundation Model Alignment", 2023: over all prompts, or of each.)
func TopShare(rewards []ops.Maybe, share float64) ([]int, error) {
	if !(share >= 0 && share <= 1) {
		return nil, fmt.Errorf("the share is %g, and must be from 0 to 1", share)
	}
	const rounding = 1e-9
	return Top(rewards, int(share*float64(len(known(rewards)))+rounding)), nil
}

// Filter weighs the responses of one prompt for a policy's update: those that a strategy keeps have weights that sum
// to 1, all others 0. (Zhang et al., "Policy Filtration in RLHF to Fine-Tune LLM for Code Generation", 2024.)
type Filter string

// The filters.
const (
	Best       Filter = "best"        // the best alone (BoN)
	BestWorst  Filter = "best_worst"  // the best and the worst (BW)
	BestRandom Filter = "best_random" // the best, and one of the others by chance (BR)
)

// Keep gives the indices that a filter keeps. One seed chooses alike every time. Of one response best and worst are the
// same, which is kept once.
func (f Filter) Keep(rewards []ops.Maybe, seed uint64) ([]int, error) {
	order := ops.Order(rewards, nil)
	if len(order) == 0 {
		return nil, nil
	}
	switch last := len(order) - 1; {
	case f == Best || last == 0 && (f == BestWorst || f == BestRandom):
		return order[:1], nil
	case f == BestWorst:
		return []int{order[0], order[last]}, nil
	case f == BestRandom:
		return []int{order[0], order[1+rand.New(rand.NewPCG(seed, 0)).IntN(last)]}, nil
	}
	return nil, fmt.Errorf("filter %q is not one of %s, %s, %s", string(f), Best, BestWorst, BestRandom)
}

// PowerWeights are |reward|^power, power ≥ 0, scaled to the sum 1; 0 of a response without a reward. Where all are 0
// the known ones share alike. No reward is too large for a power, since the largest one is taken for 1.
func PowerWeights(rewards []ops.Maybe, power float64) []float64 {
	out, most, sum, n := make([]float64, len(rewards)), 0.0, 0.0, 0
	for _, r := range rewards {
		if r.Known {
			most = max(most, math.Abs(r.Value))
			n++
		}
	}
	for i, r := range rewards {
		if r.Known && most > 0 {
			out[i] = math.Pow(math.Abs(r.Value)/most, power)
			sum += out[i]
		}
	}
	for i, r := range rewards {
		switch {
		case sum > 0:
			out[i] /= sum
		case r.Known:
			out[i] = 1 / float64(n)
		}
	}
	return out
}

// Pair is a better response and a worse one, by their indices.
type Pair struct{ Chosen, Rejected int }

// MarginPairs lists every pair whose rewards lie at least gap apart, gap ≥ 0, the widest first; equal rewards are no
// pair. (Rosset et al., "Direct Nash Optimization", 2024, trains on such pairs.)
func MarginPairs(rewards []ops.Maybe, gap float64) []Pair {
	var pairs []Pair
	var gaps []ops.Maybe
	for i, a := range rewards {
		for j, b := range rewards {
			if by := a.Value - b.Value; a.Known && b.Known && by > 0 && by >= gap {
				pairs, gaps = append(pairs, Pair{i, j}), append(gaps, ops.Some(by))
			}
		}
	}
	sorted := make([]Pair, len(pairs))
	for at, i := range ops.Order(gaps, nil) {
		sorted[at] = pairs[i]
	}
	return sorted
}

// Ballot is an answer that several responses share, and what they give it.
type Ballot struct {
	Key     string
	Weight  float64 // sum of the weights of its responses
	Members []int   // responses that have it, in their order
}

// Vote adds the weights of the responses that share an answer, the key, and lists the answers from the greatest sum, or
// mean, to the smallest; of equal ones the answer that came first. A response without a key or a weight does not vote.
// With weights of 1 that is the majority. Weights are added from the smallest to the greatest, so that responses in
// another order give the same sums to the bit. (Wang et al., "Self-Consistency", 2023; Jiang et al., "MedS³: Towards
// Medical Small Language Models with Self-Evolved Slow Thinking", 2025, votes by the sum of step scores.)
func Vote(keys []string, weights []ops.Maybe, mean bool) ([]Ballot, error) {
	if len(keys) != len(weights) {
		return nil, fmt.Errorf("there are %d answers and %d weights", len(keys), len(weights))
	}
	var ballots []Ballot
	var of [][]float64 // the weights of each ballot
	at := map[string]int{}
	for i, key := range keys {
		if key == "" || !weights[i].Known {
			continue
		}
		k, seen := at[key]
		if !seen {
			k = len(ballots)
			at[key] = k
			ballots, of = append(ballots, Ballot{Key: key}), append(of, nil)
		}
		of[k] = append(of[k], weights[i].Value)
		ballots[k].Members = append(ballots[k].Members, i)
	}
	sums := make([]ops.Maybe, len(ballots))
	for k := range ballots {
		slices.Sort(of[k])
		for _, x := range of[k] {
			ballots[k].Weight += x
		}
		if mean {
			ballots[k].Weight /= float64(len(ballots[k].Members))
		}
		sums[k] = ops.Some(ballots[k].Weight)
	}
	sorted := make([]Ballot, len(ballots))
	for place, k := range ops.Order(sums, nil) {
		sorted[place] = ballots[k]
	}
	return sorted, nil
}
