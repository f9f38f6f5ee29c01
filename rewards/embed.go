package rewards

import (
	"context"

	"github.com/assay-rm/assay/rewards/failure"
)

// vectorResult is the vector of an item's text, or why it has none.
type vectorResult struct {
	Err    *failure.Error
	Vector []float64 // as the graph gives it: of length 1 where the model ends with a normalization
	Tokens
}

// embedding answers a request with the vectors of items.
type embedding struct {
	source  Source
	request *Request
	rule    *relevance
}

func (e *embedding) needs() []need {
	r := e.request
	return []need{{source: e.source, items: r.Items, truncate: r.Truncate, refused: r.Refused}}
}

func (e *embedding) answer(_ context.Context, read []gathered) (Answer, error) {
	results := make([]vectorResult, len(read[0].readings))
	for i := range results {
		of := e.rule.vector(&read[0].readings[i])
		results[i] = vectorResult{of.err, of.vector, of.tokens}
	}
	return Answer{Vectors: results}, nil
}
