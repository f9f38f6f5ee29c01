package encode

import "github.com/assay-rm/assay/models/manifest"

// turnBytes is what a turn counts beside its text: a template looks at every turn, however short.
const turnBytes = 64

// Cost is how many bytes of text are rendered and tokenized for an item, about: what it gives, a prompt that it shares
// with others too, 64 for each turn, and of a model that reads prefixes all that again for each step.
func (e *Encoder) Cost(item *Item) int {
	bytes := 8*(len(item.InputIDs)+len(item.Features)) + turnBytes*len(item.Messages)
	for _, message := range item.Messages {
		bytes += len(message.Content)
	}
	for _, text := range []*string{item.Prompt, item.Response, item.Text, item.First, item.Second} {
		if text != nil {
			bytes += len(*text)
		}
	}
	for _, step := range item.Steps {
		bytes += len(step)
	}
	if e.prefixes() {
		bytes *= 1 + item.steps()
	}
	return bytes
}

// LeastTokens is about the fewest tokens that an item can have: one for eight bytes of what it gives.
func (e *Encoder) LeastTokens(item *Item) int {
	bytes := e.Cost(item)
	if n := item.steps(); n > 0 && e.prefixes() {
		bytes /= 1 + n
	}
	return max(1, (bytes-turnBytes*len(item.Messages))/8)
}

// prefixes tells whether an item is tokenized again for each of its steps, up to where that ends.
func (e *Encoder) prefixes() bool {
	return e.manifest.Kind == manifest.KindProcess && !e.manifest.Steps.Joint() && !e.manifest.Steps.Separate()
}
