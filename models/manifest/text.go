package manifest

import (
	"maps"
	"slices"
	"strings"
)

// checkText checks the tokenizer's policies and the template.
func (m *Manifest) checkText(check checker) {
	t := m.Tokenizer
	check(t.File != "", "tokenizer.file is missing")
	check(slices.Contains([]string{BOSNone, BOSOne, BOSTwo}, t.BOS), "tokenizer.bos is %q, and must be none, one or two", t.BOS)
	check(t.BOS == BOSNone || t.BOSID != nil, "tokenizer.bos_id is missing, and bos: %s needs it", t.BOS)
	check(slices.Contains([]string{EndKeep, EndAppend, EndReplace}, t.End), "tokenizer.end is %q, and must be keep, append or replace", t.End)
	check(t.End == EndKeep || t.EndID != nil, "tokenizer.end_id is missing, and end: %s needs it", t.End)
	for field, id := range map[string]*int64{
		"tokenizer.bos_id": t.BOSID, "tokenizer.end_id": t.EndID, "tokenizer.pad_id": t.PadID, "tokenizer.type_after": t.TypeAfter,
	} {
		check(id == nil || (*id >= 0 && *id < m.Graph.VocabSize), "%s is outside graph.vocab_size %d", field, m.Graph.VocabSize)
	}
	m.checkTemplate(check)
}

// reserved are the words that every rendering defines; a manifest's variable must not stand in for one.
var reserved = []string{"messages", "add_generation_prompt", "raise_exception", SegmentFirst, SegmentSecond}

func (m *Manifest) checkTemplate(check checker) {
	t := m.Template
	check(t.File == "" || len(t.Segments) == 0, "template has file and segments, and must have one of them")
	words := []string{SegmentPrompt, SegmentResponse}
	if m.Kind == PairKind {
		words = []string{SegmentPrompt, SegmentFirst, SegmentSecond}
	}
	check(len(t.Segments) == 0 || m.Kind != Process, "template.segments is for reward, pair and preference models")
	for i, segment := range t.Segments {
		check((segment.Token == "") != (segment.Text == ""), "template.segments[%d] must have one of token and text", i)
		check(segment.Text == "" || slices.Contains(words, segment.Text),
			"template.segments[%d].text is %q, and a %s model has %s", i, segment.Text, m.Kind, strings.Join(words, ", "))
		check(segment.MaxTokens >= 0, "template.segments[%d].max_tokens is %d, and must not be negative", i, segment.MaxTokens)
	}
	rendered := m.Read.Prompt != nil && m.Read.Prompt.Rendered
	if len(t.Segments) > 0 {
		for _, word := range words[1:] {
			check(slices.ContainsFunc(t.Segments, func(s SegmentSpec) bool { return s.Text == word }), "template.segments lacks the text %s", word)
		}
		check(m.Likelihood == nil && !rendered, "template.segments render no prompt alone, and likelihood and read.prompt.rendered need it")
	}
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		check(!slices.Contains(reserved, name), "template.variables has %q, which every conversation gives itself", name)
	}
	needs := ""
	switch {
	case m.Kind == PairKind || m.Kind == Preference:
		needs = "kind " + string(m.Kind)
	case m.Likelihood != nil:
		needs = "likelihood"
	case m.Kind == Process && m.Steps.Tokenize != TokenizeJoint:
		needs = "steps.tokenize " + m.Steps.Tokenize
	case rendered:
		needs = "read.prompt.rendered"
	}
	check(needs == "" || t.File != "" || len(t.Segments) > 0, "template is missing, and %s needs it: text and input_ids do not show where a part ends", needs)
}
