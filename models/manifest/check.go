package manifest

import (
	"path"
	"slices"
	"strings"
)

// checker notes a bad field unless ok.
type checker func(ok bool, format string, args ...any)

func (m *Manifest) checkCommon(check checker) {
	check(m.Version == 1, "version is %d, and this server reads version 1", m.Version)
	check(nameRule.MatchString(m.Name), "name %q must match %s", m.Name, nameRule)
	check(m.Licence != "", "licence is missing")
	check(m.Source.Class != "", "source.class is missing")
	check(m.Limits.MaxTokens >= 1 && m.Limits.MaxTokens <= MaxTokens,
		"limits.max_tokens is %d, and must be between 1 and %d", m.Limits.MaxTokens, MaxTokens)
	check(m.Graph.File != "", "graph.file is missing")
	for field, file := range map[string]string{
		"graph.file": m.Graph.File, "graph.head.file": m.Graph.HeadFile(), "tokenizer.file": m.Tokenizer.File,
		"template.file": m.Template.File, "golden.file": m.Golden.File,
	} {
		check(file == "" || Inside(file), "%s %q leaves the bundle", field, file)
	}
	check(m.Golden.Tolerance >= 0, "golden.tolerance is %g, and must not be negative", m.Golden.Tolerance)
}

func (m *Manifest) checkGraph(check checker) {
	g := m.Graph
	check(slices.Contains([]string{LayoutPacked, LayoutPadded, LayoutFeatures}, g.Layout),
		"graph.layout is %q, and must be packed, padded or features", g.Layout)
	check(slices.Contains(Precisions, g.Precision), "graph.precision is %q, and must be one of %s", g.Precision, strings.Join(Precisions, ", "))
	check(g.Output != "", "graph.output is missing")
	check(len(g.Labels) > 0, "graph.labels is empty")
	for i, label := range g.Labels {
		check(label != "" && !slices.Contains(g.Labels[:i], label), "graph.labels[%d] is %q, and labels must be distinct and not empty", i, label)
	}
	if g.Layout == LayoutFeatures {
		return
	}
	check(g.VocabSize > 0, "graph.vocab_size is %d, and must be positive", g.VocabSize)
	check(g.Input == "" && g.Features == nil, "graph.input and graph.features are for the layout features")
	switch g.Layout {
	case LayoutPacked:
		check(g.Layers > 0, "graph.layers is %d, and the packed layout needs it", g.Layers)
		check(g.KVHeads > 0, "graph.kv_heads is %d, and the packed layout needs it", g.KVHeads)
		check(g.HeadDim > 0, "graph.head_dim is %d, and the packed layout needs it", g.HeadDim)
	case LayoutPadded:
		check(m.Tokenizer.PadID != nil, "tokenizer.pad_id is missing, and the padded layout needs it")
	}
}

// needsPad lists the pooling rules that look for the pad id.
var needsPad = []string{PoolLastNotPad, PoolBeforeFirstPad, PoolCountNotPad}

func (m *Manifest) checkPooling(check checker) {
	padded := m.Graph.Layout == LayoutPadded
	switch {
	case m.Kind == Process:
		want := PoolAtToken
		if m.Steps.Tokenize != TokenizeJoint || m.Likelihood != nil {
			want = PoolAtStep
		}
		check(m.Pooling == want, "pooling is %q, and a process model with steps.tokenize %s needs %s", m.Pooling, m.Steps.Tokenize, want)
	case m.Likelihood != nil:
		check(m.Pooling == PoolLastAttended, "pooling is %q, and likelihood reads every token up to the end: last_attended", m.Pooling)
	default:
		rules := append([]string{PoolLastAttended, PoolFromEnd, PoolAtToken}, needsPad...)
		check(slices.Contains(rules, m.Pooling) || m.Pooling == PoolInGraph && padded,
			"pooling is %q, and a %s model needs %s, or in_graph when the layout is padded", m.Pooling, m.Kind, strings.Join(rules, ", "))
	}
	check(!slices.Contains(needsPad, m.Pooling) || m.Tokenizer.PadID != nil, "tokenizer.pad_id is missing, and pooling %s needs it", m.Pooling)
	check(m.Read.Offset == 0 || m.Pooling == PoolFromEnd, "read.offset is for pooling from_end")
	check(m.Read.Offset >= 0, "read.offset is %d, and must not be negative", m.Read.Offset)
	needsToken := m.Pooling == PoolAtToken && m.Kind != Process
	check((m.Read.Token != "") == needsToken, "read.token is %q, and pooling %s of a %s model %s", m.Read.Token, m.Pooling, m.Kind,
		map[bool]string{true: "needs it", false: "has none"}[needsToken])
	if prompt := m.Read.Prompt; prompt != nil {
		check(m.Kind == Reward || m.Kind == Preference, "read.prompt is for reward and preference models")
		check((len(prompt.Pattern) > 0) != prompt.Rendered, "read.prompt must have one of pattern and rendered")
		check(m.Pooling != PoolInGraph, "read.prompt needs a graph that gives every token's row, and pooling is in_graph")
	}
}

