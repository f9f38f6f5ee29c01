package rewards

import (
	"context"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards/failure"
)

// tokenizing shows what a model would see of the items, and reads none.
type tokenizing struct {
	source  Source
	request *Request
	budget  models.Budget
}

func (t *tokenizing) needs() []need {
	r := t.request
	return []need{{source: t.source, caller: r.Caller, items: r.Items, truncate: r.Truncate, refused: r.Refused, seen: true}}
}

// So many ids, and so many bytes of text, take as much of an answer as one score.
const (
	cellIDs  = 4
	cellText = 64
)

func (t *tokenizing) answer(_ context.Context, read []gathered) (Answer, error) {
	cells := 0
	for i := range read[0].seen {
		cells += len(read[0].seen[i].IDs)/cellIDs + len(read[0].seen[i].Text)/cellText
	}
	if err := checkCells(t.budget, cells, "items: showing their tokens, %d for one, and their text, %d bytes for one,", cellIDs, cellText); err != nil {
		return Answer{}, err
	}
	items := make([]TokenizedItem, len(read[0].seen))
	for i, seen := range read[0].seen {
		if items[i].Err = failure.Of(seen.Err); seen.Err == nil {
			items[i].Encoded = seen.Encoded
		}
	}
	return Answer{Tokenized: items}, nil
}
