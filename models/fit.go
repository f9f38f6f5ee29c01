package models

import (
	"context"
	"slices"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Fitted is the vector of one user that explains their preferences best. A loss is the negative logarithm of the
// vector's posterior, up to a constant: Σ log(1 + e^(rejected − chosen)) + |user|² / (2 · prior²).
type Fitted struct {
	User      []float32 `json:"user"`
	Before    float64   `json:"before"` // loss of a vector of zeros
	After     float64   `json:"after"`  // loss of User
	Pairs     int       `json:"pairs"`
	Steps     int       `json:"steps"`     // of gradient descent that were taken
	Converged bool      `json:"converged"` // the loss falls no further; false: more steps would lower it
}

// Fits returns nil when the model can fit a user's vector, and else why it cannot, a *fault.Error.
func (m *Model) Fits() error {
	spec := &m.info.Manifest
	switch {
	case m.info.User == 0:
		return fault.New(fault.CodeKind, "model %q has no head that takes a user's vector", spec.Name)
	case spec.Kind != manifest.KindReward:
		return fault.New(fault.CodeKind, "model %q is %s, and a user's vector is fitted to rewards", spec.Name,
			spec.Kind.Model())
	case !spec.Head.ReadsOneLabel():
		return fault.New(fault.CodeKind,
			"the reward of model %q is made of several labels, and a user's vector is fitted to one", spec.Name)
	}
	return nil
}

// Fit finds the vector of one user who preferred chosen[i] to rejected[i], by at most so many steps of gradient descent
// from zeros on, under a Gaussian prior of that standard deviation. Compared is the reward before activation, mean and
// std. The items' own vectors are not used. The same pairs give the same bits.
func (m *Model) Fit(ctx context.Context, chosen, rejected []encode.Encoded, prior float64, steps int) (Fitted, error) {
	if err := m.Fits(); err != nil {
		return Fitted{}, err
	}
	spec := &m.info.Manifest
	label := spec.Head.Label
	if err := m.head.TakesPairs(len(chosen), label, prior, steps); err != nil {
		return Fitted{}, fault.New(fault.CodeItem,
			"the head of model %q takes no fit to %d pairs", spec.Name, len(chosen)).Because(err)
	}
	readings, err := m.rows(ctx, Caller{}, m.sequences(Caller{}, slices.Concat(chosen, rejected)))
	if err != nil {
		return Fitted{}, err
	}
	rows := make([][]float32, 0, len(readings))
	for _, reading := range readings {
		if reading.Err == nil {
			reading.Err = m.finiteRows(reading.Rows)
		}
		if reading.Err != nil {
			return Fitted{}, reading.Err
		}
		rows = append(rows, reading.Rows...)
	}
	found, err := m.head.FitUser(ctx, rows[:len(chosen)], rows[len(chosen):], label, prior, steps)
	if err != nil {
		return Fitted{}, err
	}
	return Fitted{
		User:      found.Latent.Data,
		Before:    found.Before,
		After:     found.After,
		Pairs:     len(chosen),
		Steps:     found.Steps,
		Converged: found.Converged,
	}, nil
}
