package manifest

import (
	"slices"
	"strings"
)

// Bounds on segments: what they make of an item stays near what the item gives.
const (
	mostSegments = 64
	mostFixed    = 8 << 10 // bytes of one
)

func (s *spec) checkSegments(check checker) {
	segments := s.Template.Segments
	if len(segments) == 0 {
		return
	}
	words := []string{segmentPrompt, segmentResponse}
	if s.Kind == KindPair {
		words = []string{segmentPrompt, segmentFirst, segmentSecond}
	}
	check(s.Kind != KindProcess, "template.segments is for reward, pair and preference models")
	check(len(segments) <= mostSegments, "template.segments has %d entries, and must have %d at most", len(segments), mostSegments)
	for i, segment := range segments {
		check((segment.Token == "") != (segment.Text == "" && segment.Fixed == ""),
			"template.segments[%d] must have either token, or fixed, text or both", i)
		check(segment.Text == "" || slices.Contains(words, segment.Text),
			"template.segments[%d].text is %q, and a %s model has %s", i, segment.Text, s.Kind,
			strings.Join(words, ", "))
		check(len(segment.Fixed) <= mostFixed, "template.segments[%d].fixed has %d bytes, and must have %d at most", i,
			len(segment.Fixed), mostFixed)
		check(segment.MaxTokens >= 0, "template.segments[%d].max_tokens is %d, and must not be negative", i,
			segment.MaxTokens)
		check(segment.MaxTokens == 0 || segment.Text != "",
			"template.segments[%d].max_tokens bounds a part of the item, and the segment has no text", i)
	}
	for _, word := range words[1:] {
		check(slices.ContainsFunc(segments, func(part Segment) bool { return part.Text == word }),
			"template.segments lacks the text %s", word)
	}
	rendered := s.Read.Prompt != nil && s.Read.Prompt.Rendered
	check(s.Likelihood == nil && !rendered,
		"template.segments render no prompt alone, and likelihood and read.prompt.rendered need it")
}
