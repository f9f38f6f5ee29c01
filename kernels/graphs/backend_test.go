package graphs

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
)

// backends are those of every machine: the definition, and the CUDA kernels' twin on the CPU, which is slow, with its
// threads in some order.
func backends() map[string]kernels.Backend {
	return map[string]kernels.Backend{"host": kernels.Host{}, "twin": kernels.On(cuda.New(5))}
}

func loadOn(tb testing.TB, data []byte, backend kernels.Backend) *Graph {
	tb.Helper()
	g, err := LoadOn(data, backend)
	must(tb, err)
	tb.Cleanup(func() { must(tb, g.Close()) })
	return g
}

// headOps says, for every kind of head, the operators of each fused op: what the exporter with the graph of
// torch.export writes, and where that is another, what the older one does (.script). Kinds that are stored in float16
// (.half) fuse as the first does.
var headOps = map[string][]string{
	"attributes":        {"Gemm"},
	"bins":              {"Gemm"},
	"ensemble":          {"Gemm Relu Gemm", "Gemm Relu Gemm", "Gemm Relu Gemm"},
	"gating":            {"Gemm", "Gemm", "Gemm Relu Gemm", "MatMul"},
	"gating.script":     {"MatMul", "Gemm", "Gemm Relu Gemm", "MatMul"},
	"judge":             {"Gemm", "Gemm", "Gemm Sigmoid"},
	"linear":            {"Gemm"},
	"linear.script":     {"MatMul"},
	"linear-bias":       {"Gemm"},
	"mlp-gelu":          {"Gemm Gelu Gemm"},
	"mlp-gelu.script":   {"Gemm Div Erf Add Mul Mul Gemm"},
	"mlp-leaky":         {"Gemm", "Gemm"},
	"mlp-relu":          {"Gemm Relu Gemm"},
	"mlp-silu":          {"Gemm Sigmoid Mul Gemm"},
	"mlp-tanh":          {"Gemm Tanh Gemm"},
	"pairrm":            {"Gemm Tanh Gemm", "Gemm Tanh Gemm"},
	"preference":        {"Gemm", "Gemm Softmax"},
	"preference.script": {"MatMul", "MatMul Softmax"},

	"preference-pair":        {"Gemm", "Gemm"},
	"preference-pair.script": {"MatMul", "MatMul"},
	"quantiles":              {"Gemm", "Gemm Relu Gemm Softmax"},
	"quantiles.script":       {"MatMul", "MatMul", "Gemm Softmax"}, // its batch norm stands between
	"rms-head":               {"Gemm", "Gemm"},
	"token-head":             {"Gemm Relu Gemm Softmax"},
	"uncertain":              {"Gemm"},
	"user-concat":            {"Gemm Sigmoid Mul Gemm"},
	"user-dot":               {"Gemm"},
	"user-mixture":           {"Gemm", "Gemm"}, // its GELU is the approximation
	"value-head":             {"Gemm Gelu Gemm"},
	"value-head.script":      {"Gemm Div Erf Add Mul Mul Gemm"},
}

// opsOf lists the operators of each fused op.
func opsOf(g *Graph) []string {
	var all []string
	for _, f := range g.fusions {
		all = append(all, strings.Join(f.ops(), " "))
	}
	return all
}

// TestEveryHeadFuses holds each fixture to the ops that it must have, so that no pattern stops matching unseen.
func TestEveryHeadFuses(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range files(t, "heads/*.onnx", 45) {
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".onnx"), ".half")
		want, known := headOps[name]
		if !known {
			name = strings.TrimSuffix(name, ".script")
			want, known = headOps[name]
		}
		if seen[name] = true; !known {
			t.Errorf("%s: headOps does not say what it fuses", file)
		}
		if diff := cmp.Diff(want, opsOf(loadOn(t, read(t, file), kernels.Host{}))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		if fused, host := load(t, file).Placement(); len(fused)+len(host) > 0 {
			t.Errorf("%s: without a backend: %v, %v", file, fused, host)
		}
	}
	for name := range headOps {
		if !seen[name] {
			t.Errorf("headOps: there is no fixture %s", name)
		}
	}
	fused, host := loadOn(t, read(t, "testdata/heads/preference.script.onnx"), kernels.Host{}).Placement()
	wantHost := []string{`ReduceL2 "/ReduceL2"`, `Clip "/Clip"`, `Expand "/Expand"`, `Div "/Div"`, `Concat "/Concat"`}
	wantFused := []string{"hidden → MatMul → /embedding/MatMul_output_0", "hidden → MatMul Softmax → /Softmax_output_0"}
	if diff := cmp.Diff([][]string{wantFused, wantHost}, [][]string{fused, host}); diff != "" {
		t.Errorf("placement (-want +got):\n%s", diff)
	}
}

