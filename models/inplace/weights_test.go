package inplace_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/inplace"
)

const side, layers = 1024, 4

// multiplied is a graph that multiplies x by matrices, [side, side] each, whose numbers are in the file "data".
func multiplied() []byte {
	const float = 1
	parts := [][]byte{named(2, "g"), value(11, "x.0", float, 1, side), value(12, fmt.Sprintf("x.%d", layers), float, 1, side)}
	for i := range layers {
		entry := func(key string, value int) []byte { return message(13, named(1, key), named(2, strconv.Itoa(value))) }
		name := fmt.Sprintf("w.%d", i)
		parts = append(parts,
			message(5, number(1, side), number(1, side), number(2, float), named(8, name), message(13, named(1, "location"), named(2, "data")),
				entry("offset", 4*side*side*i), entry("length", 4*side*side), number(14, 1)),
			node("MatMul", fmt.Sprintf("x.%d", i+1), []string{fmt.Sprintf("x.%d", i), name}))
	}
	return slices.Concat(number(1, 8), message(7, parts...), message(8, number(2, 18)))
}

// multiply runs it.
func multiply(t *testing.T, session *ort.DynamicAdvancedSession) []float32 {
	t.Helper()
	binding, err := session.CreateIoBinding()
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	x, y := make([]float32, side), make([]float32, side)
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	for name, numbers := range map[string][]float32{"x.0": x, fmt.Sprintf("x.%d", layers): y} {
		tensor, err := ort.NewTensor(ort.NewShape(1, side), numbers)
		if err != nil {
			t.Fatal(err)
		}
		defer tensor.Destroy() //nolint:errcheck // freeing cannot fail
		bind := binding.BindInput
		if name != "x.0" {
			bind = binding.BindOutput
		}
		if err := bind(name, tensor); err != nil {
			t.Fatal(err)
		}
	}
	if err := session.RunWithBinding(binding); err != nil {
		t.Fatal(err)
	}
	return y
}

// anonymous is the process's memory that no file has, in bytes.
func anonymous(t *testing.T) int {
	t.Helper()
	inplace.GiveBack()
	whole := resident(t)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[2])
	if err != nil {
		t.Fatal(err)
	}
	return whole - pages*os.Getpagesize()
}

// Two sessions that share their weights have them once, as ONNX Runtime's kernels read them, where two that do not have
// them twice; and they give the same bits.
func TestWeightsAreHeldOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "model.onnx")
	data := own[float32](t, layers*side*side)
	for i := range data {
		data[i] = (rand.Float32() - 0.5) / 8
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
	for name, content := range map[string][]byte{file: multiplied(), filepath.Join(filepath.Dir(file), "data"): bytes} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	weights, err := attach(t).NewWeights()
	if err != nil {
		t.Fatal(err)
	}
	for i := range layers {
		if err := weights.Add(fmt.Sprintf("w.%d", i), ort.TensorElementDataTypeFloat, bytes[4*side*side*i:][:4*side*side], []int64{side, side}); err != nil {
			t.Fatal(err)
		}
	}
	if err := weights.Add("w.1", ort.TensorElementDataTypeFloat, bytes[:4], []int64{1}); err == nil || err.Error() != `share weights: two are named "w.1"` {
		t.Error(err)
	}
	alone := func(file string, options *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
		return ort.NewDynamicAdvancedSession(file, nil, nil, options)
	}
	took := func(open func(string, *ort.SessionOptions) (*ort.DynamicAdvancedSession, error)) (copies float64, results [][]float32) {
		before := anonymous(t)
		for _, threads := range []int{2, 1} {
			options, err := ort.NewSessionOptions()
			if err == nil {
				err = options.SetIntraOpNumThreads(threads)
			}
			if err != nil {
				t.Fatal(err)
			}
			session, err := open(file, options)
			options.Destroy() //nolint:errcheck // freeing cannot fail
			if err != nil {
				t.Fatal(err)
			}
			defer session.Destroy() //nolint:errcheck // freeing cannot fail
			results = append(results, multiply(t, session))
		}
		return float64(anonymous(t)-before) / float64(len(bytes)), results
	}
	apart, want := took(alone)
	shared, got := took(weights.Open)
	t.Logf("two sessions hold %.2f copies of their weights, and %.2f where they share them", apart, shared)
	if apart < 1.7 || shared > 1.5 {
		t.Error("2 and 1 were to be expected")
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) || want[i][0] == 0 || !slices.Equal(want[i], want[0]) {
			t.Errorf("session %d: %g… where weights are shared, and %g… where they are not", i, got[i][:3], want[i][:3])
		}
	}
	before := anonymous(t)
	weights.Close()
	if freed := float64(before-anonymous(t)) / float64(len(bytes)); freed < 0.9 {
		t.Errorf("closing them frees %.2f copies", freed)
	}
	if weights.Len() != 0 {
		t.Error("weights are left")
	}
}

// A session is made as the struct that onnxruntime_go has for one.
func TestPinnedSession(t *testing.T) {
	var names []string
	advanced := reflect.TypeFor[ort.DynamicAdvancedSession]().Field(0).Type.Elem()
	for _, field := range reflect.VisibleFields(advanced) {
		names = append(names, field.Name+" "+field.Type.Kind().String())
	}
	want := []string{"ortSession ptr", "inputNames slice", "outputNames slice", "inputs slice", "outputs slice"}
	if !slices.Equal(names, want) || reflect.TypeFor[ort.DynamicAdvancedSession]().NumField() != 1 {
		t.Errorf("onnxruntime_go's session has %q, and must have %q", names, want)
	}
	if size := unsafe.Sizeof(uintptr(0)) * (1 + 4*3); advanced.Size() != size {
		t.Errorf("onnxruntime_go's session has %d bytes, and must have %d", advanced.Size(), size)
	}
}
