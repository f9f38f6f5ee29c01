package manifest

import (
	"slices"
	"strings"
)

func (s *spec) checkKind(check checker) {
	switch s.Kind {
	case KindReward:
		s.checkHead(check)
	case KindProcess:
		s.checkSteps(check)
	case KindPair:
		s.checkPair(check)
	case KindPreference:
		s.checkPreference(check)
	case KindChoice:
		s.checkChoice(check)
	case KindEmbedding:
		s.checkEmbedding(check)
	default:
		check(false, "kind is %q, and must be reward, process, pair, preference, choice or embedding", s.Kind)
	}
	check(s.Kind == KindProcess || s.Steps.empty(), "steps is for process models")
	check(s.Kind == KindPair || s.Pair == nil, "pair is for pair models")
	check(s.Kind == KindPreference || s.Preference == nil, "preference is for preference models")
	check(s.Kind == KindEmbedding || s.Embedding == nil, "embedding is for embedding models")
	check(s.Kind == KindReward || s.Head.empty(), "head is for reward models")
	if c := s.Calibration; c != nil {
		check(slices.Contains([]Kind{KindReward, KindPair, KindPreference}, s.Kind) && !s.Graph.ReadsFeatures(),
			"calibration is for models that give preferences: reward (not of features), pair and preference")
		check(c.Temperature > 0, "calibration.temperature is %g, and must be positive", c.Temperature)
		check(c.Pairs >= 0, "calibration.pairs is %d, and must not be negative", c.Pairs)
	}
	if l := s.Likelihood; l != nil {
		check(s.Kind == KindReward || s.Kind == KindProcess, "likelihood is for reward and process models")
		check(len(s.Graph.Labels) <= 2, "graph.labels has %d labels, and likelihood has policy and maybe reference",
			len(s.Graph.Labels))
		check(l.Norm == normSum || l.Norm == normMean, "likelihood.norm is %q, and must be sum or mean", l.Norm)
		check(l.Beta != 0, "likelihood.beta is 0, and would make every score 0")
	}
}

func (h headSpec) empty() bool {
	return h.Activation == "" && h.Label == "" && h.Weights == nil && h.Gates == nil && h.Mean == 0 && *h.Std == 1 && h.Final == ""
}

func (s stepSpec) empty() bool {
	return s.Separator == "" && s.Join == "" && s.Tokenize == "" && !s.Turns && s.Offset == 0 && s.Skip == 0 &&
		s.Label == nil && s.Activation == "" && s.Accumulate == nil
}

// known checks that labels are among the graph's.
func (s *spec) known(check checker, field string, labels ...string) {
	for _, label := range labels {
		check(slices.Contains(s.Graph.Labels, label), "%s %q is not among graph.labels %q", field, label,
			s.Graph.Labels)
	}
}

// distinct checks that no label is there twice.
func distinct(check checker, field string, labels []string) {
	for i, label := range labels {
		check(!slices.Contains(labels[:i], label), "%s has %q twice", field, label)
	}
}

func (s *spec) checkHead(check checker) {
	h := s.Head
	check(*h.Std > 0, "head.std is %g, and must be positive", *h.Std)
	check(slices.Contains([]string{"", activationNone, activationSigmoid, activationSoftmax}, h.Activation),
		"head.activation is %q, and must be none, sigmoid or softmax", h.Activation)
	check(h.Activation != activationSoftmax || len(s.Graph.Labels) > 1,
		"head.activation softmax needs two labels or more")
	check(slices.Contains([]string{"", activationNone, activationSigmoid}, h.Final), "head.final is %q, and must be none or sigmoid", h.Final)
	ways := 0
	if h.Label != "" {
		ways++
		s.known(check, "head.label", h.Label)
	}
	if h.Weights != nil {
		ways++
		check(len(h.Weights) > 0, "head.weights is empty, and would make every score 0")
		for label := range h.Weights {
			s.known(check, "head.weights", label)
		}
	}
	if h.Gates != nil {
		ways++
		s.known(check, "head.gates.values", h.Gates.Values...)
		s.known(check, "head.gates.gates", h.Gates.Gates...)
		check(len(h.Gates.Values) > 0 && len(h.Gates.Values) == len(h.Gates.Gates),
			"head.gates has %d values and %d gates, and needs one gate per value", len(h.Gates.Values),
			len(h.Gates.Gates))
		check(s.Read.Prompt != nil, "head.gates needs read.prompt, where the gates are read")
	}
	check(s.Read.Prompt == nil || h.Gates != nil, "read.prompt needs head.gates, which uses it")
	if s.Likelihood != nil {
		check(ways == 0 && h.Activation == "", "head.activation, label, weights and gates do not go with likelihood")
		return
	}
	check(ways <= 1, "head must have one of label, weights and gates")
}

