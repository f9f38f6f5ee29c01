package models

import "github.com/assay-rm/assay/batching"

// Stats counts what the batchers of a model's name did: of the model that is served, and of those before it.
type Stats struct {
	Model string
	batching.Stats
	CacheBytes int64 // keys and values held now
}

// Stats counts for every model that is served, in the registry's order. Counters go on where a model takes the place of
// another, so that none ever falls.
func (r *Registry) Stats() []Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	stats := make([]Stats, len(r.entries))
	for i, e := range r.entries {
		m := e.model
		s := m.Stats()
		cached := int64(s.Cache.Blocks) * m.info.Block
		if past := r.past[m.name()]; past != nil {
			s.Add(past)
		}
		for _, other := range r.leaving {
			if other.model.name() == m.name() {
				ending := other.model.Stats()
				s.Add(&ending)
			}
		}
		stats[i] = Stats{Model: m.name(), Stats: s, CacheBytes: cached}
	}
	return stats
}