func (m *Manifest) checkKind(check checker) {
	switch m.Kind {
	case Reward:
		m.checkHead(check)
	case Process:
		m.checkSteps(check)
	case PairKind:
		m.checkPair(check)
	case Preference:
		m.checkPreference(check)
	default:
		check(false, "kind is %q, and must be reward, process, pair or preference", m.Kind)
	}
	check(m.Kind == Process || m.Steps.empty(), "steps is for process models")
	check(m.Kind == PairKind || m.Pair == nil, "pair is for pair models")
	check(m.Kind == Preference || m.Preference == nil, "preference is for preference models")
	check(m.Kind == Reward || m.Head.empty(), "head is for reward models")
	if l := m.Likelihood; l != nil {
		check(m.Kind == Reward || m.Kind == Process, "likelihood is for reward and process models")
		check(len(m.Graph.Labels) <= 2, "graph.labels has %d labels, and likelihood has policy and maybe reference", len(m.Graph.Labels))
		check(l.Norm == NormSum || l.Norm == NormMean, "likelihood.norm is %q, and must be sum or mean", l.Norm)
		check(l.Beta != 0, "likelihood.beta is 0, and would make every score 0")
	}
}

func (h HeadSpec) empty() bool {
	return h.Activation == "" && h.Label == "" && h.Weights == nil && h.Gates == nil && h.Mean == 0 && *h.Std == 1
}

func (s StepSpec) empty() bool {
	return s.Separator == "" && s.Join == "" && s.Tokenize == "" && !s.Turns && s.Offset == 0 && s.Skip == 0 && s.Label == nil &&
		s.Activation == "" && s.Accumulate == nil
}

// known checks that labels are among the graph's.
func (m *Manifest) known(check checker, field string, labels ...string) {
	for _, label := range labels {
		check(slices.Contains(m.Graph.Labels, label), "%s %q is not among graph.labels %q", field, label, m.Graph.Labels)
	}
}

// distinct checks that no label is there twice.
func distinct(check checker, field string, labels []string) {
	for i, label := range labels {
		check(!slices.Contains(labels[:i], label), "%s has %q twice", field, label)
	}
}

func (m *Manifest) checkHead(check checker) {
	h := m.Head
	check(*h.Std > 0, "head.std is %g, and must be positive", *h.Std)
	check(slices.Contains([]string{"", ActivationNone, ActivationSigmoid, ActivationSoftmax}, h.Activation),
		"head.activation is %q, and must be none, sigmoid or softmax", h.Activation)
	check(h.Activation != ActivationSoftmax || len(m.Graph.Labels) > 1, "head.activation softmax needs two labels or more")
	ways := 0
	if h.Label != "" {
		ways++
		m.known(check, "head.label", h.Label)
	}
	if h.Weights != nil {
		ways++
		check(len(h.Weights) > 0, "head.weights is empty, and would make every score 0")
		for label := range h.Weights {
			m.known(check, "head.weights", label)
		}
	}
	if h.Gates != nil {
		ways++
		m.known(check, "head.gates.values", h.Gates.Values...)
		m.known(check, "head.gates.gates", h.Gates.Gates...)
		check(len(h.Gates.Values) > 0 && len(h.Gates.Values) == len(h.Gates.Gates),
			"head.gates has %d values and %d gates, and needs one gate per value", len(h.Gates.Values), len(h.Gates.Gates))
		check(m.Read.Prompt != nil, "head.gates needs read.prompt, where the gates are read")
	}
	check(m.Read.Prompt == nil || h.Gates != nil, "read.prompt needs head.gates, which uses it")
	if m.Likelihood != nil {
		check(ways == 0 && h.Activation == "", "head.activation, label, weights and gates do not go with likelihood")
		return
	}
	check(ways <= 1, "head must have one of label, weights and gates")
}

