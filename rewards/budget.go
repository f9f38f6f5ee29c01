package rewards

import (
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// withinCells refuses what would be answered with more numbers than the budget of one request has cells: n of
// something, each of which has so many.
func withinCells(info *models.Info, n, numbers int, of string) error {
	if cells := n * numbers; cells > info.Budget.Cells {
		return failure.New(fault.CodeBudget, "%d %s have %d numbers in the answer, and one request may have %d", n, of, cells, info.Budget.Cells)
	}
	return nil
}

// withinSquare refuses more responses than may be compared two by two, since the answer, or what it is made of, has a
// cell for every two of them.
func withinSquare(info *models.Info, n int) error {
	if n*n > info.Budget.Cells {
		return failure.New(failure.CodeTooManyItems,
			"responses: %d are to be compared two by two, which is %d pairs, and one request may have %d", n, n*n, info.Budget.Cells)
	}
	return nil
}
