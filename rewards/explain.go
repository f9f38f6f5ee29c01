package rewards

import (
	"context"
	"errors"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// explain puts the gradient beside every score, by the chain rule: how the score moves with each label, times how that
// label moves with each feature. An item whose gradient is not finite fails, and so does every item whose gradient
// ctx's deadline leaves no time for.
func (s *scoring) explain(ctx context.Context, readings []models.Reading, results []Result) error {
	source, ok := s.source.(sloped)
	if !ok {
		return failure.New(fault.CodeKind, "explain: model %q tells no gradient", s.head.model)
	}
	info := s.source.Info()
	features := info.Manifest.Graph.Features
	var read []models.Reading
	var weights, gradients [][]float64 // (items, labels), (items, features)
	var at []int                       // read[k] is of results[at[k]]
	for i := range results {
		if results[i].Err != nil {
			continue
		}
		rows, _ := widen(&readings[i], s.head.labels) // the score was made of them
		read, at = append(read, readings[i]), append(at, i)
		weights, gradients = append(weights, s.head.slopes(rows[len(rows)-1])), append(gradients, make([]float64, len(features)))
	}
	for label := range s.head.labels {
		if !moves(weights, label) {
			continue
		}
		slopes, err := source.Slopes(ctx, read, label)
		if ctx.Err() != nil {
			return late(ctx.Err(), results, at)
		}
		if err != nil {
			return err
		}
		for k := range read {
			for f, slope := range slopes[k] {
				if weights[k][label] != 0 { // 0 times an infinite slope would be no number
					gradients[k][f] += weights[k][label] * float64(slope)
				}
			}
		}
	}
	for k, i := range at {
		results[i].Gradient = named(features, gradients[k])
		if f := slices.IndexFunc(gradients[k], infinite); f >= 0 {
			results[i] = Result{Err: failure.New(fault.CodeNotFinite, "the gradient by feature %q is %g", features[f], gradients[k][f])}
		}
	}
	return nil
}

func infinite(x float64) bool { return !ops.Finite(x) }

// late fails the results of those numbers by the deadline that passed; a caller that is gone is told nothing.
func late(err error, results []Result, at []int) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	for _, i := range at {
		results[i] = Result{Err: failure.Of(err)}
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
func (h *head) slopes(row []float64) []float64 {
	of := make([]float64, len(row)) // how the score moves with each label after the head's activation
	switch after := activated(row, h.Activation); {
	case h.Label < 0:
		slope := 1.0
		if h.last == activationSigmoid {
			_, score, _ := h.apply([][]float64{row})
			slope = score * (1 - score)
		}
		for i, weight := range h.Weights {
			of[i] = slope * weight / h.Std
		}
	default:
		scores := make([]float64, len(after))
		for i, x := range after {
			scores[i] = ops.Normalize(x, h.Mean, h.Std)
		}
		of[h.Label] = 1
		of = backward(scores, of, h.last)
		for i := range of {
			of[i] /= h.Std
		}
	}
	return backward(row, of, h.Activation)
}

// backward takes slopes by what an activation gives of a row back to slopes by the row.
func backward(row, of []float64, activation string) []float64 {
	out := make([]float64, len(row))
	after := activated(row, activation)
	switch activation {
	case activationSigmoid:
		for i, p := range after {
			out[i] = of[i] * p * (1 - p)
		}
	case activationSoftmax:
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
