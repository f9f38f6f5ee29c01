package encode

import (
	"context"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Parts of an item that a segment may hold, beside the prompt.
const (
	partResponse = "response"
	partFirst    = "first"
	partSecond   = "second"
)

// segment is what the manifest says of one, and its ids where they are the same for every item.
type segment struct {
	ids  []int64 // nil: it has a part of the item
	spec manifest.Segment
}

// divides tells whether a segment is a token that no part of an item may hold.
func (s *segment) divides() bool { return s.spec.Token != "" }

// findSegments finds the ids of the segments that hold no part of an item.
func (e *Encoder) findSegments() error {
	fixed := 0
	for i, spec := range e.manifest.Template.Segments {
		part := segment{spec: spec}
		if spec.Text == "" {
			var err error
			if part.ids, err = e.tokens.Encode(spec.Token + spec.Fixed); err != nil { // one of them is empty
				return fault.New(fault.CodeBundle, "template.segments[%d]: %v", i, err)
			}
		}
		switch n := len(part.ids); {
		case part.divides() && n != 1:
			return fault.New(fault.CodeBundle, "template.segments[%d].token %q gives %d tokens, and must be one", i, spec.Token, n)
		case spec.Text == "" && n == 0:
			return fault.New(fault.CodeBundle, "template.segments[%d].fixed %q gives no token", i, spec.Fixed)
		}
		fixed += len(part.ids)
		e.segments = append(e.segments, part)
	}
	if limit := e.manifest.Limits.MaxTokens; fixed >= limit {
		return fault.New(fault.CodeBundle, "limits.max_tokens is %d, and template.segments alone have %d tokens", limit, fixed)
	}
	return nil
}

// encodeSegments puts an item's ids together from parts that do not see each other.
func (e *Encoder) encodeSegments(ctx context.Context, item Item, messages []chat.Message, within bound) ([]int64, error) {
	texts, err := e.texts(item, messages)
	if err != nil {
		return nil, err
	}
	var all []int64
	for i := range e.segments {
		part := &e.segments[i]
		ids := part.ids
		if ids == nil {
			if ids, err = e.segmentIDs(ctx, part, texts[part.spec.Text], within); err != nil {
				return nil, err
			}
		}
		all = append(all, ids...)
	}
	return all, nil
}

// segmentIDs gives the ids of a segment that holds a part of the item.
func (e *Encoder) segmentIDs(ctx context.Context, part *segment, text string, within bound) ([]int64, error) {
	name := part.spec.Text
	ids, err := e.ids(ctx, name, part.spec.Fixed+text, within)
	if err != nil {
		return nil, err
	}
	for i := range e.segments {
		if other := &e.segments[i]; other.divides() && countOf(ids, other.ids[0]) > 0 {
			return nil, fault.New(fault.CodeInText,
				"the %s holds the token %q, which divides the parts of an item of model %q", name, other.spec.Token,
				e.manifest.Name)
		}
	}
	if limit := part.spec.MaxTokens; limit > 0 && len(ids) > limit {
		return nil, fault.New(fault.CodeTooLong, "the %s has %d tokens, and model %q takes %d there", name,
			len(ids), e.manifest.Name, limit)
	}
	return ids, nil
}

// segmentBytes is how many bytes of fixed text are tokenized with the parts of each item.
func (e *Encoder) segmentBytes() (bytes int) {
	for i := range e.segments {
		if e.segments[i].ids == nil {
			bytes += len(e.segments[i].spec.Fixed)
		}
	}
	return bytes
}

// texts gives the parts of an item by name: the user's turn, and the response or the two that answer it.
func (e *Encoder) texts(item Item, messages []chat.Message) (map[string]string, error) {
	want := []string{roleUser, roleAssistant}
	if e.manifest.Kind == manifest.KindPair {
		want = want[:1]
	}
	same := len(messages) == len(want)
	for i := range min(len(messages), len(want)) {
		same = same && messages[i].Role == want[i]
	}
	if !same {
		roles := make([]string, len(messages))
		for i, message := range messages {
			roles[i] = message.Role
		}
		return nil, fault.New(fault.CodeTemplate, "model %q takes the roles %q, and the conversation has %q",
			e.manifest.Name, want, roles)
	}
	texts := map[string]string{formPrompt: messages[0].Content}
	if e.manifest.Kind == manifest.KindPair {
		texts[partFirst], texts[partSecond] = *item.First, *item.Second
	} else {
		texts[partResponse] = messages[1].Content
	}
	return texts, nil
}
