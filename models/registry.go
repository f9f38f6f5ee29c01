package models

import (
	"slices"
	"strings"
	"sync"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// Registry is the set of models that a process serves. It may change while its models are asked: whoever acquired one
// keeps it until the release, and a model that has left the registry is closed with the last release. It is safe for
// concurrent use.
type Registry struct {
	mu      sync.Mutex
	entries []*entry                   // in the order in which they were added; guarded by mu, and so are their holders
	leaving []*entry                   // that have left, and that somebody holds; guarded by mu
	served  map[string]int             // how many models of a name were served so far; guarded by mu
	past    map[string]*batching.Stats // what the closed models of a name did; guarded by mu
}

// entry is a model and how many hold it. One that has left is in no list.
type entry struct {
	model   *Model
	holders int
	left    bool
}

// NewRegistry makes a registry. Two models of one name are an error.
func NewRegistry(models ...*Model) (*Registry, error) {
	r := &Registry{}
	for _, m := range models {
		if err := r.Add(m); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// All lists the models that are served now, in the order in which they were added. They may leave at any time.
func (r *Registry) All() []*Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	models := make([]*Model, len(r.entries))
	for i, e := range r.entries {
		models[i] = e.model
	}
	return models
}

// Add serves one more model, whose Run somebody must have started. Its error is that another has the name.
func (r *Registry) Add(m *Model) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find(m.name()) >= 0 {
		return fault.New(fault.CodeBundle, "two bundles are named %q", m.name())
	}
	r.entries = append(r.entries, r.enter(m))
	return nil
}

// enter makes the entry of a model that is served from now on, and numbers it among those of its name.
func (r *Registry) enter(m *Model) *entry {
	if r.served == nil {
		r.served = map[string]int{}
	}
	r.served[m.name()]++
	m.info.Revision = r.served[m.name()]
	return &entry{model: m}
}

// Replace serves the model in the place of the one of its name, which leaves: who asks from now on gets the new one,
// and who asked before gets an answer of the old one. Its error is that there is none of the name. A model in its own
// place stays.
func (r *Registry) Replace(m *Model) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.find(m.name())
	if at < 0 {
		return fault.New(fault.CodeModel, "no model is named %q; loaded: %s", m.name(), r.names())
	}
	if r.entries[at].model == m {
		return nil
	}
	r.leave(r.entries[at])
	r.entries[at] = r.enter(m)
	return nil
}

// Remove no longer serves the model of that name. Its error is that there is none.
func (r *Registry) Remove(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.find(name)
	if at < 0 {
		return fault.New(fault.CodeModel, "no model is named %q; loaded: %s", fault.Short(name), r.names())
	}
	r.leave(r.entries[at])
	r.entries = slices.Delete(r.entries, at, at+1)
	return nil
}

// leave closes a model that is served no longer, as soon as nobody holds it.
func (r *Registry) leave(e *entry) {
	if e.left = true; e.holders > 0 {
		r.leaving = append(r.leaving, e)
		return
	}
	r.closeModel(e)
}

// closeModel closes a model that has left and that nobody holds. What it counted is kept.
func (r *Registry) closeModel(e *entry) {
	r.leaving = slices.DeleteFunc(r.leaving, func(other *entry) bool { return other == e })
	e.model.Close()
	if r.past == nil {
		r.past = map[string]*batching.Stats{}
	}
	if r.past[e.model.name()] == nil {
		r.past[e.model.name()] = &batching.Stats{}
	}
	did := e.model.Stats()
	r.past[e.model.name()].Add(&did)
}

// Acquire gives the model of that name, or the only one of those kinds when name is empty. The model answers until
// release is called. Its errors are *fault.Error.
func (r *Registry) Acquire(name string, kinds ...manifest.Kind) (m *Model, release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, err := r.choose(name, kinds)
	if err != nil {
		return nil, nil, err
	}
	e.holders++
	held := true // guarded by mu
	return e.model, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !held {
			return
		}
		held = false
		if e.holders--; e.left && e.holders == 0 {
			r.closeModel(e)
		}
	}, nil
}

// choose finds what a name, or none, stands for.
func (r *Registry) choose(name string, kinds []manifest.Kind) (*entry, error) {
	if name != "" {
		at := r.find(name)
		if at < 0 {
			return nil, fault.New(fault.CodeModel, "no model is named %q; loaded: %s", fault.Short(name), r.names())
		}
		if asked := r.entries[at].model.info.Manifest.Asked(); !slices.Contains(kinds, asked) {
			return nil, fault.New(fault.CodeKind, "model %q is %s, and this question needs one of kind %s", name, asked.Model(), words(kinds))
		}
		return r.entries[at], nil
	}
	var found *entry
	count := 0
	for _, e := range r.entries {
		if slices.Contains(kinds, e.model.info.Manifest.Asked()) {
			found = e
			count++
		}
	}
	switch count {
	case 1:
		return found, nil
	case 0:
		return nil, fault.New(fault.CodeModel, "no %s model is loaded; loaded: %s", words(kinds), r.names())
	}
	return nil, fault.New(fault.CodeModel, "%d %s models are loaded, so the request must name one: %s", count, words(kinds), r.names())
}

// words names kinds in an error. A question about rewards takes models of features too, which goes without saying.
func words(kinds []manifest.Kind) string {
	var words []string
	for _, kind := range kinds {
		if kind != manifest.KindFeatures {
			words = append(words, string(kind))
		}
	}
	return strings.Join(words, " or ")
}

// find is the place of the model of that name, -1 when there is none.
func (r *Registry) find(name string) int {
	return slices.IndexFunc(r.entries, func(e *entry) bool { return e.model.name() == name })
}

func (r *Registry) names() string {
	names := make([]string, len(r.entries))
	for i, e := range r.entries {
		names[i] = e.model.name()
	}
	return strings.Join(names, ", ")
}

func (m *Model) name() string { return m.info.Manifest.Name }
