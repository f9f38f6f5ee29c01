package models

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/assay-rm/assay/batching"
)

// TestForwardsRunOnThreadsOfTheirOwn: while one of Go's threads is in a long call into C, the runtime takes cores from
// ONNX Runtime's.
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

// TestThreadsAreThoseThatGoMayUse: in a container with a quota of processors, one thread for each of the host's would
// be throttled.
func TestThreadsAreThoseThatGoMayUse(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1))
	if threads := fixture(t, "qwen3-reward-packed").Info().Threads; threads != runtime.NumCPU()+1 {
		t.Errorf("a forward has %d threads, and Go may use %d processors", threads, runtime.NumCPU()+1)
	}
}
