package rewards

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// Activations of rows and of scores, as manifests and requests name them.
const (
	activationNone    = "none"
	activationSigmoid = "sigmoid" // of each label on its own
	activationSoftmax = "softmax" // over the labels
)

// head is how the rows of a reward model become one score, by its manifest and by what a request asks for.
// docs/BUNDLE.md defines it.
type head struct {
	manifest.Head

	model       string
	labels      []string
	likelihood  *manifest.Likelihood
	temperature float64 // of preferences' log-odds
	last        string  // the manifest's final activation, or what the request asks for instead of none
}

func newHead(m *manifest.Manifest) evaluator {
	return &head{Head: m.Head, model: m.Name, labels: m.Graph.Labels, likelihood: m.Likelihood, temperature: m.Temperature(), last: cmp.Or(m.Head.Final, activationNone)}
}

// asked is the head as a request asks for it: with a label of its own choice, and with an activation behind everything
// else.
func (h *head) asked(r *Request) (*head, error) {
	of := *h
	if r.Label != "" {
		at := slices.Index(h.labels, r.Label)
		switch {
		case h.likelihood != nil:
			return nil, failure.New(failure.CodeLabel, "label: model %q gives one likelihood, and has no label to choose", h.model)
		case at < 0:
			return nil, failure.New(failure.CodeLabel, "label: %q is none of the labels %q of model %q", fault.Short(r.Label), h.labels, h.model)
		case h.Label < 0: // its mean and std are of the combination
			of.Head, of.last = manifest.Head{Activation: h.Activation, Std: 1}, activationNone
		}
		of.Label, of.Named = at, h.Named && at == h.Label
	}
	if last := cmp.Or(r.Activation, activationNone); last != activationNone {
		if of.last != activationNone {
			return nil, failure.New(failure.CodeActivation, "activation: %s of what is after a %s already", last, of.last)
		}
		of.last = last
	}
	if of.last != activationSoftmax {
		return &of, nil
	}
	switch {
	case len(of.labels) == 1:
		return nil, failure.New(failure.CodeActivation,
			"activation: softmax over the single label of model %q is 1 whatever the item; ask for sigmoid or none", h.model)
	case of.Label < 0:
		return nil, failure.New(failure.CodeActivation,
			"activation: softmax is over labels, and the score of model %q is made of several", h.model)
	case of.Activation != activationNone:
		return nil, failure.New(failure.CodeActivation, "activation: softmax of what is after a %s already", of.Activation)
	}
	return &of, nil
}

// transforms names what lies between raw and the score, in order.
func (h *head) transforms() []string {
	names := []string{}
	if h.Activation != activationNone {
		names = append(names, h.Activation)
	}
	switch {
	case h.likelihood != nil:
		names = append(names, likelihoodName(h.likelihood))
	case h.Weights != nil:
		names = append(names, "weights")
	case h.Gates != nil:
		names = append(names, "gates")
	case h.Named:
		names = append(names, "label "+h.labels[h.Label])
	}
	if h.scales() {
		names = append(names, fmt.Sprintf("mean %g std %g", h.Mean, h.Std))
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
func (h *head) scales() bool { return h.Mean != 0 || h.Std != 1 }

// apply turns rows (rows, labels) into raw, which is the same before activations, mean and std, the score, and the
// score of each label of the last row.
func (h *head) apply(rows [][]float64) (raw, score float64, scores []float64) {
	last := rows[len(rows)-1]
	after := activated(last, h.Activation)
	switch {
	case h.likelihood != nil:
		raw = ops.LogRatio(rows, h.likelihood.Mean())
		score = h.likelihood.Beta * raw
	case h.Weights != nil:
		raw, score = h.weighted(last), h.weighted(after)
	case h.Gates != nil:
		raw, score = h.gated(rows[0], last), h.gated(activated(rows[0], h.Activation), after)
	default:
		return h.shown(last, after)
	}
	if h.scales() {
		score = ops.Normalize(score, h.Mean, h.Std)
	}
	return raw, activated([]float64{score}, h.last)[0], after
}

// shown is apply where the score is that of one label, whose row after the head's activation is known.
func (h *head) shown(row, after []float64) (raw, score float64, scores []float64) {
	if raw = row[h.Label]; h.Activation == activationSoftmax {
		raw = ops.LogOdds(row, h.Label)
	}
	if scores = after; h.scales() {
		scores = make([]float64, len(after))
		for i, x := range after {
			scores[i] = ops.Normalize(x, h.Mean, h.Std)
		}
	}
	scores = activated(scores, h.last)
	return raw, scores[h.Label], scores
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
		sum += h.Weights[i] * x
	}
	return sum
}

func (h *head) gated(prompt, last []float64) float64 {
	sum := 0.0
	for _, g := range h.Gates {
		sum += prompt[g.Gate] * last[g.Value]
	}
	return sum
}
