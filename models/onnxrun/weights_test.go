package onnxrun

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
)

// stageOf is a fixture's graph as it lies on disk.
func stageOf(t *testing.T, dir string) (*manifest.Manifest, Stage) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, manifest.File))
	if err != nil {
		t.Fatal(err)
	}
	m, err := manifest.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, m.Graph.File)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := onnx.ReadSignature(content)
	if err != nil {
		t.Fatal(err)
	}
	return &m, Stage{Inputs: signature.Inputs, Outputs: signature.Outputs, Path: file, Bytes: int64(len(content)), Outside: signature.Outside}
}

// TestBothSessionsShareTheWeights: with external data both sessions of a graph take them from one mapping, and a row
// has the same bits as of sessions that have their own, on all threads and on one.
func TestBothSessionsShareTheWeights(t *testing.T) {
	startRuntime(t)
	m, shared := stageOf(t, filepath.Join("..", "testdata", "bundles", "qwen3-reward-packed-external"))
	apart := shared
	apart.Outside = nil
	plan, _, err := batching.MakePlan([]batching.Sequence{{IDs: []int64{5, 9, 300, 7}, Positions: []int{3}}}, batching.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]float32
	for _, stage := range []Stage{shared, apart} {
		s, err := Open(t.Context(), &Graph{Manifest: m, Stages: []Stage{stage}}, 2, Device{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if _, err := s.Reserve(0, 64); err != nil {
			t.Fatal(err)
		}
		weights := s.places[0][0].weights
		if sharing := weights != nil; sharing != (stage.Outside != nil) || sharing && weights.shared.Len() < 10 {
			t.Fatalf("shared: %v", sharing)
		}
		for _, plan.Narrow = range []bool{false, true} {
			rows = append(rows, runPlan(t, s, plan)[0])
		}
		s.FreeOneThread()
		plan.Narrow = false
		rows = append(rows, runPlan(t, s, plan)[0])
	}
	for i, row := range rows {
		if !slices.Equal(row, rows[0]) || math.Abs(float64(row[0])) < 1e-6 {
			t.Errorf("forward %d gives %g, and the first %g", i, row, rows[0])
		}
	}
}

// TestOnlyWhatLiesAsNumbersDoIsShared: a weight is left to ONNX Runtime where it is small or a vector, begins between
// numbers or ends behind its file; what is no file is an error.
func TestOnlyWhatLiesAsNumbersDoIsShared(t *testing.T) {
	startRuntime(t)
	runtime, err := inplace.Attach(loadedRuntime())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "data"), make([]byte, 20000), 0o600), os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s := &Session{runtime: runtime}
	weight := func(location string, offset, numbers int64) onnx.Outside {
		return onnx.Outside{Name: "w", Kind: onnx.Float32, Dims: []int64{1, numbers}, Location: location, Offset: offset, Length: 4 * numbers}
	}
	for _, c := range []struct {
		outside onnx.Outside
		shared  bool
		err     string
	}{
		{weight("data", 16, 1024), true, ""},
		{weight("data", 16, 1023), false, ""},
		{weight("data", 18, 1024), false, ""},
		{weight("data", 16000, 1024), false, ""},
		{weight("data", math.MaxInt64-3, 1024), false, ""},
		{weight("empty", 0, 1024), false, ""},
		{onnx.Outside{Name: "w", Kind: onnx.Float32, Dims: []int64{1024}, Location: "data", Length: 4096}, false, ""},
		{weight("missing", 0, 1024), false, "no such file"},
		{weight("pipe", 0, 1024), false, "it is not a regular file"},
		{weight(".", 0, 1024), false, "it is not a regular file"},
	} {
		w, err := s.shareWeights(&Stage{Path: filepath.Join(dir, "model.onnx"), Outside: []onnx.Outside{c.outside}})
		if (w != nil) != c.shared || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: shared %v, %v", c.outside, w != nil, err)
		}
		if w != nil {
			w.rest()
			w.close()
		}
	}
}

// TestAGraphWhoseCopiesCannotBeSharedIsLoaded: the kernel of a norm in float16 makes a copy of its weights that it
// cannot share, for which ONNX Runtime refuses a graph whose weights are; then each session has them for itself.
func TestAGraphWhoseCopiesCannotBeSharedIsLoaded(t *testing.T) {
	startRuntime(t)
	field := func(number protowire.Number, parts ...[]byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(parts...))
	}
	text := func(number protowire.Number, text string) []byte { return field(number, []byte(text)) }
	integer := func(number protowire.Number, value uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), value)
	}
	const half, rows, columns = 10, 2, 1024
	value := func(number protowire.Number, name string) []byte {
		return field(number, text(1, name), field(2, field(1, integer(1, half), field(2, field(1, integer(1, rows)), field(1, integer(1, columns))))))
	}
	entry := func(key, value string) []byte { return field(13, text(1, key), text(2, value)) }
	weight := field(5, integer(1, rows), integer(1, columns), integer(2, half), text(8, "w"), entry("location", "data"), entry("offset", "0"),
		entry("length", "4096"), integer(14, 1))
	norm := field(1, text(1, "x"), text(1, "w"), text(2, "y"), text(4, "LayerNormalization"), field(5, text(1, "axis"), integer(3, 0), integer(20, 2)))
	graph := slices.Concat(integer(1, 8), field(7, text(2, "g"), value(11, "x"), value(12, "y"), weight, norm), field(8, integer(2, 18)))
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := errors.Join(os.WriteFile(file, graph, 0o600), os.WriteFile(filepath.Join(filepath.Dir(file), "data"), make([]byte, 2*rows*columns), 0o600)); err != nil {
		t.Fatal(err)
	}
	signature, err := onnx.ReadSignature(graph)
	if err != nil || len(signature.Outside) != 1 {
		t.Fatal(signature, err)
	}
	m, _ := stageOf(t, filepath.Join("..", "testdata", "bundles", "qwen3-reward-packed-external"))
	s, err := Open(t.Context(), &Graph{Manifest: m, Stages: []Stage{{Path: file, Bytes: int64(len(graph)), Outside: signature.Outside}}}, 2, Device{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if place := s.places[0][0]; place.weights != nil || place.allThreads == nil || place.oneThread == nil {
		t.Errorf("weights %v, sessions %v and %v", place.weights, place.allThreads, place.oneThread)
	}
}
