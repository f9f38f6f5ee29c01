package inplace_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

// The pointers that Threads takes are the first fields that they were when it was written.
func TestPinnedPointers(t *testing.T) {
	first := func(structure reflect.Type, name, kind string) reflect.Type {
		t.Helper()
		field := structure.Field(0)
		if field.Name != name || field.Type.Kind() != reflect.Pointer || !strings.HasSuffix(field.Type.String(), kind) {
			t.Fatalf("onnxruntime_go's %v begins with %s %v, and must with %s, a pointer to %s", structure, field.Name, field.Type, name, kind)
		}
		return field.Type.Elem()
	}
	first(first(reflect.TypeFor[ort.DynamicAdvancedSession](), "s", "AdvancedSession"), "ortSession", "OrtSession")
	first(reflect.TypeFor[ort.IoBinding](), "o", "OrtIoBinding")
	first(reflect.TypeFor[ort.SessionOptions](), "o", "OrtSessionOptions")
}

// bindReadings binds a forward of the whole sequence that gives its readings.
func bindReadings(t *testing.T, session *ort.DynamicAdvancedSession, with maker, inputs map[string][]int64) (bound, []float32) {
	t.Helper()
	readings := make([]float32, 2)
	b, err := bind(session, with, inputs, nil, make([]float32, parts*allIDs*width), readings)
	if err != nil {
		t.Fatal(err)
	}
	return b, readings
}

// Runs side by side on threads give the bits of a run on Go's, and their own errors; Close ends the threads.
func TestThreads(t *testing.T) {
	session, threads := open(t), attach(t).NewThreads()
	want, wrong := make([]float32, 2), arrays(0)
	run(t, session, goMaker(), arrays(0), nil, make([]float32, parts*allIDs*width), want)
	wrong["input_ids"] = slices.Clone(wrong["input_ids"])
	wrong["input_ids"][3] = 1 << 40
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			for range 25 {
				inputs := arrays(0)
				if n == 3 {
					inputs = wrong
				}
				b, readings := bindReadings(t, session, goMaker(), inputs)
				err := threads.Run(t.Context(), session, b.IoBinding)
				if n == 3 && (err == nil || !strings.Contains(err.Error(), "indices element out of data bounds")) {
					t.Errorf("an id outside the vocabulary: %v", err)
				}
				if n != 3 && (err != nil || !slices.Equal(readings, want)) {
					t.Errorf("a run beside others gives %g, %v, and alone %g", readings, err, want)
				}
				if err := b.free(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := forwardThreads(t); n < 1 || n > 4 {
		t.Errorf("4 runs side by side have %d threads", n)
	}
	threads.Close()
	threads.Close()
	if n := forwardThreads(t); n != 0 {
		t.Errorf("Close left %d threads", n)
	}
}

// forwardThreads counts the process's threads that run forwards.
func forwardThreads(t *testing.T) (n int) {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && string(text) == "assay-forward\n" { // one may have ended meanwhile
			n++
		}
	}
	return n
}
