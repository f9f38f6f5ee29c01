// Package inplace gives ONNX Runtime inputs and outputs that lie in memory of the program's own, on the host or on a
// GPU, and runs what is bound on threads that are not Go's. Bound with onnxruntime_go's IoBinding, a run reads and
// writes them where they are; with onnxruntime_go alone they could lie on the host only.
//
//	runtime, err := inplace.Attach(library)                     // the file that onnxruntime_go has loaded
//	past, err := runtime.Float32s(inplace.Memory(gpu), address, tokens, heads, dim)
//	err = binding.BindInput("past_key.0", past)
//	err = runtime.NewThreads().Run(session, binding)
//
// # Order of work
//
// The CUDA provider runs a graph on a stream, and waits for nothing that is on another before it begins
// (microsoft/onnxruntime, issue 26609). At the end of a run it waits for its stream (issues 7225 and 28539). With the
// provider's options has_user_compute_stream, "1", and user_compute_stream, the decimal address of a stream, which
// 1.27.0 takes, a run's kernels go to that stream, behind what was put there before. So:
//
//   - What a run reads is put on that stream before RunWithBinding is called, or is there; nobody else writes it before the run has ended.
//   - What is put on that stream after RunWithBinding finds what the run wrote; the host finds it after waiting for the stream.
//
// Not known without a GPU: that the provider takes memory which another library has allocated in the device's primary
// context, as the rules of CUDA say; which alignment the provider's kernels ask of an address beyond that of its
// numbers.
//
// # What to keep away from
//
// Of onnxruntime_go 1.27.0, IoBinding.GetBoundOutputNames panics where there are two outputs, and GetBoundOutputValues
// would hand out memory as if it were the host's. RunWithBinding takes no RunOptions, so such a run cannot be ended
// from outside. The package reaches into structs of it: ValueInternalData is one pointer, a DynamicAdvancedSession
// points to a struct that begins with ONNX Runtime's session, and an IoBinding begins with its binding. A test holds
// them to it.
package inplace

