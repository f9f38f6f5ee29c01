package manifest

import (
	"maps"
	"slices"
	"time"
)

// checkText checks the tokenizer's policies and the template.
func (s *spec) checkText(check checker) {
	t := s.Tokenizer
	check(t.File != "", "tokenizer.file is missing")
	check(slices.Contains([]string{bosNone, bosOne, bosTwo}, t.BOS),
		"tokenizer.bos is %q, and must be none, one or two", t.BOS)
	check(t.BOS == bosNone || t.BOSID != nil, "tokenizer.bos_id is missing, and bos: %s needs it", t.BOS)
	check(slices.Contains([]string{endKeep, endAppend, endReplace}, t.End),
		"tokenizer.end is %q, and must be keep, append or replace", t.End)
	check(t.End == endKeep || t.EndID != nil, "tokenizer.end_id is missing, and end: %s needs it", t.End)
	for field, id := range map[string]*int64{
		"tokenizer.bos_id": t.BOSID, "tokenizer.end_id": t.EndID, "tokenizer.pad_id": t.PadID,
		"tokenizer.type_after": t.TypeAfter,
	} {
		check(id == nil || (*id >= 0 && *id < s.Graph.VocabSize), "%s is outside graph.vocab_size %d", field,
			s.Graph.VocabSize)
	}
	s.checkFrame(check)
	s.checkTemplate(check)
}

// mostFrame is how many ids a frame may have on each side of a text.
const mostFrame = 16

// checkFrame checks the ids around a text. Only a score of the whole text has a frame: what looks for a place in the
// text counts without it.
func (s *spec) checkFrame(check checker) {
	f := s.Tokenizer.Frame
	if f == nil {
		return
	}
	check(len(f.Before)+len(f.After) > 0, "tokenizer.frame has no ids, and must be left out where nothing stands around a text")
	for _, side := range []struct {
		field string
		ids   []int64
	}{{"before", f.Before}, {"after", f.After}} {
		for _, id := range side.ids {
			check(id >= 0 && id < s.Graph.VocabSize, "tokenizer.frame.%s has id %d, which is outside graph.vocab_size %d", side.field, id, s.Graph.VocabSize)
		}
		check(len(side.ids) <= mostFrame, "tokenizer.frame.%s has %d ids, and must have %d at most", side.field, len(side.ids), mostFrame)
	}
	check((s.Kind == KindReward || s.Kind == KindEmbedding) && s.Likelihood == nil && s.Read.Prompt == nil,
		"tokenizer.frame is for reward and embedding models that read one text, without likelihood and read.prompt")
	check(s.Tokenizer.BOS == bosNone && s.Tokenizer.End == endKeep, "tokenizer.frame has the first and the last ids, and bos must be none and end keep")
	check(len(s.Template.Segments) == 0, "tokenizer.frame does not go with template.segments, which say what stands around each text")
}

// reserved are the words that every rendering defines; a manifest's variable must not stand in for one.
var reserved = []string{"messages", "add_generation_prompt", "raise_exception", segmentFirst, segmentSecond, fieldReference, fieldPrinciple}

func (s *spec) checkTemplate(check checker) {
	t := s.Template
	check(t.File == "" || len(t.Segments) == 0, "template has file and segments, and must have one of them")
	s.checkSegments(check)
	_, err := time.Parse(time.DateOnly, t.Date)
	check(t.Date == "" || err == nil && t.File != "", "template.date is %q, and must be a day of template.file, as 2024-07-26", t.Date)
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		check(!slices.Contains(reserved, name), "template.variables has %q, which every conversation gives itself",
			name)
	}
	s.checkFields(check)
	needs := ""
	switch {
	case s.Kind == KindPair || s.Kind == KindPreference:
		needs = "kind " + string(s.Kind)
	case s.Likelihood != nil:
		needs = "likelihood"
	case s.Kind == KindProcess && s.Steps.Tokenize != tokenizeJoint:
		needs = "steps.tokenize " + s.Steps.Tokenize
	case s.Read.Prompt != nil && s.Read.Prompt.Rendered:
		needs = "read.prompt.rendered"
	}
	check(needs == "" || t.File != "" || len(t.Segments) > 0,
		"template is missing, and %s needs it: text and input_ids do not show where a part ends", needs)
}
