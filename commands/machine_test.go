package commands

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// Models are not loaded where their threads cannot be had: the one line says how many are needed, and how many there
// may be.
func TestThreadsFitTheLimit(t *testing.T) {
	m := machine{processors: 64, share: 64, threads: 128}
	err := m.fitThreads(3, 0)
	if err == nil {
		t.Fatal("3 models with 64 threads each fit into 128")
	}
	for _, want := range []string{"3 models", "--threads 64", "128"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if err := (machine{processors: 2, share: 2, threads: 128}).fitThreads(3, 2); err != nil {
		t.Error(err)
	}
	if err := (machine{processors: 64, share: 64}).fitThreads(1000, 64); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

// Go's heap gets what a container leaves beside the models and their full caches, and no server starts where that is
// next to nothing.
func TestTheHeapIsBoundByTheContainer(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("GOMEMLIMIT", "")
	native, err := nativeMemory()
	if err != nil {
		t.Fatal(err)
	}
	m := machine{limit: native + 4<<30}
	if err := m.boundHeap(1 << 30); err != nil {
		t.Fatal(err)
	}
	set := size(debug.SetMemoryLimit(-1))
	if set >= m.limit-native-1<<30 || set < leastHeap {
		t.Errorf("the heap may be %s of a container of %s with a cache of 1 GiB", set, m.limit)
	}
	err = m.boundHeap(8 << 30)
	if err == nil || !strings.Contains(err.Error(), "--cache") {
		t.Errorf("a cache of 8 GiB in a container of %s: %v", m.limit, err)
	}
	debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "1GiB")
	if err := m.boundHeap(8 << 30); err != nil || debug.SetMemoryLimit(-1) != before {
		t.Errorf("GOMEMLIMIT is set, and was overwritten: %v", err)
	}
}

// What doctor shows is what Go uses, which knows a container's quota of processors; the number of the host's does not.
func TestProcessorsAreThoseOfTheQuota(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if have := readMachine().processors; have != 1 {
		t.Errorf("%d processors, and Go uses 1", have)
	}
}

func TestMemoryInWords(t *testing.T) {
	for want, m := range map[string]machine{
		"unknown":               {},
		"2.0 GiB, 1.5 GiB free": {memory: 2 << 30, free: 3 << 29},
		"2.0 GiB, 1.5 GiB free, of which this process may use 1.0 GiB": {memory: 2 << 30, free: 3 << 29, limit: 1 << 30},
	} {
		if m.String() != want {
			t.Errorf("%s, not %s", m, want)
		}
	}
}
