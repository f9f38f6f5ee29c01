package manifest

import (
	"maps"
	"math"
	"slices"
)

// Limits of what a manifest may say of its graph and steps.
const (
	maxTokens = 1 << 20 // of limits.max_tokens
	maxLayers = 1 << 12
	maxHeads  = 1 << 16 // of kv_heads and of head_dim
	maxIDs    = 1 << 31 // of vocab_size
	maxSkip   = 64      // of steps.skip
)

// checkNumbers refuses numbers that no arithmetic is meant for.
func (s *spec) checkNumbers(check checker) {
	finite := func(field string, value float64) {
		check(!math.IsNaN(value) && !math.IsInf(value, 0), "%s is %g, and must be finite", field, value)
	}
	finite("head.mean", s.Head.Mean)
	finite("head.std", *s.Head.Std)
	for _, label := range slices.Sorted(maps.Keys(s.Head.Weights)) {
		finite("head.weights."+label, s.Head.Weights[label])
	}
	if s.Likelihood != nil {
		finite("likelihood.beta", s.Likelihood.Beta)
	}
	if s.Preference != nil {
		finite("preference.temperature", s.Preference.Temperature)
	}
	if c := s.Calibration; c != nil {
		finite("calibration.temperature", c.Temperature)
	}
	finite("golden.tolerance", s.Golden.Tolerance)
	if d := s.Drift; d != nil {
		finite("drift.max", d.Max)
		finite("drift.mean", d.Mean)
		finite("drift.order", d.Order)
	}
	below := func(field string, value, limit int64) {
		check(value < limit, "%s is %d, and must be below %d", field, value, limit)
	}
	below("graph.layers", int64(s.Graph.Layers), maxLayers)
	check(s.Graph.Heads >= 0, "graph.heads is %d, and must not be negative", s.Graph.Heads)
	below("graph.heads", s.Graph.Heads, maxHeads)
	below("graph.kv_heads", s.Graph.KVHeads, maxHeads)
	below("graph.head_dim", s.Graph.HeadDim, maxHeads)
	below("graph.vocab_size", s.Graph.VocabSize, maxIDs)
	if tokens := int64(s.Limits.MaxTokens); tokens > 0 {
		below("read.offset", int64(s.Read.Offset), tokens)
		below("steps.offset", int64(s.Steps.Offset), tokens)
		below("steps.skip", int64(s.Steps.Skip), min(tokens, maxSkip))
	}
}

func (s *spec) checkDrift(check checker) {
	d := s.Drift
	if d == nil {
		check(s.Graph.Precision == "float32" || s.Graph.Drift != nil, "drift is missing, and precision %s needs it", s.Graph.Precision)
		return
	}
	check(d.Items > 0, "drift.items is %d, and must be positive", d.Items)
	check(d.Max >= d.Mean && d.Mean >= 0, "drift.max is %g and drift.mean %g, and 0 ≤ mean ≤ max", d.Max, d.Mean)
	check(d.Pairs > 0 && d.Order >= 0 && d.Order <= 1, "drift.order is %g of %d pairs, and must be a share of some",
		d.Order, d.Pairs)
}
