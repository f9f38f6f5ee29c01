package rewards

import (
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
)

// loaded is a registry of models of this process.
type loaded struct{ models *models.Registry }

var (
	_ Source    = (*models.Model)(nil)
	_ tokenizer = (*models.Model)(nil)
	_ sloped    = (*models.Model)(nil)
)

func (l loaded) acquire(name string, kinds ...manifest.Kind) (Source, func(), error) {
	m, release, err := l.models.Acquire(name, kinds...)
	if err != nil {
		return nil, nil, err
	}
	return m, release, nil
}

func (l loaded) all() []Source {
	all := l.models.All()
	sources := make([]Source, len(all))
	for i, m := range all {
		sources[i] = m
	}
	return sources
}
