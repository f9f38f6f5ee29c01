package models

import (
	"slices"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Registry is the set of models that a process serves. It does not change after it is made.
type Registry struct {
	models []*Model
}

// NewRegistry makes a registry. Two models of one name are an error.
func NewRegistry(models ...*Model) (*Registry, error) {
	seen := map[string]bool{}
	for _, m := range models {
		name := m.Info().Manifest.Name
		if seen[name] {
			return nil, fault.New(fault.CodeBundle, "two bundles are named %q", name)
		}
		seen[name] = true
	}
	return &Registry{models: models}, nil
}

// All lists the models in the order in which they were given.
func (r *Registry) All() []*Model { return slices.Clone(r.models) }

// Find gives the model of that name, or the only one of those kinds when name is empty. Its errors are *Error.
func (r *Registry) Find(name string, kinds ...manifest.Kind) (*Model, error) {
	var words []string
	for _, kind := range kinds {
		if kind != manifest.KindFeatures { // who asks for a reward means these too
			words = append(words, string(kind))
		}
	}
	wanted := strings.Join(words, " or ")
	var of []*Model
	for _, m := range r.models {
		spec := m.Info().Manifest
		switch asked := spec.Asked(); {
		case name != "" && spec.Name == name && slices.Contains(kinds, asked):
			return m, nil
		case name != "" && spec.Name == name:
			return nil, fault.New(fault.CodeKind, "model %q is a %s model, and this question needs a %s model", name, asked, wanted)
		case slices.Contains(kinds, asked):
			of = append(of, m)
		}
	}
	switch {
	case name != "":
		return nil, fault.New(fault.CodeModel, "no model is named %q; loaded: %s", name, r.names())
	case len(of) == 1:
		return of[0], nil
	case len(of) == 0:
		return nil, fault.New(fault.CodeModel, "no %s model is loaded; loaded: %s", wanted, r.names())
	}
	return nil, fault.New(fault.CodeModel, "%d %s models are loaded, so the request must name one: %s", len(of), wanted, r.names())
}

func (r *Registry) names() string {
	names := make([]string, 0, len(r.models))
	for _, m := range r.models {
		names = append(names, m.Info().Manifest.Name)
	}
	return strings.Join(names, ", ")
}
