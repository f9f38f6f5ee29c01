//go:build gpu

package models

import (
	"path/filepath"
	"testing"

	"github.com/assay-rm/assay/models/encode"
)

// TestFusedCachesOnTheGPU: keys and values of 16 and of 32 bits lie in blocks of the device, and what is read behind
// them are the bits that are read where they lie on the host.
func TestFusedCachesOnTheGPU(t *testing.T) {
	for _, name := range stock {
		t.Run(name, func(t *testing.T) {
			want, m := serve(t, filepath.Join("testdata", "fused", name)), onSharedGPU(t, filepath.Join("fused", name))
			items := goldenItems(t, m)
			alone := make([][][]float32, len(items))
			for i, item := range items {
				expected, err := want.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
				if err != nil || expected[0].Err != nil {
					t.Fatal(err, expected)
				}
				alone[i] = expected[0].Rows
			}
			readsAlikeInAnyBatch(t, m, items, alone, 8) // some of them behind blocks of the device
		})
	}
}
