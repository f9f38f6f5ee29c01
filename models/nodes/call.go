package nodes

/*
#include <stdlib.h>
#include "nodes.h"
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Tensor is an input or an output of a call. Its numbers lie where the provider has them: on a GPU for the CUDA
// provider, and dense, in the order of the shape.
type Tensor struct {
	Address uintptr // 0 where it has no numbers
	Shape   []int64
}

// Elements is how many numbers it has.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, dimension := range t.Shape {
		n *= dimension
	}
	return n
}

// Call is one run of a node.
type Call struct {
	*node
	Inputs  []Tensor
	Stream  uintptr // of the provider; 0: it has none
	context *C.OrtKernelContext
}

// node is what is known of a node since its session was made.
type node struct {
	of     *operator
	floats map[string]float32
	ints   map[string]int64
	lists  map[string][]int64
}

// Float, Int and List are attributes of the node; 0 or nil where it has none of that name.
func (n *node) Float(name string) float32 { return n.floats[name] }

// Int is an attribute.
func (n *node) Int(name string) int64 { return n.ints[name] }

// List is an attribute.
func (n *node) List(name string) []int64 { return n.lists[name] }

// Output makes an output of a shape, whose numbers are to be written. Each output is made once.
func (c *Call) Output(index int, shape ...int64) (Tensor, error) {
	var t C.AssayTensor
	if len(shape) > C.ASSAY_RANK {
		return Tensor{}, fmt.Errorf("output %d: it has %d dimensions, and may have %d", index, len(shape), C.ASSAY_RANK)
	}
	t.rank = C.size_t(len(shape))
	for i, dimension := range shape {
		t.shape[i] = C.int64_t(dimension)
	}
	if wrong := C.assay_output(c.of.api, c.context, C.size_t(index), &t); wrong != nil {
		return Tensor{}, fmt.Errorf("output %d: %s", index, C.GoString(wrong))
	}
	return Tensor{uintptr(t.data), shape}, nil
}

// read takes the inputs from ONNX Runtime.
func (c *Call) read() error {
	c.Inputs = make([]Tensor, len(c.of.inputs))
	for i := range c.Inputs {
		var t C.AssayTensor
		if wrong := C.assay_input(c.of.api, c.context, C.size_t(i), &t); wrong != nil {
			return fmt.Errorf("input %d: %s", i, C.GoString(wrong))
		}
		shape := make([]int64, t.rank)
		for j := range shape {
			shape[j] = int64(t.shape[j])
		}
		c.Inputs[i] = Tensor{uintptr(t.data), shape}
		if t.elements == 0 {
			c.Inputs[i].Address = 0
		}
	}
	return nil
}

//export assayCreate
func assayCreate(of C.uintptr_t, info *C.OrtKernelInfo) C.uintptr_t {
	o := cgo.Handle(of).Value().(*operator)
	n := &node{of: o, floats: map[string]float32{}, ints: map[string]int64{}, lists: map[string][]int64{}}
	named := func(name string, read func(name *C.char)) {
		c := C.CString(name)
		defer C.free(unsafe.Pointer(c))
		read(c)
	}
	for _, name := range o.floats {
		named(name, func(c *C.char) {
			var value C.float
			if C.assay_float(o.api, info, c, &value) != 0 {
				n.floats[name] = float32(value)
			}
		})
	}
	for _, name := range o.ints {
		named(name, func(c *C.char) {
			var value C.int64_t
			if C.assay_int(o.api, info, c, &value) != 0 {
				n.ints[name] = int64(value)
			}
		})
	}
	for _, name := range o.lists {
		named(name, func(c *C.char) {
			var values [C.ASSAY_RANK]C.int64_t
			count := C.size_t(len(values))
			if C.assay_ints(o.api, info, c, &values[0], &count) != 0 {
				for _, value := range values[:count] {
					n.lists[name] = append(n.lists[name], int64(value))
				}
			}
		})
	}
	return C.uintptr_t(cgo.NewHandle(n))
}

//export assayDestroy
func assayDestroy(of C.uintptr_t) { cgo.Handle(of).Delete() }

// assayRun runs a call. What went wrong is written to said, which has room for so many bytes; it is empty else.
//
//export assayRun
func assayRun(of C.uintptr_t, context *C.OrtKernelContext, said *C.char, room C.size_t) {
	n := cgo.Handle(of).Value().(*node)
	call := &Call{node: n, context: context, Stream: uintptr(C.assay_stream(n.of.api, context))}
	into := unsafe.Slice((*byte)(unsafe.Pointer(said)), room)
	length := 0
	if err := call.compute(); err != nil {
		length = copy(into[:room-1], err.Error()) // which ONNX Runtime leads by the operator and the node's name
	}
	into[length] = 0
}

// compute runs the call. A panic is its error, since it would end the process on a thread that is not Go's.
func (c *Call) compute() (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("panic: %v", why)
		}
	}()
	if err := c.read(); err != nil {
		return err
	}
	return c.of.run(c)
}
