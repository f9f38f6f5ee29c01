package models

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestOperatorsOfOursReadTheSameBits: on processors, graphs of domain assay give a sequence the same bits alone, in any
// batch, behind a shared prefix and a cached one, with 1, 2 and 4 threads.
func TestOperatorsOfOursReadTheSameBits(t *testing.T) {
	for _, name := range fused {
		if !strings.Contains(name, "-assay-") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var first [][]float32
			for _, threads := range []int{1, 2, 4} {
				m := openFused(t, name, threads)
				if m.info.Kernels == "" {
					t.Fatal("it does not say what computes it")
				}
				random := rand.New(rand.NewPCG(9, 9))
				sequences := make([]batching.Sequence, 12)
				for i := range sequences {
					ids := probeIDs(m.info.Manifest.Graph.VocabSize, 1+random.IntN(150), random.Uint64())
					sequences[i] = batching.Sequence{IDs: ids, Positions: []int{len(ids) - 1}}
				}
				read, err := m.forward(t.Context(), m.batching(Options{}), sequences)
				if err != nil {
					t.Fatal(err)
				}
				rows := slices.Concat(read...)
				if first == nil {
					first = rows
				}
				if !slices.EqualFunc(rows, first, slices.Equal) {
					t.Errorf("%d threads read otherwise than one", threads)
				}
				if moved, _ := readsAlikeFused(t, m, random, roundingOn(onnxrun.Device{})); moved != 0 {
					t.Errorf("%d threads: alone a sequence reads otherwise by %g than in a batch", threads, moved)
				}
			}
		})
	}
}
