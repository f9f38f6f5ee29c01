package models

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/assay-rm/assay/batching"
)

// TestForwardsRunOnThreadsOfTheirOwn: while one of Go's threads is in a long call into C, the runtime takes cores from ONNX Runtime's.
func TestForwardsRunOnThreadsOfTheirOwn(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	if _, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{m.probes()[0]}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(names, func(name string) bool {
		text, err := os.ReadFile(name)
		return err == nil && string(text) == "assay-forward\n"
	}) {
		t.Errorf("none of %d threads is for forwards", len(names))
	}
}
