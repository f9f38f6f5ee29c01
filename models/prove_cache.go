package models

import (
	"context"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
)

// proveCache sends every probe through a batcher with a cache three times: it is computed, computed and kept, and taken
// from the cache. Each time it must read what it reads alone.
func (m *Model) proveCache(ctx context.Context, options batching.Options, probes []batching.Sequence,
	alone [][][]float32,
) error {
	if options.CacheBlocks == 0 {
		return nil
	}
	options.MaxDelay = 0
	b := batching.New(m.runner, options)
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	defer func() {
		b.Close()
		<-done //nolint:errcheck // it is nil, or the context's error, which the caller sees
	}()
	cached, worst, equal := 0, 0.0, true
	for range 3 {
		for i, probe := range probes {
			results, err := b.Submit(ctx, Caller{}, []batching.Sequence{probe})
			if err != nil {
				return err
			}
			result := results[0]
			if result.Err != nil {
				return fault.New(fault.CodeBundle, "graph.file %s: a probe of %d tokens behind %d cached ones: %v",
					m.info.Manifest.Graph.File, len(probe.IDs), result.Cached, result.Err)
			}
			rows, err := m.headed(ctx, result.Values, probe)
			if err != nil {
				return err
			}
			moved := distance(rows, alone[i])
			worst, equal = max(worst, moved), equal && sameBits(rows, alone[i])
			if moved > m.tolerance() {
				return fault.New(fault.CodeBundle,
					"graph.layout packed: the output of a probe of %d tokens is %v, and %v behind %d cached ones",
					len(probe.IDs), alone[i], rows, result.Cached)
			}
			cached += result.Cached
		}
	}
	if cached == 0 {
		return fault.New(fault.CodeBundle,
			"graph.layout packed: nothing was taken from the key-value cache: its %d blocks are too few for a probe",
			options.CacheBlocks)
	}
	m.report("cache", "cached = computed, largest difference %g, bit-equal: %s", worst, yes(equal))
	return nil
}
