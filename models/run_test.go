package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
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

// A forward that takes longer than it may is ended, its item says so, and the next one runs.
func TestALateForwardIsEnded(t *testing.T) {
	m := fixture(t, "qwen3-reward-packed")
	options, probe := m.batching(Options{}), m.probes()[:1]
	m.session.Bound(time.Nanosecond)
	_, err := m.forward(t.Context(), options, probe)
	m.session.Bound(0)
	if _, err := m.forward(t.Context(), options, probe); err != nil {
		t.Error(err)
	}
	if err == nil || !strings.Contains(err.Error(), "longer than 1ns") {
		t.Errorf("a forward of more than a nanosecond: %v", err)
	}
	reading := m.reading(batching.Result{Err: fmt.Errorf("run: %w", onnxrun.LateError{Longest: time.Minute})})
	var known *fault.Error
	if !errors.As(reading.Err, &known) || known.Code != fault.CodeRun || known.Detail != `the forward of model "qwen3-reward-packed" took longer than 1m0s and was ended` {
		t.Errorf("its item says %v", reading.Err)
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
