package rewards

import (
	"context"

	"github.com/assay-rm/assay/rewards/failure"
)

// tokenizing shows what a model would see of the items, and reads none.
type tokenizing struct {
	source  Source
	request *Request
}

func (t *tokenizing) needs() []need {
	r := t.request
	return []need{{source: t.source, items: r.Items, truncate: r.Truncate, refused: r.Refused, seen: true}}
}

func (*tokenizing) answer(_ context.Context, read []gathered) (Answer, error) {
	items := make([]tokenizedItem, len(read[0].seen))
	for i, seen := range read[0].seen {
		if items[i].Err = failure.Of(seen.Err); seen.Err == nil {
			items[i].Encoded = seen.Encoded
		}
	}
	return Answer{Tokenized: items}, nil
}
