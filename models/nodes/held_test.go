package nodes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/inplace"
)

// weightsOf counts the numbers of a graph's weights by their kind. Functions are left out of the file.
func weightsOf(t *testing.T, file string) map[onnx.Kind]int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	count := map[onnx.Kind]int{}
	for _, weight := range m.Weights {
		count[weight.Kind] += len(weight.Floats) + len(weight.Ints)
	}
	return count
}

// TestWeightsKeepTheirStoredSize: where the nodes of domain assay take their weights as they are stored, ONNX Runtime
// computes no wider copies of them, nor of the embedding, when it makes a session. The bodies of the nodes, which widen
// each weight, show that it would.
func TestWeightsKeepTheirStoredSize(t *testing.T) {
	runtime, err := inplace.Attach(library)
	if err != nil {
		t.Fatal(err)
	}
	nothing := map[string]Compute{}
	for _, line := range table {
		nothing[line.name] = func(*Call) error { return nil }
	}
	// Numbers of each width that a session holds.
	held := func(fixture string, typed ort.TensorElementDataType, ours bool) map[onnx.Kind]int {
		options, err := ort.NewSessionOptions()
		if err != nil {
			t.Fatal(err)
		}
		defer options.Destroy() //nolint:errcheck // freeing cannot fail
		if ours {
			set, err := Register(runtime.API(), options, typed, "", nothing)
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
		}
		optimized := filepath.Join(t.TempDir(), "optimized.onnx")
		if err := options.SetOptimizedModelFilePath(optimized); err != nil {
			t.Fatal(err)
		}
		if err := options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableBasic); err != nil { // constants are computed there
			t.Fatal(err)
		}
		session, err := ort.NewDynamicAdvancedSession(filepath.Join("..", "testdata", "fused", fixture, "model.onnx"), nil, nil, options)
		if err != nil {
			t.Fatal(err)
		}
		session.Destroy() //nolint:errcheck // freeing cannot fail
		return weightsOf(t, optimized)
	}
	for _, fixture := range []string{"qwen2-assay-bfloat16", "qwen3-assay-float16", "bert-assay-float16"} {
		kind, typed := onnx.Float16, ort.TensorElementDataType(ort.TensorElementDataTypeFloat16)
		if strings.HasSuffix(fixture, "bfloat16") {
			kind, typed = onnx.BFloat16, ort.TensorElementDataTypeBFloat16
		}
		ours, bodies := held(fixture, typed, true), held(fixture, typed, false)
		if ours[kind] == 0 || ours[onnx.Float32] > ours[kind]/4 {
			t.Errorf("%s: %d numbers of float32 beside %d of %v", fixture, ours[onnx.Float32], ours[kind], kind)
		}
		if bodies[onnx.Float32] < ours[kind]/2 {
			t.Errorf("%s: the bodies hold %d numbers of float32, so nothing is shown", fixture, bodies[onnx.Float32])
		}
	}
}
