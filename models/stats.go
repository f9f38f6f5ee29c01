package models

import "github.com/assay-rm/assay/batching"

// Stats counts what the batchers of a model's name did: of the model that is served, and of those before it.
type Stats struct {
	Model string
	batching.Stats
	CacheBytes int64 // keys and values held now
}

// Stats counts for every model that is served, in the registry's order. Counters go on where a model takes the place of
// another, so that none ever falls. Batchers are asked without the registry's lock, so that no request waits for it.
func (r *Registry) Stats() []Stats {
	r.mu.Lock()
	current, leaving := make([]*Model, len(r.entries)), make([]*Model, len(r.leaving))
	stats := make([]Stats, len(r.entries)) // begins with what the closed models of the name did
	for i, e := range r.entries {
		current[i], stats[i].Model = e.model, e.model.name()
		if past := r.past[e.model.name()]; past != nil {
			stats[i].Stats = *past
		}
	}
	for i, e := range r.leaving {
		leaving[i] = e.model
	}
	r.mu.Unlock()
	for i, m := range current {
		past, s := stats[i].Stats, m.Stats()
		stats[i].CacheBytes = int64(s.Cache.Blocks) * m.info.Block
		s.Add(&past)
		for _, other := range leaving {
			if other.name() == m.name() {
				ending := other.Stats()
				s.Add(&ending)
			}
		}
		stats[i].Stats = s
	}
	return stats
}
