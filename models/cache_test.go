package models

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/assay-rm/assay/batching"
)

// TestBeamsReadTheSameFromTheCache: sixteen beams that grow step by step read, at every step, what the forward without a cache reads.
func TestBeamsReadTheSameFromTheCache(t *testing.T) {
	for _, name := range []string{"qwen2prm-process-packed", "gemma2-process-packed", "qwen3-reward-packed"} {
		t.Run(name, func(t *testing.T) {
			m := serve(t, filepath.Join("testdata", "bundles", name))
			random := rand.New(rand.NewPCG(1, 2))
			vocabulary := m.info.Manifest.Graph.VocabSize
			more := func(n int) (ids []int64) {
				for range n {
					ids = append(ids, random.Int64N(vocabulary))
				}
				return ids
			}
			limit := m.info.Manifest.Limits.MaxTokens
			beams := make([]Encoded, 16)
			prompt := more(limit / 4)
			for i := range beams {
				beams[i] = Encoded{IDs: slices.Clone(prompt)}
			}
			step := limit / 16
			cached := 0
			for len(beams[0].IDs)+step <= limit {
				parents := slices.Clone(beams)
				for i := range beams {
					parent := parents[i&^3] // four children of each fourth beam
					beams[i] = Encoded{IDs: slices.Concat(parent.IDs, more(step)), Read: slices.Clone(parent.Read)}
					beams[i].Read = append(beams[i].Read, len(beams[i].IDs)-1)
				}
				readings, err := m.Read(t.Context(), beams)
				if err != nil {
					t.Fatal(err)
				}
				for i, reading := range readings {
					rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{{IDs: beams[i].IDs, Read: beams[i].Read}})
					if err != nil || reading.Err != nil {
						t.Fatal(err, reading.Err)
					}
					if moved := distance(reading.Rows, rows[0]); moved != 0 {
						t.Fatalf("beam %d of %d tokens, %d cached, is off by %g", i, len(beams[i].IDs), reading.Cached, moved)
					}
					cached += reading.Cached
				}
			}
			if cached == 0 {
				t.Fatal("nothing came from the cache")
			}
		})
	}
}
