package onnxrun

import (
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assay-rm/assay/batching"
)

// processors is the time that the process has had of them.
func processors(t *testing.T) time.Duration {
	t.Helper()
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &spent); err != nil {
		t.Fatal(err)
	}
	return time.Duration(spent.Utime.Nano() + spent.Stime.Nano())
}

// TestIdleModelsTakeNoProcessors: the threads of two models that were asked at the same time sleep as soon as both have
// answered. Unless they are told otherwise each turns in a loop for about 40 ms, in case that another forward comes.
func TestIdleModelsTakeNoProcessors(t *testing.T) {
	startRuntime(t)
	const threads, answers = 4, 20
	m, stage := stageOf(t, filepath.Join("..", "testdata", "bundles", "qwen3-reward-packed-external"))
	ids := make([]int64, 300)
	plan, _, err := batching.MakePlan([]batching.Sequence{{IDs: ids, Positions: []int{299}}}, batching.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var sessions [2]*Session
	for i := range sessions {
		if sessions[i], err = Open(t.Context(), &Graph{Manifest: m, Stages: []Stage{stage}}, threads, Device{}); err != nil {
			t.Fatal(err)
		}
		defer sessions[i].Close()
		if _, err := sessions[i].Reserve(0, 512); err != nil {
			t.Fatal(err)
		}
	}
	least := time.Duration(1 << 62)
	for range 5 { // of which one is without Go's own work
		var group sync.WaitGroup
		for _, s := range sessions {
			group.Go(func() {
				for range answers {
					runPlan(t, s, plan)
				}
			})
		}
		group.Wait()
		before := processors(t)
		time.Sleep(100 * time.Millisecond) // what is measured is the time of the processors, not this
		least = min(least, processors(t)-before)
	}
	t.Logf("%s of the processors in the 100 ms behind the last forward", least)
	if least > 10*time.Millisecond {
		t.Errorf("idle models take %s of the processors in 100 ms", least)
	}
}
