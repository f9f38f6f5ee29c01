package rewards

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// head is how the rows of a reward model become one score, by its manifest and by what a request asks for.
// docs/BUNDLE.md defines it.
type head struct {
	model      string
	labels     []string
	activation string // of the manifest, first
	label      int    // that the manifest names; -1: none
	show       int    // the label that the score is; -1: it is made of several labels or rows
	weights    []float64
	gates      []manifest.Gate
	likelihood *manifest.Likelihood
	mean, std  float64
	last       string // activation that the request asks for, last
}

// Activations of a row. The words are the manifest's and the request's.
const (
	activationNone    = "none"
	activationSigmoid = "sigmoid" // of each label on its own
	activationSoftmax = "softmax" // over the labels
)

func newHead(m *manifest.Manifest) evaluator {
	h := &head{
		model: m.Name, labels: m.Graph.Labels, activation: m.Head.Activation, label: -1, show: m.Head.Label,
		weights: m.Head.Weights, gates: m.Head.Gates, likelihood: m.Likelihood, mean: m.Head.Mean, std: m.Head.Std, last: activationNone,
	}
	if m.Head.Named {
		h.label = m.Head.Label
	}
	return h
}

// combines tells whether the score is made of several labels or rows.
func (h *head) combines() bool { return h.weights != nil || h.gates != nil || h.likelihood != nil }

// asked is the head as a request asks for it: with a label of its own choice, and with an activation behind everything
// else.
func (h *head) asked(r *Request) (*head, error) {
	of := *h
	if of.last = r.Activation; r.Label != "" {
		if h.likelihood != nil {
			return nil, failure.New(failure.CodeLabel, "label: model %q gives one likelihood, and has no label to choose", h.model)
		}
		if of.show = slices.Index(h.labels, r.Label); of.show < 0 {
			return nil, failure.New(failure.CodeLabel, "label: %q is none of the labels %q of model %q", fault.Short(r.Label), h.labels, h.model)
		}
		if h.combines() { // its mean and std are of the combination
			of.weights, of.gates, of.label, of.mean, of.std = nil, nil, -1, 0, 1
		}
	}
	if of.last != activationSoftmax {
		return &of, nil
	}
	switch {
	case len(of.labels) == 1:
		return nil, failure.New(failure.CodeActivation,
			"activation: softmax over the single label of model %q is 1 whatever the item; ask for sigmoid or none", h.model)
	case of.show < 0:
		return nil, failure.New(failure.CodeActivation,
			"activation: softmax is over labels, and the score of model %q is made of several", h.model)
	case of.activation != activationNone:
		return nil, failure.New(failure.CodeActivation, "activation: softmax of what is after a %s already", of.activation)
	}
	return &of, nil
}

// transforms names what lies between raw and the score, in order.
func (h *head) transforms() []string {
	names := []string{}
	if h.activation != activationNone {
		names = append(names, h.activation)
	}
	switch {
	case h.likelihood != nil:
		names = append(names, likelihoodName(h.likelihood))
	case h.weights != nil:
		names = append(names, "weights")
	case h.gates != nil:
		names = append(names, "gates")
	case h.show == h.label:
		names = append(names, "label "+h.labels[h.show])
	}
	if h.scales() {
		names = append(names, fmt.Sprintf("mean %g std %g", h.mean, h.std))
	}
	if h.last != activationNone {
		names = append(names, h.last)
	}
	return names
}

func likelihoodName(spec *manifest.Likelihood) string {
	return fmt.Sprintf("likelihood %s beta %g", spec.Norm, spec.Beta)
}

// scales tells whether mean and std change a value.
func (h *head) scales() bool { return h.mean != 0 || h.std != 1 }

// apply turns rows (rows, labels) into raw, which is the same before activations, mean and std, the score, and the
// score of each label of the last row.
func (h *head) apply(rows [][]float64) (raw, score float64, scores []float64) {
	last := rows[len(rows)-1]
	after := activated(last, h.activation)
	switch {
	case h.likelihood != nil:
		raw = ops.LogRatio(rows, h.likelihood.Mean())
		score = h.likelihood.Beta * raw
	case h.weights != nil:
		raw, score = h.weighted(last), h.weighted(after)
	case h.gates != nil:
		raw, score = h.gated(rows[0], last), h.gated(activated(rows[0], h.activation), after)
	default:
		return h.shown(last, after)
	}
	if h.scales() {
		score = ops.Normalize(score, h.mean, h.std)
	}
	return raw, activated([]float64{score}, h.last)[0], after
}

// shown is apply where the score is that of one label, whose row after the head's activation is known.
func (h *head) shown(row, after []float64) (raw, score float64, scores []float64) {
	if raw = row[h.show]; h.activation == activationSoftmax {
		raw = ops.LogOdds(row, h.show)
	}
	if scores = after; h.scales() {
		scores = make([]float64, len(after))
		for i, x := range after {
			scores[i] = ops.Normalize(x, h.mean, h.std)
		}
	}
	scores = activated(scores, h.last)
	return raw, scores[h.show], scores
}

// activated gives a row after an activation. The row itself may come back.
func activated(row []float64, activation string) []float64 {
	switch activation {
	case activationSoftmax:
		return ops.Softmax(row)
	case activationSigmoid:
		out := make([]float64, len(row))
		for i, x := range row {
			out[i] = ops.Sigmoid(x)
		}
		return out
	}
	return row
}

// weighted sums in the order of the labels, so that it is the same every time.
func (h *head) weighted(row []float64) float64 {
	sum := 0.0
	for i, x := range row {
		sum += h.weights[i] * x
	}
	return sum
}

func (h *head) gated(prompt, last []float64) float64 {
	sum := 0.0
	for _, g := range h.gates {
		sum += prompt[g.Gate] * last[g.Value]
	}
	return sum
}
