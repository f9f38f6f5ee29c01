package models

import (
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// Budget bounds what one request may take of the process, whatever its form, whoever asks and whatever model answers.
// docs/API.md states it, and GET /v1/models.
type Budget struct {
	Items  int // items: sequences that are read, so that a pair counts two
	Text   int // bytes of text: of all items, each as it is rendered, with the prompt that it shares; each turn counts 64 more
	Tokens int // tokens of all items
	Steps  int // steps of all items
	Cells  int // numbers of the answer, by label, step or pair of responses
}

// DefaultBudget is what one request may take unless the process is told otherwise. Encoding within it grows the process
// by no more than about 200 MB, and an answer within it has no more than 16 MiB.
func DefaultBudget() Budget {
	return Budget{Items: 4096, Text: 64 << 20, Tokens: 4 << 20, Steps: 64 << 10, Cells: 256 << 10}
}

// mostRows is how many numbers the vectors of tokens may have that one request has a model read: 64 MiB.
const mostRows = 16 << 20

// admit refuses items whose text is over the budget, before any of it is rendered.
func (b *Budget) admit(e *encode.Encoder, items []encode.Item) error {
	if len(items) > b.Items {
		return fault.New(fault.CodeBudget, "the request has %d items, and one request may have %d", len(items), b.Items)
	}
	bytes := 0
	for i := range items {
		bytes += e.Cost(&items[i])
		if bytes > b.Text {
			return fault.New(fault.CodeBudget, "the first %d of %d items have %d bytes of text, a prompt that they share counted in each, and one request may have %d",
				i+1, len(items), bytes, b.Text)
		}
	}
	return nil
}
