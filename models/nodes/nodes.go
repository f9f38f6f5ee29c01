// Package nodes has ONNX Runtime run a graph's nodes of domain assay on kernels of ours, in the place of the bodies
// that stand in its file (models/export/assay_export/operators defines the operators).
//
//	by := nodes.NewKernels(kernels.Float16, device, blaslt.Name)
//	set, err := nodes.Register(runtime.API(), options, ort.TensorElementDataTypeFloat16, "CUDAExecutionProvider", by.All())
//	session, err := …              // made with these options
//	…
//	set.Close()                    // when the session is no more
//
// A session made with these options takes every node of the domain from the set, and none from its body: so what the
// set has must be all that the graph uses. [RegisterProcessor] is the same for processors, with package processor's
// kernels.
package nodes

/*
#cgo CFLAGS: -I${SRCDIR}/../../.runtime/include -Wno-unused-parameter
#include <stdlib.h>
#include "processor.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime/cgo"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"
)

// Compute runs one call of a node. Its error ends the forward with the operator's name before it.
type Compute func(call *Call) error

// Set is the operators of sessions. Goroutines may run its sessions; one at a time makes them, or closes the set.
type Set struct {
	api       *C.OrtApi
	domain    *C.OrtCustomOpDomain
	operators []*C.AssayOperator
	on        *C.AssayProcessor // nil: Go computes them
}

// operator is what is known of one.
type operator struct {
	declared
	api *C.OrtApi
	run Compute
}

// Register adds the operators to the options of sessions that compute in one type. The provider is ONNX Runtime's name
// of one that is in the options too; empty, the processors. by has what computes each operator, by its name. api is
// ONNX Runtime's interface, as [inplace.Runtime.API] gives it.
func Register(api unsafe.Pointer, options *ort.SessionOptions, compute ort.TensorElementDataType, provider string, by map[string]Compute) (*Set, error) {
	for _, line := range table {
		if by[line.name] == nil {
			return nil, fmt.Errorf("domain assay: nothing computes %s", line.name)
		}
	}
	return register(api, options, compute, provider, by, nil)
}

// register adds operators which Go computes, or where there is one a processor's kernels.
func register(api unsafe.Pointer, options *ort.SessionOptions, compute ort.TensorElementDataType, provider string, by map[string]Compute, on *C.AssayProcessor) (*Set, error) {
	set := &Set{api: (*C.OrtApi)(api), on: on}
	for _, line := range table {
		set.operators = append(set.operators, set.operator(&operator{line, set.api, by[line.name]}, compute, provider))
	}
	failed := C.assay_domain(set.api, optionsOf(options), &set.operators[0], C.size_t(len(set.operators)), &set.domain)
	if failed != nil {
		defer C.assay_status_free(set.api, failed)
		err := errors.New("domain assay: " + C.GoString(C.assay_status(set.api, failed)))
		set.Close()
		return nil, err
	}
	return set, nil
}

// operator makes C's record of one.
func (s *Set) operator(of *operator, compute ort.TensorElementDataType, provider string) *C.AssayOperator {
	made := (*C.AssayOperator)(C.calloc(1, C.sizeof_AssayOperator))
	C.assay_operator_fill(made, s.on)
	made.api, made.of, made.name = s.api, C.uintptr_t(cgo.NewHandle(of)), C.CString(of.name)
	if provider != "" {
		made.provider = C.CString(provider)
	}
	fill := func(types []ort.TensorElementDataType, count *C.size_t, into *[C.ASSAY_MOST]C.ONNXTensorElementDataType) {
		*count = C.size_t(len(types))
		for i, t := range types {
			if t == computeType {
				t = compute
			}
			into[i] = C.ONNXTensorElementDataType(t)
		}
	}
	fill(of.inputs, &made.inputs, &made.input)
	fill(of.outputs, &made.outputs, &made.output)
	return made
}

// Close frees the operators. No session that was made with them is open.
func (s *Set) Close() {
	C.assay_domain_free(s.api, s.domain)
	for _, o := range s.operators {
		cgo.Handle(o.of).Delete()
		C.free(unsafe.Pointer(o.name))
		C.free(unsafe.Pointer(o.provider))
		C.free(unsafe.Pointer(o))
	}
	C.free(unsafe.Pointer(s.on))
	s.domain, s.operators, s.on = nil, nil, nil
}

// optionsOf is the pointer with which a struct of onnxruntime_go begins, as a test of package inplace holds it to be.
func optionsOf(options *ort.SessionOptions) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(options))
}
