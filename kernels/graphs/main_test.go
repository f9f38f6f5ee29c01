package graphs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	file, err := runtimeFile()
	if err == nil {
		ort.SetSharedLibraryPath(file)
		err = ort.InitializeEnvironment(ort.WithLogLevelFatal())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "these tests compare with ONNX Runtime (make runtime):", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// runtimeFile finds the library that make runtime puts into the checkout.
func runtimeFile() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			file := filepath.Join(dir, ".runtime", "lib", "libonnxruntime.so.1.27.0")
			_, err := os.Stat(file)
			return file, err
		}
	}
	return "", os.ErrNotExist
}

// onRuntime runs a file on ONNX Runtime.
func onRuntime(t *testing.T, data []byte, inputs map[string]Tensor, outputs []Value) map[string]Tensor {
	t.Helper()
	options, err := ort.NewSessionOptions()
	must(t, err)
	defer destroy(t, options)
	must(t, options.SetIntraOpNumThreads(1))
	var names, outs []string
	var values []ort.Value
	for name, in := range inputs {
		dims := make([]int64, len(in.Dims))
		for i, d := range in.Dims {
			dims[i] = int64(d)
		}
		v, err := ort.NewTensor(ort.NewShape(dims...), in.Data)
		must(t, err)
		defer destroy(t, v)
		names, values = append(names, name), append(values, v)
	}
	for _, output := range outputs {
		outs = append(outs, output.Name)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(data, names, outs, options)
	must(t, err)
	defer destroy(t, session)
	got := make([]ort.Value, len(outs))
	must(t, session.Run(values, got))
	results := map[string]Tensor{}
	for i, name := range outs {
		v := got[i].(*ort.Tensor[float32])
		var dims []int
		for _, d := range v.GetShape() {
			dims = append(dims, int(d))
		}
		results[name] = Tensor{dims, append([]float32{}, v.GetData()...)}
		destroy(t, v)
	}
	return results
}

func destroy(t *testing.T, v interface{ Destroy() error }) {
	t.Helper()
	must(t, v.Destroy())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
