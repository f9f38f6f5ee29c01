package onnxrun

import (
	"os"
	"path/filepath"
	"strings"
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
// answered. Unless they are told otherwise those of ONNX Runtime turn in a loop for about 40 ms, in case that another
// forward comes. Models of our operators have theirs in common.
func TestIdleModelsTakeNoProcessors(t *testing.T) {
	startRuntime(t)
	for form, bundle := range map[string]string{"plain": "bundles/qwen3-reward-packed-external", "operators": "fused/qwen2-assay-float32"} {
		t.Run(form, func(t *testing.T) {
			sleepBehindForwards(t, filepath.Join("..", "testdata", filepath.FromSlash(bundle)))
		})
	}
	if threadsNamed(t, "assay-compute") < idleThreads-1 {
		t.Error("no threads are there that models have in common")
	}
}

const idleThreads = 4

// threadsNamed counts the process's threads with a name.
func threadsNamed(t *testing.T, name string) (count int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if said, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(said)) == name { // one may have ended
			count++
		}
	}
	return count
}

func sleepBehindForwards(t *testing.T, bundle string) {
	t.Helper()
	const answers = 20
	m, stage := stageOf(t, bundle)
	ids := make([]int64, 300)
	plan, _, err := batching.MakePlan([]batching.Sequence{{IDs: ids, Positions: []int{299}}}, batching.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var sessions [2]*Session
	var shared [2]int
	for i := range sessions {
		if sessions[i], err = Open(t.Context(), &Graph{Manifest: m, Stages: []Stage{stage}}, idleThreads, Device{}); err != nil {
			t.Fatal(err)
		}
		defer sessions[i].Close()
		shared[i] = threadsNamed(t, "assay-compute")
		if _, err := sessions[i].Reserve(0, 512); err != nil {
			t.Fatal(err)
		}
	}
	if shared[0] != shared[1] {
		t.Errorf("%d threads help one model, and %d help two", shared[0], shared[1])
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
