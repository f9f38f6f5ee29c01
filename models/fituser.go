package models

import (
	"context"

	"github.com/assay-rm/assay/kernels/graphs"
)

// takesPairs tells why the head takes no fit of a user's vector to so many pairs, or nil.
func (h *headGraph) takesPairs(pairs, label int, prior float64, steps int) error {
	return h.graph.TakesPairs(h.fit(label, prior, steps), pairs)
}

// fitUser finds the vector of a user who preferred the row chosen[i], (width), to rejected[i], by the label's reading.
func (h *headGraph) fitUser(ctx context.Context, chosen, rejected [][]float32, label int, prior float64, steps int) (graphs.Fitted, error) {
	fit := h.fit(label, prior, steps)
	side := func(rows [][]float32) map[string]graphs.Tensor {
		return map[string]graphs.Tensor{h.spec.Input: table(rows, h.spec.Width)}
	}
	fit.Chosen, fit.Rejected = side(chosen), side(rejected)
	return h.graph.FitLatent(ctx, fit)
}

func (h *headGraph) fit(label int, prior float64, steps int) graphs.Fit {
	return graphs.Fit{Latent: h.spec.User, Output: h.spec.Output, Label: label, Prior: prior, Steps: steps}
}
