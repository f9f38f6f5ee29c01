//go:build gpu

package models

import (
	"path/filepath"
	"testing"

	"github.com/assay-rm/assay/models/encode"
)

// TestOperatorsOnTheGPUReadWhatTheirBodiesRead: a graph of domain assay whose operators run on the device by our
// kernels and by a cuBLASLt, with keys and values in its pools, is within the file's drift of the bodies on the
// processors. Its readings have the same bits alone, in any batch and behind cached blocks.
func TestOperatorsOnTheGPUReadWhatTheirBodiesRead(t *testing.T) {
	// Windows; norms of heads; integers; encoders.
	for name, few := range map[string]int{
		"qwen2-assay-float16": 8, "qwen3-assay-bfloat16": 8, "qwen3-assay-float16-int8": 8, "bert-assay-float16": 3, "modernbert-assay-bfloat16": 3,
	} {
		t.Run(name, func(t *testing.T) {
			bundle := filepath.Join("fused", name)
			bodies, m := serve(t, filepath.Join("testdata", bundle)), onSharedGPU(t, bundle)
			items := goldenItems(t, m)[:few] // the twins are slow
			expected, err := bodies.ReadEncoded(t.Context(), Caller{}, items)
			if err != nil {
				t.Fatal(err)
			}
			alone := make([][][]float32, len(items))
			worst, allowed := 0.0, m.info.Manifest.Graph.Drift.Tolerance()
			for i, item := range items {
				readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
				if err != nil || readings[0].Err != nil || expected[i].Err != nil {
					t.Fatal(err, readings, expected[i].Err)
				}
				alone[i] = readings[0].Rows
				worst = max(worst, distance(alone[i], expected[i].Rows))
			}
			if t.Logf("worst difference %g of %g", worst, allowed); !(worst <= allowed) {
				t.Errorf("%g from the bodies, and %g is allowed", worst, allowed)
			}
			readsAlikeInAnyBatch(t, m, items, alone, 2)
		})
	}
}
