package encode

import "github.com/assay-rm/assay/models/manifest"

// turnBytes is what a turn counts beside its text: a template looks at every turn, however short.
const turnBytes = 64

// Cost is how many bytes of text are rendered and tokenized for an item, about: what it gives, a prompt that it shares
// with others too, 64 for each turn, fixed text that its parts are tokenized with, and of a model that reads prefixes
// all that again for each step.
func (e *Encoder) Cost(item *Item) int {
	bytes := 8*(len(item.InputIDs)+len(item.Features)) + turnBytes*len(item.Messages) + e.segmentBytes()
	for _, message := range item.Messages {
		bytes += len(message.Role) + len(message.Content)
		if more := message.More; more != nil {
			bytes += len(more.ToolCalls) + textBytes(more.Name) + textBytes(more.ToolCallID) + textBytes(more.Reasoning)
		}
	}
	for _, text := range []*string{item.Prompt, item.Response, item.Text, item.First, item.Second, item.Candidate, item.Reference, item.Principle} {
		bytes += textBytes(text)
	}
	for _, step := range item.Steps {
		bytes += len(step)
	}
	if e.prefixes() {
		bytes *= 1 + item.steps()
	}
	return bytes
}

func textBytes(text *string) int {
	if text == nil {
		return 0
	}
	return len(*text)
}

// weight is how much of the cost is held at once: what a model reads that reads prefixes, it tokenizes one after
// another.
func (e *Encoder) weight(item *Item) int {
	if e.prefixes() {
		return e.Cost(item) / (1 + item.steps())
	}
	return e.Cost(item)
}

// LeastTokens is about the fewest tokens that an item can have and be read: one for eight bytes of what it gives, and
// no more than the model takes.
func (e *Encoder) LeastTokens(item *Item) int {
	return min(max(1, (e.weight(item)-turnBytes*len(item.Messages))/8), e.manifest.Limits.MaxTokens)
}

// prefixes tells whether an item is tokenized again for each of its steps, up to where that ends.
func (e *Encoder) prefixes() bool {
	return e.manifest.Kind == manifest.KindProcess && !e.manifest.Steps.Joint() && !e.manifest.Steps.Separate()
}