func (s *spec) checkSteps(check checker) {
	t := s.Steps
	check(slices.Contains([]string{tokenizeJoint, tokenizeSeparate, tokenizePrefix}, t.Tokenize),
		"steps.tokenize is %q, and must be joint, separate or prefix", t.Tokenize)
	check(t.Separator != "" || t.Tokenize == tokenizeSeparate || t.Tokenize == tokenizePrefix && !t.Turns,
		"steps.separator is missing, and a process model needs it")
	check(!t.Turns || t.Tokenize == tokenizePrefix, "steps.turns needs steps.tokenize prefix")
	check(t.Offset == 0 || t.Tokenize != tokenizeJoint, "steps.offset needs steps.tokenize separate or prefix")
	check(t.Join == "" || t.Tokenize != tokenizeSeparate && !t.Turns,
		"steps.join goes with one text, and steps.tokenize is %s", t.Tokenize)
	check(t.Offset >= 0, "steps.offset is %d, and must not be negative", t.Offset)
	check(t.Skip >= 0, "steps.skip is %d, and must not be negative", t.Skip)
	activations := []string{activationNone, activationSigmoid, activationSoftmax}
	if s.Likelihood != nil {
		activations = activations[:2]
		check(len(t.Label) == 0, "steps.label does not go with likelihood")
		check(t.Tokenize != tokenizeJoint, "steps.tokenize is joint, and likelihood needs separate or prefix")
		check(!t.Turns, "steps.turns does not go with likelihood, whose response is one turn")
	} else {
		check(len(t.Label) > 0, "steps.label is missing, and a process model needs it")
		s.known(check, "steps.label", t.Label...)
		distinct(check, "steps.label", t.Label)
		check(t.Accumulate == nil, "steps.accumulate goes with likelihood")
	}
	check(slices.Contains(activations, t.Activation), "steps.activation is %q, and must be one of %s", t.Activation,
		strings.Join(activations, ", "))
	check(t.Activation != activationSoftmax || len(s.Graph.Labels) > 1,
		"steps.activation softmax needs two labels or more")
}

func (s *spec) checkPair(check checker) {
	p := s.Pair
	if p == nil {
		check(false, "pair is missing, and a pair model needs it")
		return
	}
	s.known(check, "pair.label", p.Label)
	check(p.Activation == activationSigmoid || p.Activation == activationSoftmax,
		"pair.activation is %q, and must be sigmoid or softmax", p.Activation)
	check(p.Activation != activationSoftmax || len(s.Graph.Labels) > 1,
		"pair.activation softmax needs two labels or more")
	check(p.Orders == ordersProbability || p.Orders == ordersLogit,
		"pair.orders is %q, and must be probability or logit", p.Orders)
}

func (s *spec) checkPreference(check checker) {
	p := s.Preference
	if p == nil {
		check(false, "preference is missing, and a preference model needs it")
		return
	}
	s.known(check, "preference.embedding", p.Embedding...)
	s.known(check, "preference.scale", p.Scale...)
	distinct(check, "preference.embedding", p.Embedding)
	distinct(check, "preference.scale", p.Scale)
	check(len(p.Embedding) > 0 && len(p.Embedding)%2 == 0,
		"preference.embedding has %d labels, and needs an even number", len(p.Embedding))
	check(len(p.Scale) == 0 || 2*len(p.Scale) == len(p.Embedding),
		"preference.scale has %d labels, and needs half as many as the embedding's %d", len(p.Scale), len(p.Embedding))
	check((len(p.Scale) > 0) == (s.Read.Prompt != nil), "preference.scale and read.prompt need each other")
	check(p.Temperature > 0, "preference.temperature is %g, and must be positive", p.Temperature)
}

// choiceLabels are the columns of a choice model's rows: the logit of the token that follows the position read, and the
// logarithm of the sum of exp(logit) over the vocabulary.
var choiceLabels = []string{"logit", "log_sum"}

func (s *spec) checkChoice(check checker) {
	check(slices.Equal(s.Graph.Labels, choiceLabels), "graph.labels is %q, and a choice model's rows are %q", s.Graph.Labels, choiceLabels)
	check(s.Graph.Layout == layoutPacked, "graph.layout is %q, and a choice model, which reads a prompt once for all candidates, needs packed",
		s.Graph.Layout)
	check(!s.Graph.Bidirectional(), "graph.attention is bidirectional, and a choice model needs causal: a token is expected from those before it alone")
	check(s.Graph.Head == nil, "graph.head does not go with a choice model, whose rows are of the token that follows")
	check(s.Tokenizer.End == endKeep, "tokenizer.end is %q, and a choice model, whose ids end with a candidate, needs keep", s.Tokenizer.End)
	check(len(s.Template.Segments) == 0, "template.segments render no prompt alone, and a choice model needs it")
}
