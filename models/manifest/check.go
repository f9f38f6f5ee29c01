package manifest

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
)

// checker notes a bad field unless ok.
type checker func(ok bool, format string, args ...any)

// check holds the manifest to itself: every bad field is named in the one error.
func (s *spec) check() error {
	var bad []string
	check := func(ok bool, format string, args ...any) {
		if !ok {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	if s.Graph.ReadsFeatures() {
		s.checkFeatures(check)
	} else {
		s.checkText(check)
		s.checkPooling(check)
		s.checkHeadGraph(check)
	}
	s.checkCommon(check)
	s.checkGraph(check)
	s.checkCompute(check)
	s.checkKind(check)
	s.checkNumbers(check)
	s.checkDrift(check)
	if len(bad) > 0 {
		return fault.New(fault.CodeBundle, "%s: %s", File, strings.Join(bad, "; "))
	}
	return nil
}

// precisions of a graph's weights as stored.
var precisions = []string{"float32", "float16", "bfloat16", "int8", precisionInt4}

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

func (s *spec) checkCommon(check checker) {
	check(s.Version == 1, "version is %d, and this server reads version 1", s.Version)
	check(nameRule.MatchString(s.Name), "name %q must match %s", s.Name, nameRule)
	check(s.Licence != "", "licence is missing")
	check(s.Source.Class != "", "source.class is missing")
	check(s.Graph.ReadsFeatures() || s.Limits.MaxTokens >= 1 && s.Limits.MaxTokens <= maxTokens,
		"limits.max_tokens is %d, and must be between 1 and %d", s.Limits.MaxTokens, maxTokens)
	check(s.Graph.File != "", "graph.file is missing")
	for field, file := range map[string]string{
		"graph.file": s.Graph.File, "graph.head.file": s.Graph.HeadFile(), "tokenizer.file": s.Tokenizer.File,
		"template.file": s.Template.File, "golden.file": s.Golden.File,
	} {
		check(file == "" || fs.ValidPath(file), "%s %q leaves the bundle", field, file)
	}
	s.checkStages(check)
	check(s.Golden.Tolerance >= 0, "golden.tolerance is %g, and must not be negative", s.Golden.Tolerance)
}

func (s *spec) checkGraph(check checker) {
	g := s.Graph
	check(slices.Contains([]string{layoutPacked, layoutPadded, layoutFeatures}, g.Layout),
		"graph.layout is %q, and must be packed, padded or features", g.Layout)
	check(slices.Contains(precisions, g.Precision), "graph.precision is %q, and must be one of %s", g.Precision,
		strings.Join(precisions, ", "))
	check(g.Output != "", "graph.output is missing")
	check(len(g.Labels) > 0 || s.Kind == KindEmbedding, "graph.labels is empty")
	for i, label := range g.Labels {
		check(label != "" && !slices.Contains(g.Labels[:i], label),
			"graph.labels[%d] is %q, and labels must be distinct and not empty", i, label)
	}
	if g.ReadsFeatures() {
		return
	}
	check(g.VocabSize > 0, "graph.vocab_size is %d, and must be positive", g.VocabSize)
	check(g.Input == "" && g.Features == nil, "graph.input and graph.features are for the layout features")
	s.checkAttention(check)
	switch g.Layout {
	case layoutPacked:
		check(g.Layers > 0, "graph.layers is %d, and the packed layout needs it", g.Layers)
		check(g.KVHeads > 0, "graph.kv_heads is %d, and the packed layout needs it", g.KVHeads)
		check(g.HeadDim > 0, "graph.head_dim is %d, and the packed layout needs it", g.HeadDim)
		check(g.Heads == 0 || g.KVHeads > 0 && g.Heads >= g.KVHeads && g.Heads%g.KVHeads == 0,
			"graph.heads is %d, and must be a multiple of graph.kv_heads %d", g.Heads, g.KVHeads)
	case layoutPadded:
		check(s.Tokenizer.PadID != nil, "tokenizer.pad_id is missing, and the padded layout needs it")
	}
}

// checkAttention checks which tokens see which. What reads a token as if nothing followed it does not go with attention
// both ways.
func (s *spec) checkAttention(check checker) {
	g := s.Graph
	check(g.Attention == "" || g.Attention == attentionCausal || g.Attention == attentionBidirectional,
		"graph.attention is %q, and must be causal or bidirectional", g.Attention)
	check(g.Attention == "" || g.Layout == layoutPacked,
		"graph.attention is %q, and only the packed layout has it: the layout is %s", g.Attention, g.Layout)
	if !g.Bidirectional() {
		return
	}
	check(s.Kind != KindProcess,
		"graph.attention is bidirectional, and a process model needs causal: a step is scored without those that follow")
	check(s.Likelihood == nil,
		"graph.attention is bidirectional, and likelihood needs causal: a token is expected from those before it alone")
}
