package nodes

/*
#include <stdlib.h>
#include "processor.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor"
)

// Weights are those of the linear layers of one graph, packed for a processor's kernels. All sessions of the graph
// share them.
type Weights struct{ c *C.AssayStore }

// NewWeights has none yet: the first session that is made with them packs them.
func NewWeights() *Weights { return &Weights{C.assay_store_open()} }

// Mapped says that weights may lie in memory which is mapped from a file, and which nobody writes: the pages of those
// that are packed are given back at once, so that a graph's weights are never in memory twice. It stays mapped until
// Close.
func (w *Weights) Mapped(data []byte) {
	if len(data) > 0 {
		C.assay_store_mapped(w.c, unsafe.Pointer(&data[0]), C.size_t(len(data))) // where it fails, the pages stay until others need them
	}
}

// Bytes is the memory that they take now.
func (w *Weights) Bytes() int64 { return int64(C.assay_store_bytes(w.c)) }

// Close frees them. No session that uses them is open.
func (w *Weights) Close() { C.assay_store_close(w.c) }

// RegisterProcessor has sessions that are made with these options run the operators by a tier's kernels, on so many
// threads, which all sessions share. It computes in one type; linear layers of int8 multiply these.
func RegisterProcessor(api unsafe.Pointer, options *ort.SessionOptions, compute kernels.Type, tier processor.Tier, threads int, weights *Weights) (*Set, error) {
	if there := int(C.assay_threads(C.int(threads))); there < threads {
		return nil, fmt.Errorf("the operating system gives this process %d threads to compute with, and %d were asked for", there, threads)
	}
	on := (*C.AssayProcessor)(C.calloc(1, C.sizeof_AssayProcessor))
	table, packedBytes, packWeights := tier.Pointers()
	on.kernels = (*C.AssayKernels)(table)
	C.assay_processor_functions(on, packedBytes, packWeights)
	on.store, on._type, on.threads = weights.c, C.int(compute), C.int(threads)
	element := map[kernels.Type]ort.TensorElementDataType{
		kernels.Float32: ort.TensorElementDataTypeFloat, kernels.Float16: ort.TensorElementDataTypeFloat16, kernels.BFloat16: ort.TensorElementDataTypeBFloat16,
	}[compute]
	return register(api, options, element, "", nil, on)
}
