package rewards

import (
	"context"
	"errors"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// Explanation is what is told beside a score.
type Explanation string

// ExplainGradient asks for the derivative of the score by each feature, transforms and activation included.
const ExplainGradient Explanation = "gradient"

// check proves that a model can give what is asked.
func (x Explanation) check(info models.Info) error {
	if x == "" {
		return nil
	}
	if err := oneOf("explain", x, ExplainGradient); err != nil {
		return err
	}
	if m := info.Manifest; !m.ReadsFeatures() {
		return invalid("explain: a gradient is by features, and model %q reads tokens", m.Name)
	}
	return nil
}

// explain puts the gradient beside every score, by the chain rule: how the score moves with each label, times how that label moves with each
// feature. An item whose gradient is not finite fails, and so does every item whose gradient ctx's deadline leaves no time for.
func (s *scored) explain(ctx context.Context, m reader) error {
	var items []encode.Encoded
	var weights, gradients [][]float64 // (items, labels), (items, features)
	var at []int                       // items[k] is of results[at[k]]
	features := s.info.Manifest.Graph.Features
	for i := range s.results {
		if s.results[i].Error != nil {
			continue
		}
		rows, _ := widen(s.outcomes[i].reading.Rows, s.rule.labels) // the score was made of them
		items, at = append(items, s.outcomes[i].encoded), append(at, i)
		weights, gradients = append(weights, s.rule.slopes(rows[len(rows)-1])), append(gradients, make([]float64, len(features)))
	}
	for label := range s.rule.labels {
		if !moves(weights, label) {
			continue
		}
		slopes, err := m.Slopes(ctx, items, label)
		if ctx.Err() != nil {
			return s.late(ctx.Err(), at)
		}
		if err != nil {
			return err
		}
		for k := range items {
			for f, slope := range slopes[k] {
				if weights[k][label] != 0 { // 0 times an infinite slope would be no number
					gradients[k][f] += weights[k][label] * float64(slope)
				}
			}
		}
	}
	for k, i := range at {
		s.results[i].Gradient = named(features, gradients[k])
		for f, x := range gradients[k] {
			if !finite(x) {
				s.results[i] = ScoreResult{Error: NewProblem(fault.CodeNotFinite, "the gradient by feature %q is %g", features[f], x)}
				break
			}
		}
	}
	return nil
}

// late fails the results of those numbers by the deadline that passed; a caller that is gone is told nothing.
func (s *scored) late(err error, at []int) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	for _, i := range at {
		s.results[i] = ScoreResult{Error: ProblemOf(err)}
	}
	return nil
}

// moves tells whether the score of some item depends on the label.
func moves(weights [][]float64, label int) bool {
	for _, of := range weights {
		if of[label] != 0 {
			return true
		}
	}
	return false
}

// slopes says how the score moves with each label of its one row, after every activation, weight, mean and std.
func (r *rule) slopes(row []float64) []float64 {
	std := r.spec.Std
	of := make([]float64, len(row)) // how the score moves with each label after the head's activation
	switch after := r.activated(row); {
	case r.show < 0 && r.activation == ActivationSigmoid:
		_, score, _ := r.apply([][]float64{row})
		for i, weight := range r.spec.Weights {
			of[i] = score * (1 - score) * weight / std
		}
	case r.show < 0:
		for i, weight := range r.spec.Weights {
			of[i] = weight / std
		}
	default:
		scores := make([]float64, len(after))
		for i, x := range after {
			scores[i] = Normalize(x, r.spec.Mean, std)
		}
		of[r.show] = 1
		of = backward(scores, of, r.activation)
		for i := range of {
			of[i] /= std
		}
	}
	return backward(row, of, Activation(r.spec.Activation))
}

// backward takes slopes by what an activation gives of a row back to slopes by the row.
func backward(row, of []float64, activation Activation) []float64 {
	out := make([]float64, len(row))
	after := activated(row, activation)
	switch activation {
	case ActivationSigmoid:
		for i, p := range after {
			out[i] = of[i] * p * (1 - p)
		}
	case ActivationSoftmax:
		mean := 0.0
		for i, p := range after {
			mean += p * of[i]
		}
		for i, p := range after {
			out[i] = p * (of[i] - mean)
		}
	default:
		copy(out, of)
	}
	return out
}
