package models

import (
	"context"
	"errors"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// Slopes is the derivative of a label by every feature of every item, (items, features), features in the manifest's
// order. What is not finite is returned as it is. The error is a *fault.Error, when the model reads no features or has
// no gradient, or the context's, which is asked every 512 items.
func (m *Model) Slopes(ctx context.Context, items []encode.Encoded, label int) ([][]float32, error) {
	manifest := &m.info.Manifest
	if m.features == nil {
		return nil, fault.New(fault.CodeKind, "model %q reads tokens, and gradients are by features", manifest.Name)
	}
	if err := m.features.NoGradient(); err != nil {
		return nil, fault.New(fault.CodeKind, "model %q has no gradient", manifest.Name).Because(err)
	}
	slopes, err := m.features.Slopes(ctx, items, label)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, fault.New(fault.CodeRun, "the gradient of model %q failed", manifest.Name).Because(err)
	}
	return slopes, nil
}
