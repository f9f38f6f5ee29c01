package graphs

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tolerance = 1e-5 // of a number, relative where it is above 1

func read(tb testing.TB, file string) []byte {
	tb.Helper()
	data, err := os.ReadFile(file)
	must(tb, err)
	return data
}

func load(tb testing.TB, file string) *Graph {
	tb.Helper()
	g, err := Load(read(tb, file))
	if err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return g
}

func files(tb testing.TB, pattern string, atLeast int) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", pattern))
	must(tb, err)
	if len(found) < atLeast {
		tb.Fatalf("%d files match %s, and at least %d are committed", len(found), pattern, atLeast)
	}
	return found
}

// example makes normal inputs of deviation 2 for a graph.
func example(g *Graph, rows int, seed uint64) map[string]Tensor {
	random := rand.New(rand.NewPCG(seed, 7))
	inputs := map[string]Tensor{}
	for _, v := range g.Inputs() {
		dims := append([]int{}, v.Dims...)
		if v.Rows() {
			dims[0] = rows
		}
		data := make([]float32, size(dims))
		for i := range data {
			data[i] = float32(random.NormFloat64() * 2)
		}
		inputs[v.Name] = Tensor{dims, data}
	}
	return inputs
}

// difference is the worst of got from want, relative where want is above 1.
func difference(tb testing.TB, name string, got, want Tensor) float64 {
	tb.Helper()
	if !slices.Equal(got.Dims, want.Dims) || len(got.Data) != len(want.Data) {
		tb.Fatalf("%s: dimensions %v, and %v are wanted", name, got.Dims, want.Dims)
	}
	worst := 0.0
	for i, w := range want.Data {
		d := math.Abs(float64(got.Data[i])-float64(w)) / math.Max(1, math.Abs(float64(w)))
		if !(d <= worst) {
			worst = d
		}
		if math.IsNaN(d) {
			return math.Inf(1)
		}
	}
	return worst
}

// TestOperatorsEqualONNXRuntime runs every operator in every opset in which it changed, on batches of several sizes.
func TestOperatorsEqualONNXRuntime(t *testing.T) {
	worst, covered := map[string]float64{}, map[string]bool{}
	for _, file := range files(t, "operators/*.onnx", 160) {
		data := read(t, file)
		g := load(t, file)
		op, _, _ := strings.Cut(filepath.Base(file), ".")
		for i := range g.model.Graph.Nodes {
			covered[g.model.Graph.Nodes[i].Op] = true
		}
		for _, rows := range []int{1, 3, 8, 71} {
			inputs := example(g, rows, uint64(rows))
			got, err := g.Run(inputs)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			want := onRuntime(t, data, inputs, g.Outputs())
			for name := range want {
				d := difference(t, file+" "+name, got[name], want[name])
				worst[op] = max(worst[op], d)
				if d > tolerance {
					t.Errorf("%s, %d rows: output %s differs by %.2g", file, rows, name, d)
				}
			}
		}
	}
	report(t, worst)
	for name := range rules {
		if !covered[name] {
			t.Errorf("operator %s is in no file", name)
		}
	}
}

// report prints the worst differences by name.
func report(t *testing.T, worst map[string]float64) {
	t.Helper()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(worst)) {
		lines = append(lines, fmt.Sprintf("%s %.1e", name, worst[name]))
	}
	t.Logf("worst differences: %s", strings.Join(lines, ", "))
}

// fixture is what PyTorch computed for a head in float64.
type fixture struct {
	Inputs, Outputs map[string]Tensor
	Gradients       []struct {
		Output, Input string
		Label         int
		Tensor
	}
}

func readFixture(t *testing.T, file string) fixture {
	t.Helper()
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	var f fixture
	must(t, json.Unmarshal(read(t, filepath.Join("testdata", "heads", name+".json")), &f))
	return f
}

// TestHeadsEqualONNXRuntimeAndPyTorch runs every kind of head, as both exporters write it.
func TestHeadsEqualONNXRuntimeAndPyTorch(t *testing.T) {
	onnxruntime, pytorch := map[string]float64{}, map[string]float64{}
	for _, file := range files(t, "heads/*.onnx", 45) {
		data := read(t, file)
		g := load(t, file)
		name := strings.TrimSuffix(filepath.Base(file), ".onnx")
		for _, rows := range []int{1, 5, 67} {
			inputs := example(g, rows, uint64(rows))
			got, err := g.Run(inputs)
			must(t, err)
			for output, want := range onRuntime(t, data, inputs, g.Outputs()) {
				d := difference(t, file+" "+output, got[output], want)
				if onnxruntime[name] = max(onnxruntime[name], d); d > tolerance {
					t.Errorf("%s, %d rows: output %s differs from ONNX Runtime by %.2g", file, rows, output, d)
				}
			}
		}
		if strings.Contains(name, ".half") {
			continue // PyTorch's weights were not rounded
		}
		f := readFixture(t, file)
		got, err := g.Run(f.Inputs)
		must(t, err)
		for output, want := range f.Outputs {
			d := difference(t, file+" "+output, got[output], want)
			if pytorch[name] = max(pytorch[name], d); d > tolerance {
				t.Errorf("%s: output %s differs from PyTorch by %.2g", file, output, d)
			}
		}
	}
	report(t, onnxruntime)
	report(t, pytorch)
}

// TestGradientOfAnOutputWithoutLabels reads an output that is [rows].
func TestGradientOfAnOutputWithoutLabels(t *testing.T) {
	g := load(t, "testdata/operators/ReduceSum.21.onnx")
	var flat string
	for _, v := range g.Outputs() {
		if len(v.Dims) == 1 {
			flat = v.Name
		}
	}
	inputs := example(g, 3, 1)
	got, err := g.Gradient(inputs, flat, 0, "y")
	must(t, err)
	for i, v := range got.Data {
		if v != 1 {
			t.Fatalf("the slope of a sum is %g at %d", v, i)
		}
	}
	if _, err := g.Gradient(inputs, flat, 1, "y"); err == nil || !strings.Contains(err.Error(), "label 1") {
		t.Errorf("error %v", err)
	}
}

// TestGradientsEqualPyTorch compares the gradient of every label by every input.
func TestGradientsEqualPyTorch(t *testing.T) {
	worst := map[string]float64{}
	for _, file := range files(t, "heads/*.onnx", 45) {
		name := strings.TrimSuffix(filepath.Base(file), ".onnx")
		if strings.Contains(name, ".half") {
			continue
		}
		g, f := load(t, file), readFixture(t, file)
		if len(f.Gradients) == 0 {
			t.Errorf("%s: no gradients in the fixture", file)
		}
		for _, want := range f.Gradients {
			got, err := g.Gradient(f.Inputs, want.Output, want.Label, want.Input)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			d := difference(t, file, got, want.Tensor)
			if worst[name] = max(worst[name], d); d > tolerance {
				t.Errorf("%s: gradient of %s %d by %s differs by %.2g", file, want.Output, want.Label, want.Input, d)
			}
		}
	}
	report(t, worst)
}
