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

// answer tells no positions of a model whose graph pools: which tokens that reads, only the graph knows.
func (t *tokenizing) answer(_ context.Context, read []gathered) (Answer, error) {
	items, pools := make([]tokenizedItem, len(read[0].seen)), t.source.Info().Manifest.PoolsInGraph()
	for i, seen := range read[0].seen {
		if items[i].Err = failure.Of(seen.Err); seen.Err == nil {
			items[i].Encoded = seen.Encoded
		}
		if pools {
			items[i].Positions = nil
		}
	}
	return Answer{Tokenized: items}, nil
}
