package inplace_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/inplace"
)

const library = "../../.runtime/lib/libonnxruntime.so.1.27.0"

func TestMain(m *testing.M) {
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func attach(t *testing.T) *inplace.Runtime {
	t.Helper()
	runtime, err := inplace.Attach(library)
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

// own is memory outside Go's heap for n numbers, until the test ends.
func own[T float32 | int64](t *testing.T, n int) []T {
	t.Helper()
	size := n * int(unsafe.Sizeof(*new(T)))
	mapped, err := syscall.Mmap(-1, 0, max(size, 1), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(mapped) }) //nolint:errcheck // it was mapped
	return unsafe.Slice((*T)(unsafe.Pointer(&mapped[0])), n)
}

func addressOf[T float32 | int64](numbers []T) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(numbers)))
}

// What the package reaches into is as it was when it was written, and both call ONNX Runtime by one table.
func TestPinned(t *testing.T) {
	if internals := reflect.TypeFor[ort.ValueInternalData](); internals.NumField() != 1 || internals.Field(0).Type.Kind() != reflect.Pointer {
		t.Errorf("onnxruntime_go's ValueInternalData is %v of %d fields, and must be one pointer", internals, internals.NumField())
	}
	listed, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, folder, _ := strings.Cut(strings.TrimSpace(string(listed)), " ")
	if version != "v1.27.0" {
		t.Errorf("onnxruntime_go is %s; this package is held to v1.27.0", version)
	}
	for _, header := range []string{"onnxruntime_c_api.h", "onnxruntime_ep_c_api.h"} {
		theirs, err1 := os.ReadFile(filepath.Join(folder, header))
		ours, err2 := os.ReadFile(filepath.Join("../../.runtime/include", header))
		if err1 != nil || err2 != nil || !bytes.Equal(theirs, ours) {
			t.Errorf("%s is not onnxruntime_go's (%v, %v): remove .runtime/include and run make runtime", header, err1, err2)
		}
	}
}

func TestValue(t *testing.T) {
	runtime, numbers := attach(t), own[float32](t, 6)
	value, err := runtime.Float32s(inplace.Host, addressOf(numbers), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if !value.GetShape().Equals(ort.NewShape(2, 3)) || value.GetONNXType() != ort.ONNXTypeTensor || value.DataType() != 1 {
		t.Errorf("the value is %v of type %v of %v", value.GetShape(), value.GetONNXType(), value.DataType())
	}
	ids, err := runtime.Int64s(inplace.Host, 0, 0, 7) // no numbers need no address
	if err != nil {
		t.Fatal(err)
	}
	if ids.DataType() != 7 {
		t.Errorf("int64 numbers are of type %v", ids.DataType())
	}
	for _, typed := range []ort.TensorElementDataType{ort.TensorElementDataTypeFloat, ort.TensorElementDataTypeFloat16, ort.TensorElementDataTypeBFloat16} {
		value, err := runtime.Numbers(typed, inplace.Host, addressOf(numbers), 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		if !value.GetShape().Equals(ort.NewShape(2, 3)) || value.GetONNXType() != ort.ONNXTypeTensor {
			t.Errorf("type %d: the value is %v of %v", typed, value.GetShape(), value.GetONNXType())
		}
		value.Destroy() //nolint:errcheck // freeing cannot fail
	}
	if _, err := runtime.Numbers(ort.TensorElementDataTypeInt8, inplace.Host, addressOf(numbers), 2, 3); err == nil || !strings.Contains(err.Error(), "numbers of type 3, and only float32, float16 and bfloat16 are given") {
		t.Errorf("int8 numbers: %v", err)
	}
	for range 2 {
		if err := value.Destroy(); err != nil {
			t.Error(err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a destroyed value was used")
		}
		ids.Destroy() //nolint:errcheck // freeing cannot fail
	}()
	value.GetInternals()
}

func TestErrors(t *testing.T) {
	runtime, numbers := attach(t), own[float32](t, 6)
	at := addressOf(numbers)
	attached := func(path string) error { _, err := inplace.Attach(path); return err }
	made := func(memory inplace.Memory, address uintptr, shape ...int64) error {
		_, err := runtime.Float32s(memory, address, shape...)
		return err
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{attached("/no/such/library.so"), "ONNX Runtime /no/such/library.so: it is not loaded"},
		{attached("libc.so.6"), "ONNX Runtime libc.so.6: it is no ONNX Runtime"},
		{made(-2, at, 6), "memory -2 is neither the host's nor a GPU's"},
		{made(inplace.Host, at, 2, -3), "tensor of shape [2 -3] on the host: it is negative, or too large"},
		{made(0, at, 1<<40, 1<<22), "tensor of shape [1099511627776 4194304] on GPU 0: it is negative, or too large"},
		{made(1, 0, 6), "tensor of shape [6] on GPU 1: it has numbers, and no address"},
	} {
		if test.err == nil || test.err.Error() != test.want {
			t.Errorf("got %v, want %s", test.err, test.want)
		}
	}
}
