package native

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/wire"
)

// TestComputeIsTold: what a graph for GPUs computes in stands in /v1/models, with what that was seen to change and what
// golden pairs may therefore differ by; of another graph there is nothing.
func TestComputeIsTold(t *testing.T) {
	for name, want := range map[string]*wire.ComputeSpec{
		"fused/qwen2-float16":         {Type: "float16", Tolerance: 0.0248, Score: new(0.0124), Order: new(1.0), Items: 74},
		"fused/qwen2-float32":         {Type: "float32", Tolerance: 1e-4},
		"bundles/qwen3-reward-packed": nil,
	} {
		text, err := os.ReadFile("../../models/testdata/" + name + "/" + manifest.File)
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		told := ModelInfo(&rewards.ModelInfo{Info: models.Info{Manifest: m}})
		if diff := cmp.Diff(want, told.Compute); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
