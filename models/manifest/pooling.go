package manifest

import (
	"slices"
	"strings"
)

// Pooling rules by which an encoder finds the position that a model is read at. docs/BUNDLE.md has all of them.
const (
	PoolLastNotPad     = "last_not_pad"     // P2
	PoolBeforeFirstPad = "before_first_pad" // P3
	PoolCountNotPad    = "count_not_pad"    // P4
	PoolFromEnd        = "from_end"         // P5
	PoolAtToken        = "at_token"         // P6

	poolLastAttended = "last_attended" // P1
	poolAtStep       = "at_step"       // P7
	poolFirst        = "first"         // P8
	poolInGraph      = "in_graph"      // the graph pools
)

// needsPad lists the pooling rules that look for the pad id.
var needsPad = []string{PoolLastNotPad, PoolBeforeFirstPad, PoolCountNotPad}

func (s *spec) checkPooling(check checker) {
	pools := s.Graph.Padded() || s.Graph.Bidirectional()
	switch {
	case s.Kind == KindProcess:
		want := PoolAtToken
		if s.Steps.Tokenize != tokenizeJoint || s.Likelihood != nil {
			want = poolAtStep
		}
		check(s.Pooling == want, "pooling is %q, and a process model with steps.tokenize %s needs %s", s.Pooling,
			s.Steps.Tokenize, want)
	case s.Kind == KindChoice:
		check(s.Pooling == poolLastAttended, "pooling is %q, and a choice model reads the prompt's last token: last_attended", s.Pooling)
	case s.Likelihood != nil:
		check(s.Pooling == poolLastAttended,
			"pooling is %q, and likelihood reads every token up to the end: last_attended", s.Pooling)
	default:
		rules := append([]string{poolLastAttended, PoolFromEnd, PoolAtToken}, needsPad...)
		if s.Kind == KindEmbedding {
			rules = append(rules, poolFirst)
		}
		check(slices.Contains(rules, s.Pooling) || s.Pooling == poolInGraph && pools,
			"pooling is %q, and a %s model needs %s, or in_graph when the layout is padded or graph.attention bidirectional",
			s.Pooling, s.Kind, strings.Join(rules, ", "))
	}
	check(!slices.Contains(needsPad, s.Pooling) || s.Tokenizer.PadID != nil,
		"tokenizer.pad_id is missing, and pooling %s needs it", s.Pooling)
	s.checkRead(check)
}

func (s *spec) checkRead(check checker) {
	r := s.Read
	check(r.Offset == 0 || s.Pooling == PoolFromEnd, "read.offset is for pooling from_end")
	check(r.Offset >= 0, "read.offset is %d, and must not be negative", r.Offset)
	needsToken, words := s.Pooling == PoolAtToken && s.Kind != KindProcess, "has none"
	if needsToken {
		words = "needs it"
	}
	check((r.Token != "") == needsToken, "read.token is %q, and pooling %s of a %s model %s", r.Token, s.Pooling,
		s.Kind, words)
	if r.Prompt == nil {
		return
	}
	check(s.Kind == KindReward || s.Kind == KindPreference, "read.prompt is for reward and preference models")
	check((len(r.Prompt.Pattern) > 0) != r.Prompt.Rendered, "read.prompt must have one of pattern and rendered")
	check(s.Pooling != poolInGraph, "read.prompt needs a graph that gives every token's row, and pooling is in_graph")
}
