package rewards

import (
	"fmt"

	"github.com/assay-rm/assay/models/manifest"
)

// pairRule is how the rows of both orders of two responses become the log-odds that the first is better.
type pairRule struct {
	labels []string
	spec   manifest.Pair
}

func newPairRule(m manifest.Manifest) pairRule {
	return pairRule{m.Graph.Labels, *m.Pair}
}

func (r *pairRule) transforms() []string {
	names := []string{r.spec.Activation}
	if len(r.labels) > 1 {
		names = append(names, "label "+r.labels[r.spec.Label])
	}
	return append(names, "both orders by "+r.spec.Orders)
}

// logit is one order's log-odds.
func (r *pairRule) logit(o *outcome) (float64, *Problem) {
	if o.problem != nil {
		return 0, o.problem
	}
	rows, problem := widen(o.reading.Rows, r.labels)
	switch {
	case problem != nil:
		return 0, problem
	case len(rows) != 1:
		return 0, NewProblem(CodeInternal, "the model gave %d rows of one pair", len(rows))
	case Activation(r.spec.Activation) == ActivationSoftmax:
		return LogOdds(rows[0], r.spec.Label), nil
	}
	return rows[0][r.spec.Label], nil
}

// margin is the log-odds from those of (a, b) and of (b, a); margin(x, y) = −margin(y, x).
func (r *pairRule) margin(ab, ba float64) float64 {
	if r.spec.Logits() {
		return (ab - ba) / 2
	}
	// p = (σ(ab) + σ(−ba)) / 2 and 1 − p = (σ(−ab) + σ(ba)) / 2, whose logarithms are exact where they are small.
	return logSum(LogSigmoid(ab), LogSigmoid(-ba)) - logSum(LogSigmoid(-ab), LogSigmoid(ba))
}

// preferenceRule is how two responses' rows become the log-odds that the first is preferred.
type preferenceRule struct {
	labels []string
	spec   manifest.Preference
}

func newPreferenceRule(m manifest.Manifest) preferenceRule {
	return preferenceRule{m.Graph.Labels, *m.Preference}
}

func (r *preferenceRule) transforms() []string {
	var names []string
	if r.spec.Normalize {
		names = append(names, "unit length")
	}
	if r.spec.Scale != nil {
		names = append(names, "scale")
	}
	return append(names, fmt.Sprintf("general preference temperature %g", r.spec.Temperature))
}

// vectors gives a response's embedding and the scales at the end of its prompt, nil where the model has none.
func (r *preferenceRule) vectors(o *outcome) (vector, scale []float64, problem *Problem) {
	if o.problem != nil {
		return nil, nil, o.problem
	}
	rows, problem := widen(o.reading.Rows, r.labels)
	if problem != nil {
		return nil, nil, problem
	}
	if len(rows) == 0 || len(rows) != len(o.encoded.Positions) {
		return nil, nil, NewProblem(CodeInternal, "the model gave %d rows of %d positions", len(rows), len(o.encoded.Positions))
	}
	vector, scale = pick(rows[len(rows)-1], r.spec.Embedding), pick(rows[0], r.spec.Scale)
	if r.spec.Normalize {
		vector = Unit(vector)
	}
	return vector, scale, nil
}

func pick(row []float64, at []int) []float64 {
	if at == nil {
		return nil
	}
	out := make([]float64, len(at))
	for i, index := range at {
		out[i] = row[index]
	}
	return out
}