func (m *Manifest) checkSteps(check checker) {
	s := m.Steps
	check(slices.Contains([]string{TokenizeJoint, TokenizeSeparate, TokenizePrefix}, s.Tokenize),
		"steps.tokenize is %q, and must be joint, separate or prefix", s.Tokenize)
	check(s.Separator != "" || s.Tokenize == TokenizeSeparate || s.Tokenize == TokenizePrefix && !s.Turns,
		"steps.separator is missing, and a process model needs it")
	check(!s.Turns || s.Tokenize == TokenizePrefix, "steps.turns needs steps.tokenize prefix")
	check(s.Offset == 0 || s.Tokenize != TokenizeJoint, "steps.offset needs steps.tokenize separate or prefix")
	check(s.Join == "" || s.Tokenize != TokenizeSeparate && !s.Turns, "steps.join goes with one text, and steps.tokenize is %s", s.Tokenize)
	check(s.Offset >= 0, "steps.offset is %d, and must not be negative", s.Offset)
	check(s.Skip >= 0, "steps.skip is %d, and must not be negative", s.Skip)
	activations := []string{ActivationNone, ActivationSigmoid, ActivationSoftmax}
	if m.Likelihood != nil {
		activations = activations[:2]
		check(len(s.Label) == 0, "steps.label does not go with likelihood")
		check(s.Tokenize != TokenizeJoint, "steps.tokenize is joint, and likelihood needs separate or prefix")
		check(!s.Turns, "steps.turns does not go with likelihood, whose response is one turn")
	} else {
		check(len(s.Label) > 0, "steps.label is missing, and a process model needs it")
		m.known(check, "steps.label", s.Label...)
		distinct(check, "steps.label", s.Label)
		check(s.Accumulate == nil, "steps.accumulate goes with likelihood")
	}
	check(slices.Contains(activations, s.Activation), "steps.activation is %q, and must be one of %s", s.Activation, strings.Join(activations, ", "))
	check(s.Activation != ActivationSoftmax || len(m.Graph.Labels) > 1, "steps.activation softmax needs two labels or more")
}

func (m *Manifest) checkPair(check checker) {
	p := m.Pair
	if p == nil {
		check(false, "pair is missing, and a pair model needs it")
		return
	}
	m.known(check, "pair.label", p.Label)
	check(p.Activation == ActivationSigmoid || p.Activation == ActivationSoftmax, "pair.activation is %q, and must be sigmoid or softmax", p.Activation)
	check(p.Activation != ActivationSoftmax || len(m.Graph.Labels) > 1, "pair.activation softmax needs two labels or more")
	check(p.Orders == OrdersProbability || p.Orders == OrdersLogit, "pair.orders is %q, and must be probability or logit", p.Orders)
}

func (m *Manifest) checkPreference(check checker) {
	p := m.Preference
	if p == nil {
		check(false, "preference is missing, and a preference model needs it")
		return
	}
	m.known(check, "preference.embedding", p.Embedding...)
	m.known(check, "preference.scale", p.Scale...)
	distinct(check, "preference.embedding", p.Embedding)
	distinct(check, "preference.scale", p.Scale)
	check(len(p.Embedding) > 0 && len(p.Embedding)%2 == 0, "preference.embedding has %d labels, and needs an even number", len(p.Embedding))
	check(len(p.Scale) == 0 || 2*len(p.Scale) == len(p.Embedding),
		"preference.scale has %d labels, and needs half as many as the embedding's %d", len(p.Scale), len(p.Embedding))
	check((len(p.Scale) > 0) == (m.Read.Prompt != nil), "preference.scale and read.prompt need each other")
	check(p.Temperature > 0, "preference.temperature is %g, and must be positive", p.Temperature)
}

// Inside tells whether a relative name stays in the directory that it is relative to.
func Inside(name string) bool {
	return !path.IsAbs(name) && !strings.Contains(name, `\`) && path.Clean(name) == name && name != ".." && !strings.HasPrefix(name, "../")
}
