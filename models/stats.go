package models

import "github.com/assay-rm/assay/batching"

// Stats counts what a model's batcher did.
type Stats struct {
	Model string
	batching.Stats
	CacheBytes int64 // keys and values held now
}

// Stats counts for every model, in the registry's order.
func (r *Registry) Stats() []Stats {
	all := r.All()
	stats := make([]Stats, len(all))
	for i, m := range all {
		s := m.Stats()
		stats[i] = Stats{Model: m.info.Manifest.Name, Stats: s, CacheBytes: int64(s.Cache.Blocks) * m.info.Block}
	}
	return stats
}
