package manifest

import (
	"maps"
	"slices"
)

// HeadGraphSpec describes a head that is a graph of its own: it turns the rows that leave the first graph into readings.
type HeadGraphSpec struct {
	File   string `yaml:"file"`
	Width  int    `yaml:"width"`          // of a row: the last dimension of graph.output
	Input  string `yaml:"input"`          // name of its input of rows, [rows, width]
	Output string `yaml:"output"`         // name of its output, [rows, labels]
	User   string `yaml:"user,omitempty"` // name of its input of a user's vector, [rows, D] or [D]; empty: it has none
}

// Limits of what a manifest may say of a head's rows and of features.
const (
	maxWidth    = 1 << 16
	maxFeatures = 1 << 12
)

// ReadsFeatures tells whether items are named numbers instead of tokens.
func (m *Manifest) ReadsFeatures() bool { return m.Graph.Layout == LayoutFeatures }

// Asked is the question that the model answers: its kind, but that a reward model of features answers no question about responses.
func (m *Manifest) Asked() Kind {
	if m.Kind == Reward && m.ReadsFeatures() {
		return FeatureReward
	}
	return m.Kind
}

// Columns is the length of the rows that leave the graph: its labels, or what the head graph takes.
func (g *GraphSpec) Columns() int {
	if g.Head != nil {
		return g.Head.Width
	}
	return len(g.Labels)
}

// HeadFile is the name of the head's file; empty: the graph has its head.
func (g *GraphSpec) HeadFile() string {
	if g.Head == nil {
		return ""
	}
	return g.Head.File
}

// checkHeadGraph checks the head graph of a model that reads tokens, where it has one.
func (m *Manifest) checkHeadGraph(check checker) {
	h := m.Graph.Head
	if h == nil {
		return
	}
	check(h.File != "", "graph.head.file is missing")
	check(h.File == "" || h.File != m.Graph.File, "graph.head.file is graph.file, and the head is a graph of its own")
	check(h.Width > 0 && h.Width < maxWidth, "graph.head.width is %d, and must be between 1 and %d", h.Width, maxWidth-1)
	check(h.Input != "", "graph.head.input is missing")
	check(h.Output != "", "graph.head.output is missing")
	check(h.User == "" || h.User != h.Input, "graph.head.user is graph.head.input, and must be another input")
	check(m.Likelihood == nil, "graph.head does not go with likelihood, whose graph gives log-probabilities")
}

// checkFeatures checks a model that reads features, and sets its limit to their number.
func (m *Manifest) checkFeatures(check checker) {
	g := m.Graph
	check(m.Kind == Reward, "kind is %q, and a model with graph.layout features must be a reward model", m.Kind)
	check(g.Input != "", "graph.input is missing, and the layout features needs it")
	check(len(g.Features) > 0 && len(g.Features) <= maxFeatures, "graph.features has %d names, and must have 1 to %d", len(g.Features), maxFeatures)
	for i, name := range g.Features {
		check(name != "" && !slices.Contains(g.Features[:i], name), "graph.features[%d] is %q, and features must be distinct and not empty", i, name)
	}
	absent := map[string]bool{
		"graph.vocab_size":  g.VocabSize == 0,
		"graph.layers":      g.Layers == 0,
		"graph.kv_heads":    g.KVHeads == 0,
		"graph.head_dim":    g.HeadDim == 0,
		"graph.head":        g.Head == nil,
		"tokenizer":         m.Tokenizer == TokenSpec{},
		"template":          m.Template.File == "" && m.Template.Segments == nil && m.Template.Variables == nil,
		"pooling":           m.Pooling == "",
		"read":              m.Read == ReadSpec{},
		"likelihood":        m.Likelihood == nil,
		"limits.max_tokens": m.Limits.MaxTokens == 0,
	}
	for _, field := range slices.Sorted(maps.Keys(absent)) {
		check(absent[field], "%s is for models that read tokens, and graph.layout is features", field)
	}
	m.Limits.MaxTokens = max(1, len(g.Features))
}
