package rewards

import (
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// The budget of a request is [models.Budget]. What it says of text and tokens is held where items are encoded; of items, steps
// and the numbers of an answer, here.

// checkCount refuses more items than one request may have: a pair counts two, and so does a pair model's pair of responses.
func (r *Request) checkCount(budget models.Budget) error {
	if n := r.asks(); n > budget.Items {
		return failure.New(failure.CodeTooManyItems, "the request has %d items, and one request may have %d", n, budget.Items)
	}
	if r.Question == Compare {
		n := len(r.Groups[0].Responses)
		return checkCells(budget, n*n, "responses: comparing %d of them", n)
	}
	return nil
}

// asks is how many items and responses the request has.
func (r *Request) asks() int {
	n := len(r.Items)
	for i := range r.Groups {
		n += len(r.Groups[i].Responses)
	}
	return n
}

// checkSteps refuses more steps than one request may have.
func checkSteps(budget models.Budget, n int) error {
	if n > budget.Steps {
		return failure.New(fault.CodeBudget, "items: they have %d steps together, and one request may have %d", n, budget.Steps)
	}
	return nil
}

// checkCells refuses an answer of more numbers than one may have. What takes them is told as a sentence would begin.
func checkCells(budget models.Budget, n int, what string, args ...any) error {
	if n > budget.Cells {
		return failure.New(fault.CodeBudget, what+" takes %d numbers of an answer, and one may have %d", append(args, n, budget.Cells)...)
	}
	return nil
}
