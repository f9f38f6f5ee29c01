package rewards

import (
	"context"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// Source gives readings of items: a model of this process is one. Its methods are safe for concurrent use.
type Source interface {
	// Info says what it is. It is the source's own and must not be changed.
	Info() *models.Info
	// Admit tells whether items have a chance of being read now, before anything is done with them. It keeps no place
	// for them.
	Admit(ctx context.Context, ask models.Ask) error
	// Read gives one reading for each item, in order, and how many tokens were computed for all of them. The error is
	// of the whole of what was asked.
	Read(ctx context.Context, ask models.Ask) (readings []models.Reading, computed int, err error)
	// Probe reads one short item. A nil error means that it works.
	Probe(ctx context.Context) error
}

// tokenizer is a source that shows what its model would see of items.
type tokenizer interface {
	Tokenize(ctx context.Context, ask models.Ask) ([]encode.Outcome, error)
}

// sloped is a source that tells how a label moves with each feature of the items that were read, (items, features).
type sloped interface {
	Slopes(ctx context.Context, readings []models.Reading, label int) ([][]float32, error)
}

var (
	_ Source    = (*models.Model)(nil)
	_ tokenizer = (*models.Model)(nil)
	_ sloped    = (*models.Model)(nil)
)

// registry is the set of sources that requests name. It may change while it is asked.
type registry interface {
	// acquire gives the source of that name, or the only one of these kinds where the name is empty. It lasts until it
	// is released.
	acquire(name string, kinds ...manifest.Kind) (source Source, release func(), err error)
	// all lists the sources that are there now, in a lasting order.
	all() []Source
}

// local is a registry of models of this process.
type local struct{ *models.Registry }

func (l local) acquire(name string, kinds ...manifest.Kind) (Source, func(), error) {
	m, release, err := l.Acquire(name, kinds...)
	if err != nil {
		return nil, nil, err
	}
	return m, release, nil
}

func (l local) all() []Source {
	all := l.All()
	sources := make([]Source, len(all))
	for i, m := range all {
		sources[i] = m
	}
	return sources
}
