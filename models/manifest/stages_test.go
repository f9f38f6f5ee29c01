package manifest

import (
	"slices"
	"strings"
	"testing"
)

// TestStages: the stages' layers follow one another, and a graph that is not cut is one stage.
func TestStages(t *testing.T) {
	cut := strings.NewReplacer("file: model.onnx", "stages: [{file: a, layers: 1}, {file: b, layers: 3}, {file: c, layers: 2}]",
		"precision: float32", "precision: float32, compute: float32", "layers: 2,", "layers: 6,").Replace(goodManifest)
	for text, want := range map[string][]int{goodManifest: {0, 2}, cut: {0, 1, 4, 6}} {
		m, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files := m.Graph.Files()
		ends := []int{0}
		for stage := range files {
			from, to := m.Graph.LayersOf(stage)
			if from != ends[stage] {
				t.Errorf("stage %d begins with layer %d, and the one before ends at %d", stage, from, ends[stage])
			}
			ends = append(ends, to)
		}
		if m.Graph.File != files[0] || !slices.Equal(ends, want) {
			t.Errorf("files %q and %s, ends of layers %v, want %v", files, m.Graph.File, ends, want)
		}
	}
}
