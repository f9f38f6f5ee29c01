package manifest

import (
	"maps"
	"slices"
)

// Limits of what a manifest may say of a head's rows and of features.
const (
	maxWidth    = 1 << 16
	maxFeatures = 1 << 12
)

// checkHeadGraph checks the head graph of a model that reads tokens, where it has one.
func (s *spec) checkHeadGraph(check checker) {
	h := s.Graph.Head
	if h == nil {
		return
	}
	check(h.File != "", "graph.head.file is missing")
	check(h.File == "" || h.File != s.Graph.File, "graph.head.file is graph.file, and the head is a graph of its own")
	check(h.Width > 0 && h.Width < maxWidth, "graph.head.width is %d, and must be between 1 and %d", h.Width,
		maxWidth-1)
	check(h.Input != "", "graph.head.input is missing")
	check(h.Output != "", "graph.head.output is missing")
	check(h.User == "" || h.User != h.Input, "graph.head.user is graph.head.input, and must be another input")
	check(s.Likelihood == nil, "graph.head does not go with likelihood, whose graph gives log-probabilities")
}

// checkFeatures checks a model that reads features.
func (s *spec) checkFeatures(check checker) {
	g := s.Graph
	check(s.Kind == KindReward, "kind is %q, and a model with graph.layout features must be a reward model", s.Kind)
	check(g.Input != "", "graph.input is missing, and the layout features needs it")
	check(len(g.Features) > 0 && len(g.Features) <= maxFeatures, "graph.features has %d names, and must have 1 to %d",
		len(g.Features), maxFeatures)
	for i, name := range g.Features {
		check(name != "" && !slices.Contains(g.Features[:i], name),
			"graph.features[%d] is %q, and features must be distinct and not empty", i, name)
	}
	absent := map[string]bool{
		"graph.vocab_size":  g.VocabSize == 0,
		"graph.attention":   g.Attention == "",
		"graph.layers":      g.Layers == 0,
		"graph.heads":       g.Heads == 0,
		"graph.kv_heads":    g.KVHeads == 0,
		"graph.head_dim":    g.HeadDim == 0,
		"graph.head":        g.Head == nil,
		"tokenizer":         s.Tokenizer == tokenizer{},
		"template":          s.Template.File == "" && s.Template.Segments == nil && s.Template.Variables == nil && s.Template.Date == "" && s.Template.Fields == nil,
		"pooling":           s.Pooling == "",
		"read":              s.Read == readSpec{},
		"likelihood":        s.Likelihood == nil,
		"limits.max_tokens": s.Limits.MaxTokens == 0,
	}
	for _, field := range slices.Sorted(maps.Keys(absent)) {
		check(absent[field], "%s is for models that read tokens, and graph.layout is features", field)
	}
}