// fromRuntime runs a file on a backend and gives the worst difference of its outputs from ONNX Runtime's.
func fromRuntime(t *testing.T, data []byte, backend kernels.Backend, rows int) float64 {
	t.Helper()
	g := loadOn(t, data, backend)
	inputs := example(g, rows, uint64(rows))
	got, err := g.Run(inputs)
	must(t, err)
	worst := 0.0
	for output, want := range onRuntime(t, data, inputs, g.Outputs()) {
		worst = max(worst, difference(t, output, got[output], want))
	}
	return worst
}

// checkHeads holds every kind of head on a backend to ONNX Runtime, and its gradients to those of the host.
func checkHeads(t *testing.T, backend kernels.Backend, sizes ...int) {
	t.Helper()
	worst := map[string]float64{}
	for _, file := range files(t, "heads/*.onnx", 45) {
		data, name := read(t, file), strings.TrimSuffix(filepath.Base(file), ".onnx")
		for _, rows := range sizes {
			d := fromRuntime(t, data, backend, rows)
			if worst[name] = max(worst[name], d); !(d <= tolerance) {
				t.Errorf("%s, %d rows: differs from ONNX Runtime by %.2g", file, rows, d)
			}
		}
		host, g := load(t, file), loadOn(t, data, backend)
		inputs, output, by := example(g, 5, 1), g.Outputs()[0].Name, g.Inputs()[0].Name
		want, err := host.Gradient(inputs, output, 0, by)
		must(t, err)
		got, err := g.Gradient(inputs, output, 0, by)
		must(t, err)
		if !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: the gradient is another than the host's", file)
		}
	}
	report(t, worst)
}

// checkRows holds every kind of head on a backend to the law of the package: a row has the same bits alone and in any
// batch.
func checkRows(t *testing.T, backend kernels.Backend, rows int) {
	t.Helper()
	for at, file := range files(t, "heads/*.onnx", 45) {
		g, i := loadOn(t, read(t, file), backend), at%rows
		inputs := example(g, rows, uint64(at))
		batch, err := g.Run(inputs)
		must(t, err)
		alone, err := g.Run(row(g, inputs, i))
		must(t, err)
		for name := range batch {
			if !sameBits(batch[name], alone[name], i) {
				t.Errorf("%s: output %s of row %d of %d differs from that row alone", file, name, i, rows)
			}
		}
	}
}

func TestHeadsOnBackends(t *testing.T) {
	sizes := map[string][]int{"host": {1, 5, 67}, "twin": {1, 7}} // 7 are filled up to 8
	for name, backend := range backends() {
		t.Run(name+"/equal ONNX Runtime", func(t *testing.T) { checkHeads(t, backend, sizes[name]...) })
		t.Run(name+"/row alone", func(t *testing.T) { checkRows(t, backend, slices.Max(sizes[name])) })
	}
}

// TestOperatorsOnABackendEqualONNXRuntime runs every operator's file with what of it fuses: Gemm and MatMul in all
// their forms.
func TestOperatorsOnABackendEqualONNXRuntime(t *testing.T) {
	fused := 0
	for _, file := range files(t, "operators/*.onnx", 160) {
		data := read(t, file)
		fused += len(loadOn(t, data, kernels.Host{}).fusions)
		for _, rows := range []int{1, 8} {
			if d := fromRuntime(t, data, kernels.Host{}, rows); !(d <= tolerance) {
				t.Errorf("%s, %d rows: differs from ONNX Runtime by %.2g", file, rows, d)
			}
		}
	}
	if fused == 0 {
		t.Error("nothing fuses in any of them")
	}
	t.Logf("%d fused ops", fused)
}

// TestConcurrentRunsOnABackendAgree runs one graph from many goroutines, with numbers and with states in turn.
func TestConcurrentRunsOnABackendAgree(t *testing.T) {
	g := loadOn(t, read(t, "testdata/heads/gating.onnx"), kernels.Host{})
	inputs := example(g, 43, 3)
	want, err := g.Run(inputs)
	must(t, err)
	var group sync.WaitGroup
	for caller := range 8 {
		group.Go(func() {
			for turn := range 6 {
				in, states := inputs, map[string]States(nil)
				if (caller+turn)%2 == 0 {
					in, states = map[string]Tensor{"prompt": inputs["prompt"]}, map[string]States{"hidden": statesOf(inputs["hidden"])}
				}
				got, err := g.RunStates(in, states)
				if err != nil || !sameBits(got["score"], Tensor{Data: want["score"].Data[7:8]}, 7) {
					t.Errorf("another result: %v", err)
				}
			}
		})
	}
	group.Wait()
}

// statesOf is an input's rows in their order.
func statesOf(t Tensor) States {
	s := States{Matrix: kernels.Matrix(t.Dims[0], t.Dims[1], t.Data)}
	for i := range t.Dims[0] {
		s.Rows = append(s.Rows, int64(i))
	}
	return s
}

// bitsOf are the bits of an output.
func bitsOf(t Tensor) []uint32 {
	var bits []uint32
	for _, x := range t.Data {
		bits = append(bits, math.Float32bits(x))
	}
	return bits
}
