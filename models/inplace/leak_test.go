package inplace_test

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/inplace"
)

// resident is the process's memory in bytes, what Go can give back left out.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// A thousand runs, and many values that are never bound, leave no memory behind.
func TestNoLeak(t *testing.T) {
	session, runtime := open(t), attach(t)
	with := ownMaker(runtime, inplace.Host)
	inputs, present, readings := ownArrays(t, 0), own[float32](t, parts*allIDs*width), own[float32](t, 2)
	round := func(runs, values int) {
		for range runs {
			run(t, session, with, inputs, nil, present, readings)
		}
		for range values {
			value, err := runtime.Float32s(inplace.Host, addressOf(readings), 2, 1)
			if err != nil {
				t.Fatal(err)
			}
			value.Destroy() //nolint:errcheck // freeing cannot fail
		}
	}
	round(1000, 100000) // after which Go's heap has the size that it keeps
	before := resident(t)
	round(1000, 100000)
	grown := resident(t) - before
	t.Logf("the process has grown by %d bytes", grown)
	if grown > 8<<20 {
		t.Error("that is more than 8 MiB")
	}
}
