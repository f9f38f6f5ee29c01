package heads

import (
	"context"

	"github.com/assay-rm/assay/kernels/graphs"
)

// TakesPairs returns nil when a user's vector can be fitted to so many pairs of rows, and else why it cannot.
func (h *Head) TakesPairs(pairs, label int, prior float64, steps int) error {
	return h.graph.TakesPairs(h.fit(label, prior, steps), pairs)
}

// FitUser finds the vector of a user who preferred the row chosen[i], of width numbers, to the row rejected[i].
// Compared is the reading of the label.
func (h *Head) FitUser(ctx context.Context, chosen, rejected [][]float32, label int, prior float64,
	steps int,
) (graphs.Fitted, error) {
	fit := h.fit(label, prior, steps)
	side := func(rows [][]float32) map[string]graphs.Tensor {
		return map[string]graphs.Tensor{h.spec.Input: table(rows, h.spec.Width)}
	}
	fit.Chosen, fit.Rejected = side(chosen), side(rejected)
	return h.graph.FitLatent(ctx, fit)
}

func (h *Head) fit(label int, prior float64, steps int) graphs.Fit {
	return graphs.Fit{Latent: h.spec.User, Output: h.spec.Output, Label: label, Prior: prior, Steps: steps}
}
