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

// segment is one token of the manifest, or a part of the item, which is tokenized on its own.
type segment struct {
	id   int64 // of the token; -1: it is a part of the item
	spec manifest.Segment
}

// findSegments finds the ids of the tokens among the manifest's segments.
func (e *Encoder) findSegments() error {
	for i, spec := range e.manifest.Template.Segments {
		part := segment{id: -1, spec: spec}
		if spec.Token != "" {
			ids, err := e.tokens.Encode(spec.Token)
			if err != nil || len(ids) != 1 {
				return fault.New(fault.CodeBundle, "template.segments[%d].token %q gives %d tokens, and must be one", i,
					spec.Token, len(ids))
			}
			part.id = ids[0]
		}
		e.segments = append(e.segments, part)
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
	for _, part := range e.segments {
		if part.id >= 0 {
			all = append(all, part.id)
			continue
		}
		name := part.spec.Text
		ids, err := e.ids(ctx, name, texts[name], within)
		if err != nil {
			return nil, err
		}
		for _, other := range e.segments {
			if other.id >= 0 && countOf(ids, other.id) > 0 {
				return nil, fault.New(fault.CodeInText,
					"the %s holds the token %q, which divides the parts of an item of model %q", name, other.spec.Token,
					e.manifest.Name)
			}
		}
		if limit := part.spec.MaxTokens; limit > 0 && len(ids) > limit {
			return nil, fault.New(fault.CodeTooLong, "the %s has %d tokens, and model %q takes %d there", name,
				len(ids), e.manifest.Name, limit)
		}
		all = append(all, ids...)
	}
	return all, nil
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
