package rewards

import (
	"fmt"
	"slices"

	"github.com/assay-rm/assay/models/manifest"
)

// head is how a reward model's rows become one value, by its manifest. docs/BUNDLE.md defines it.
type head struct {
	labels     []string
	spec       manifest.Head
	likelihood *manifest.Likelihood
	show       int // index of the label that the value is; of a combination -1
}

// newHead is the manifest's head, or the plain label that a request names instead.
func newHead(m manifest.Manifest, label string) (head, *Problem) {
	h := head{labels: m.Graph.Labels, spec: m.Head, likelihood: m.Likelihood, show: m.Head.Label}
	switch {
	case label != "" && h.likelihood != nil:
		return head{}, NewProblem(CodeLabel, "label: model %q gives one likelihood, and has no label to choose", m.Name)
	case label != "":
		h.show = slices.Index(h.labels, label)
		if h.show < 0 {
			return head{}, NewProblem(CodeLabel, "label: %q is none of the labels %q of model %q", label, h.labels, m.Name)
		}
		if h.spec.Label < 0 { // its mean and std are of the combination
			h.spec = manifest.Head{Activation: h.spec.Activation, Label: -1, Std: 1}
		}
	}
	return h, nil
}

// transforms names what lies between raw and the value, in order.
func (h *head) transforms() []string {
	var names []string
	if Activation(h.spec.Activation) != ActivationNone {
		names = append(names, h.spec.Activation)
	}
	switch {
	case h.likelihood != nil:
		names = append(names, likelihoodName(h.likelihood))
	case h.show < 0 && h.spec.Weights != nil:
		names = append(names, "weights")
	case h.show < 0:
		names = append(names, "gates")
	case h.spec.Named && h.show == h.spec.Label:
		names = append(names, "label "+h.labels[h.show])
	}
	if h.spec.Mean != 0 || h.spec.Std != 1 {
		names = append(names, fmt.Sprintf("mean %g std %g", h.spec.Mean, h.spec.Std))
	}
	return names
}

func likelihoodName(spec *manifest.Likelihood) string {
	return fmt.Sprintf("likelihood %s beta %g", spec.Norm, spec.Beta)
}

// value turns rows (rows, labels) into raw, the same before activations, and the value before any activation of the request.
func (h *head) value(rows [][]float64) (raw, value float64) {
	last := rows[len(rows)-1]
	switch {
	case h.likelihood != nil:
		raw = LogRatio(rows, h.likelihood.Mean())
		value = h.likelihood.Beta * raw
	case h.show < 0 && h.spec.Weights != nil:
		raw, value = h.weighted(last), h.weighted(h.activated(last))
	case h.show < 0:
		raw, value = h.gated(rows[0], last), h.gated(h.activated(rows[0]), h.activated(last))
	default:
		raw, value = last[h.show], h.activated(last)[h.show]
		if Activation(h.spec.Activation) == ActivationSoftmax {
			raw = LogOdds(last, h.show)
		}
	}
	if h.spec.Mean != 0 || h.spec.Std != 1 {
		value = Normalize(value, h.spec.Mean, h.spec.Std)
	}
	return raw, value
}

// activated gives a row after the head's activation.
func (h *head) activated(row []float64) []float64 {
	return activated(row, Activation(h.spec.Activation))
}

func activated(row []float64, activation Activation) []float64 {
	switch activation {
	case ActivationSoftmax:
		return Softmax(row)
	case ActivationSigmoid:
		out := make([]float64, len(row))
		for i, x := range row {
			out[i] = Sigmoid(x)
		}
		return out
	case ActivationNone:
	}
	return row
}

// weighted sums in the order of the labels, so that it is the same every time.
func (h *head) weighted(row []float64) float64 {
	sum := 0.0
	for i, weight := range h.spec.Weights {
		sum += weight * row[i]
	}
	return sum
}

func (h *head) gated(prompt, last []float64) float64 {
	sum := 0.0
	for _, gate := range h.spec.Gates {
		sum += prompt[gate.Gate] * last[gate.Value]
	}
	return sum
}
