package inplace

/*
#include <stdlib.h>
#include "onnxruntime_c_api.h"

static OrtStatus *packed_open(const OrtApi *api, OrtPrepackedWeightsContainer **packed) { return api->CreatePrepackedWeightsContainer(packed); }
static void packed_close(const OrtApi *api, OrtPrepackedWeightsContainer *packed) { api->ReleasePrepackedWeightsContainer(packed); }

static OrtStatus *weight_open(const OrtApi *api, void *at, size_t bytes, const int64_t *shape, size_t rank, int type, OrtValue **value) {
	OrtMemoryInfo *memory = NULL;
	OrtStatus *failed = api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &memory);
	if (!failed) failed = api->CreateTensorWithDataAsOrtValue(memory, at, bytes, shape, rank, (ONNXTensorElementDataType)type, value);
	if (memory) api->ReleaseMemoryInfo(memory);
	return failed;
}
static OrtStatus *weight_give(const OrtApi *api, void *options, const char *name, const OrtValue *value) {
	return api->AddInitializer(options, name, value);
}
static void weight_close(const OrtApi *api, OrtValue *value) { api->ReleaseValue(value); }

// The environment is one for the process: creating it again gives the same, and counts.
static OrtStatus *session_open(const OrtApi *api, const char *path, void *options, OrtPrepackedWeightsContainer *packed, OrtSession **session) {
	OrtEnv *env = NULL;
	OrtStatus *failed = api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "assay", &env);
	if (!failed) failed = api->CreateSessionWithPrepackedWeightsContainer(env, path, options, packed, session);
	if (env) api->ReleaseEnv(env);
	return failed;
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Weights are tensors that several sessions of one graph share: the tensors themselves, which lie in memory of the
// program's own, and the copies that ONNX Runtime makes of them in the order in which its kernels read them. Without
// it every session has all of that for itself. One goroutine at a time may use it.
type Weights struct {
	runtime *Runtime
	packed  *C.OrtPrepackedWeightsContainer
	given   map[string]*C.OrtValue
}

// NewWeights has no tensor yet.
func (r *Runtime) NewWeights() (*Weights, error) {
	w := &Weights{runtime: r, given: map[string]*C.OrtValue{}}
	if err := r.check(C.packed_open(r.api, &w.packed)); err != nil {
		return nil, fmt.Errorf("share weights: %w", err)
	}
	return w, nil
}

// Add has the sessions that are opened from now on take the initializer of this name from these bytes, which must be
// as many as a tensor of the shape has and must stay, unchanged, until Close. A name that the graph lacks does nothing.
func (w *Weights) Add(name string, typed ort.TensorElementDataType, data []byte, shape []int64) error {
	if w.given[name] != nil {
		return fmt.Errorf("share weights: two are named %q", name)
	}
	var value *C.OrtValue
	at := unsafe.Pointer(unsafe.SliceData(data))
	err := w.runtime.check(C.weight_open(w.runtime.api, at, C.size_t(len(data)), (*C.int64_t)(unsafe.SliceData(shape)), C.size_t(len(shape)), C.int(typed), &value))
	if err != nil {
		return fmt.Errorf("share weight %q: %w", name, err)
	}
	w.given[name] = value
	return nil
}

// Len is how many were added.
func (w *Weights) Len() int { return len(w.given) }

// Open is ort.NewDynamicAdvancedSession for a session that has these weights. What it gives is bound and run as
// [Threads] does; it must be destroyed before the weights are closed.
func (w *Weights) Open(path string, options *ort.SessionOptions) (*ort.DynamicAdvancedSession, error) {
	for name, value := range w.given {
		text := C.CString(name)
		err := w.runtime.check(C.weight_give(w.runtime.api, pointerIn(unsafe.Pointer(options)), text, value))
		C.free(unsafe.Pointer(text)) // ONNX Runtime keeps a copy
		if err != nil {
			return nil, fmt.Errorf("share weight %q: %w", name, err)
		}
	}
	file := C.CString(path)
	defer C.free(unsafe.Pointer(file))
	opened := new(session)
	if err := w.runtime.check(C.session_open(w.runtime.api, file, pointerIn(unsafe.Pointer(options)), w.packed, (**C.OrtSession)(unsafe.Pointer(&opened.handle)))); err != nil {
		return nil, err
	}
	outer := new(ort.DynamicAdvancedSession)
	*(**session)(unsafe.Pointer(outer)) = opened
	return outer, nil
}

// session is laid out as onnxruntime_go's own struct of a session, which a test holds to be so: ONNX Runtime's session,
// and slices of names and values, which stay empty, since runs are bound.
type session struct {
	handle unsafe.Pointer
	rest   [4][]unsafe.Pointer
}

// Close lets go of the tensors, and not of their memory. The sessions are destroyed before.
func (w *Weights) Close() {
	for _, value := range w.given {
		C.weight_close(w.runtime.api, value)
	}
	clear(w.given)
	if w.packed != nil {
		C.packed_close(w.runtime.api, w.packed)
		w.packed = nil
	}
}
