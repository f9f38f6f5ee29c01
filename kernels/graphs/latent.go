package graphs

import (
	"context"
	"fmt"
	"math"
)

// Fit asks for the latent vector of one user of a user-conditioned head, from pairs of which that user preferred the
// first.
type Fit struct {
	Latent string // the input to find; if it has rows, all of them get the same vector
	Output string // [rows, labels], or [rows]: what the head says of a row
	Label  int    // the column that is the reward

	Chosen, Rejected map[string]Tensor // every other input with rows: row i of both is pair i
	Shared           map[string]Tensor // every other input without rows

	Prior float64 // standard deviation of the latent's Gaussian prior, whose mean is 0; above 0
	Steps int     // most steps of gradient descent, at least 1
}

// Fitted is what FitLatent found. A loss is the negative logarithm of the posterior up to a constant:
// Σ log(1 + e^−(chosen − rejected)) + ‖latent‖² / (2 · Prior²).
type Fitted struct {
	Latent    Tensor  // with the latent's dimensions, without the rows
	Before    float64 // loss of the prior's mean
	After     float64 // loss of Latent
	Steps     int     // taken
	Converged bool    // the loss falls no further; false: Steps were too few
}

// maxPairs bounds the pairs of one fit, which is one batch.
const maxPairs = 2048

// FitLatent finds the most probable latent vector under the Bradley–Terry model by gradient descent from the prior's
// mean; each step is halved until the loss falls as the slope promises (Armijo's rule). The same Fit gives the same
// bits. It ends early with ctx's error. A loss that is not finite where the descent stands is an error.
//
// Heads with such an input: "PAL: Pluralistic Alignment Framework for Learning from Heterogeneous Preferences" (Chen et
// al., 2024); "Personalizing Reinforcement Learning from Human Feedback with Variational Preference Learning" (Poddar
// et al., 2024).
func (g *Graph) FitLatent(ctx context.Context, fit Fit) (Fitted, error) {
	p, latent, err := g.prepare(fit)
	if err != nil {
		return Fitted{}, fmt.Errorf("fit latent: %w", err)
	}
	d := descent{p: p, feed: p.feeds[fit.Latent], prior: fit.Prior}
	fitted, err := d.descend(ctx, fit.Steps)
	if err != nil {
		return Fitted{}, fmt.Errorf("fit latent: %w", err)
	}
	dims := append([]int{}, latent.Dims...)
	if latent.Rows() {
		dims = dims[1:]
	}
	fitted.Latent.Dims = dims
	return fitted, nil
}

// TakesPairs tells why the graph cannot fit the latent to so many pairs, or nil. It reads Latent, Output and Label of
// the fit, and computes nothing.
func (g *Graph) TakesPairs(fit Fit, pairs int) error {
	if pairs < 1 || pairs > maxPairs {
		return fmt.Errorf("1 to %d are supported", maxPairs)
	}
	if _, err := g.fitted(fit); err != nil {
		return err
	}
	_, err := g.pairs(fit, pairs)
	return err
}

// fitted gives the latent, and proves that the output depends on it and has the label.
func (g *Graph) fitted(fit Fit) (Value, error) {
	latent, err := find(g.inputs, fit.Latent, "input")
	if err == nil {
		err = g.column(fit.Output, fit.Label)
	}
	if err == nil {
		err = g.reads(fit.Output, fit.Latent)
	}
	return latent, err
}

// prepare checks a fit and makes its program, which holds the pairs' inputs.
func (g *Graph) prepare(fit Fit) (*program, Value, error) {
	latent, err := g.fitted(fit)
	switch {
	case err != nil:
		return nil, latent, err
	case !(fit.Prior > 0) || math.IsInf(fit.Prior, 0):
		return nil, latent, fmt.Errorf("prior is %g, and a standard deviation above 0 is wanted", fit.Prior)
	case fit.Steps < 1:
		return nil, latent, fmt.Errorf("steps is %d, and at least 1 is wanted", fit.Steps)
	}
	chosen, err := g.side(fit, fit.Chosen)
	if err != nil {
		return nil, latent, fmt.Errorf("chosen: %w", err)
	}
	rejected, err := g.side(fit, fit.Rejected)
	switch {
	case err != nil:
		return nil, latent, fmt.Errorf("rejected: %w", err)
	case chosen != rejected:
		return nil, latent, fmt.Errorf("%d rows of chosen and %d of rejected", chosen, rejected)
	}
	p, err := g.pairs(fit, chosen)
	if err != nil {
		return nil, latent, err
	}
	for name, feed := range p.feeds {
		if name == fit.Latent {
			continue
		}
		if shared, ok := fit.Shared[name]; ok {
			copy(feed, shared.Data)
			continue
		}
		copy(feed[copy(feed, fit.Chosen[name].Data):], fit.Rejected[name].Data)
	}
	return p, latent, nil
}

// side checks the inputs of one side of the pairs; the latent stands in as zeros. It returns the number of rows.
func (g *Graph) side(fit Fit, own map[string]Tensor) (rows int, err error) {
	all := map[string]Tensor{}
	for name, t := range own {
		if v, err := find(g.inputs, name, "input"); err != nil || !v.Rows() || name == fit.Latent {
			return 0, fmt.Errorf("input %q does not belong there", name)
		}
		if all[name] = t; len(t.Dims) > 0 {
			rows = t.Dims[0]
		}
	}
	for name, t := range fit.Shared {
		if v, err := find(g.inputs, name, "input"); err != nil || v.Rows() || name == fit.Latent {
			return 0, fmt.Errorf("shared input %q does not belong there", name)
		}
		all[name] = t
	}
	if rows < 1 || rows > maxPairs {
		return 0, fmt.Errorf("%d rows, and 1 to %d are supported", rows, maxPairs)
	}
	latent, err := find(g.inputs, fit.Latent, "input")
	if err != nil {
		return 0, err
	}
	dims := append([]int{}, latent.Dims...)
	if latent.Rows() {
		dims[0] = rows
	}
	all[fit.Latent] = Tensor{dims, make([]float32, size(dims))}
	return g.check(given{tensors: all})
}

// pairs makes the program of the margins, chosen − rejected, and of the gradient of the pairs' loss by the latent.
func (g *Graph) pairs(fit Fit, n int) (*program, error) {
	b, err := g.build(2*n, []string{fit.Output}, fit.Latent, true)
	if err != nil {
		return nil, err
	}
	score := b.values[fit.Output]
	if !score.active {
		return nil, errUnread
	}
	labels := size(score.dims[1:])
	var sides [2]*value
	for i := range sides {
		index := strided([]int{n}, []int{labels}, i*n*labels+fit.Label)
		if sides[i], err = b.take(score, index, []int{n}, -1); err != nil {
			return nil, err
		}
	}
	margin, err := b.paired("margin", sides[0], sides[1], pairings["Sub"])
	if err != nil {
		return nil, err
	}
	wrong, err := b.mapped("loss", margin, curve{
		func(x float64) float64 { return softplus(-x) }, func(x, _ float64) float64 { return -sigmoid(-x) },
	})
	if err != nil {
		return nil, err
	}
	each := make([]float32, n)
	fill(each, 1)
	slope, err := b.gradient(wrong.node, each, b.leaf)
	if err != nil {
		return nil, err
	}
	return compile(key{rows: 2 * n}, b, []*vector{margin.node, slope})
}
