package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// Slopes says how a label moves with each feature of each item that was read, (items, features), in the manifest's
// order. What is not finite is returned as it is. Its errors are *fault.Error, of a model without features or without
// gradients, or ctx's, which is asked every 512 items.
func (m *Model) Slopes(ctx context.Context, readings []Reading, label int) ([][]float32, error) {
	manifest := &m.info.Manifest
	if m.features == nil {
		return nil, fault.New(fault.CodeKind, "model %q reads tokens, and gradients are by features", manifest.Name)
	}
	if err := m.features.NoGradient(); err != nil {
		return nil, &fault.Error{Code: fault.CodeKind, Detail: fmt.Sprintf("model %q has no gradient", manifest.Name), Err: err}
	}
	items := make([]encode.Encoded, len(readings))
	for i := range readings {
		items[i].IDs = readings[i].features
	}
	slopes, err := m.features.Slopes(ctx, items, label)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, err
	case err != nil:
		return nil, &fault.Error{Code: fault.CodeRun, Detail: fmt.Sprintf("the gradient of model %q failed", manifest.Name), Err: err}
	}
	return slopes, nil
}