/*
#cgo CFLAGS: -I${SRCDIR}/../../.runtime/include
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include "onnxruntime_c_api.h"

// The interface of a library that is loaded already; null, and why has the reason.
static const OrtApi *attach(const char *library, const char **why) {
	void *loaded = dlopen(library, RTLD_LAZY | RTLD_NOLOAD); // keeps it loaded
	const OrtApiBase *(*base)(void) = loaded ? (const OrtApiBase *(*)(void))dlsym(loaded, "OrtGetApiBase") : NULL;
	const OrtApi *api = base ? base()->GetApi(ORT_API_VERSION) : NULL;
	*why = !loaded ? "it is not loaded" : !base ? "it is no ONNX Runtime" : "it is too old for this program";
	return api;
}

static OrtStatus *wrap(const OrtApi *api, const char *device, int id, uintptr_t address, size_t bytes, const int64_t *shape, size_t rank,
                       ONNXTensorElementDataType type, OrtValue **value) {
	OrtMemoryInfo *memory;
	OrtStatus *failed = api->CreateMemoryInfo(device, OrtDeviceAllocator, id, OrtMemTypeDefault, &memory);
	if (failed) return failed;
	failed = api->CreateTensorWithDataAsOrtValue(memory, (void *)address, bytes, shape, rank, type, value);
	api->ReleaseMemoryInfo(memory);
	return failed;
}

static const char *message(const OrtApi *api, OrtStatus *status) { return api->GetErrorMessage(status); }
static void release_status(const OrtApi *api, OrtStatus *status) { api->ReleaseStatus(status); }
static void release_value(const OrtApi *api, OrtValue *value) { api->ReleaseValue(value); }
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Memory says where an address lies: the number of a GPU, or Host.
type Memory int

// Host is the processors' memory.
const Host Memory = -1

// String is "the host" or "GPU 0".
func (m Memory) String() string {
	if m == Host {
		return "the host"
	}
	return fmt.Sprintf("GPU %d", int(m))
}

// Runtime is the ONNX Runtime of this process. Goroutines may share it.
type Runtime struct{ api *C.OrtApi }

// Attach finds the ONNX Runtime that onnxruntime_go has loaded from this file.
func Attach(library string) (*Runtime, error) {
	path := C.CString(library)
	defer C.free(unsafe.Pointer(path))
	var why *C.char
	api := C.attach(path, &why)
	if api == nil {
		return nil, fmt.Errorf("ONNX Runtime %s: %s", library, C.GoString(why))
	}
	return &Runtime{api}, nil
}

// API is ONNX Runtime's C interface, an OrtApi, for packages that add to it.
func (r *Runtime) API() unsafe.Pointer { return unsafe.Pointer(r.api) }

// Float32s gives a tensor of float32 numbers at an address, which is the caller's: no memory of Go's, and there until
// the value is destroyed and no binding has it any more.
func (r *Runtime) Float32s(memory Memory, address uintptr, shape ...int64) (*Value, error) {
	return r.value(memory, address, shape, 4, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &ort.Tensor[float32]{})
}

// Int64s is Float32s for int64 numbers.
func (r *Runtime) Int64s(memory Memory, address uintptr, shape ...int64) (*Value, error) {
	return r.value(memory, address, shape, 8, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, &ort.Tensor[int64]{})
}

// Numbers is Float32s for numbers of a type, float32, float16 or bfloat16.
func (r *Runtime) Numbers(typed ort.TensorElementDataType, memory Memory, address uintptr, shape ...int64) (*Value, error) {
	switch typed {
	case ort.TensorElementDataTypeFloat:
		return r.Float32s(memory, address, shape...)
	case ort.TensorElementDataTypeFloat16:
		return r.value(memory, address, shape, 2, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, &ort.CustomDataTensor{})
	case ort.TensorElementDataTypeBFloat16:
		return r.value(memory, address, shape, 2, C.ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16, &ort.CustomDataTensor{})
	}
	return nil, fmt.Errorf("tensor of shape %d on %v: numbers of type %d, and only float32, float16 and bfloat16 are given", shape, memory, typed)
}

func (r *Runtime) value(memory Memory, address uintptr, shape []int64, size int64, typed C.ONNXTensorElementDataType, empty ort.Value) (*Value, error) {
	fail := func(err error) (*Value, error) {
		return nil, fmt.Errorf("tensor of shape %d on %v: %w", shape, memory, err)
	}
	if memory < Host {
		return nil, fmt.Errorf("memory %d is neither the host's nor a GPU's", int(memory))
	}
	bytes := size
	for _, dimension := range shape {
		if dimension < 0 || dimension > 0 && bytes > math.MaxInt64/dimension {
			return fail(errors.New("it is negative, or too large"))
		}
		bytes *= dimension
	}
	if address == 0 && bytes > 0 {
		return fail(errors.New("it has numbers, and no address"))
	}
	name, id := C.CString("Cpu"), C.int(0)
	if memory != Host {
		C.free(unsafe.Pointer(name))
		name, id = C.CString("Cuda"), C.int(memory)
	}
	defer C.free(unsafe.Pointer(name))
	v := &Value{Value: empty, runtime: r, shape: ort.NewShape(shape...)}
	failed := C.wrap(r.api, name, id, C.uintptr_t(address), C.size_t(bytes), (*C.int64_t)(unsafe.SliceData(shape)), C.size_t(len(shape)), typed, &v.handle)
	if failed != nil {
		defer C.release_status(r.api, failed)
		return fail(errors.New(C.GoString(C.message(r.api, failed))))
	}
	return v, nil
}

// Value is a tensor in memory that the program owns. Its ZeroContents panics. One goroutine at a time may use it.
type Value struct {
	ort.Value // without numbers, of the same type where onnxruntime_go has that
	runtime   *Runtime
	shape     ort.Shape
	handle    *C.OrtValue // nil once it is destroyed
}

var _ ort.Value = (*Value)(nil)

// GetShape is the shape.
func (v *Value) GetShape() ort.Shape { return v.shape.Clone() }

// GetInternals is what onnxruntime_go binds. It panics where the value is destroyed, since ONNX Runtime would read
// nothing's memory.
func (v *Value) GetInternals() *ort.ValueInternalData {
	if v.handle == nil {
		panic("inplace: a value is used that was destroyed")
	}
	return (*ort.ValueInternalData)(unsafe.Pointer(&v.handle))
}

// Destroy lets go of the tensor, and not of its memory. A second Destroy does nothing.
func (v *Value) Destroy() error {
	if v.handle != nil {
		C.release_value(v.runtime.api, v.handle)
		v.handle = nil
	}
	return nil
}
