// Package processortest calls the kernels of kernels/processor one by one, without ONNX Runtime, so that tests hold
// them to laws. A call is a struct of package operators, or [Linear]; its sizes may be any, and its type float32 too.
package processortest

/*
#cgo CFLAGS: -std=c11
#cgo LDFLAGS: -ldl
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor"
)

// margin is the memory on both sides of a buffer, every byte of which is 0xff: a number from there is NaN, or -1.
const margin = 4096

// Machine runs a tier's kernels. A kernel that writes outside a buffer makes its call an error, and one that reads
// outside finds NaN there. One goroutine may use it at a time.
type Machine struct {
	Threads int // that run the tasks of a call, which begin with the last; 0 is 1
	Share   int // how many rows, tokens or panels a task has; 0 is 1
	table   *C.AssayKernels
	packing C.Packing
	live    map[uintptr]int
}

var _ kernels.Machine = (*Machine)(nil)

// Machines are those of the tiers that this processor has, from the slowest on.
func Machines() (machines []*Machine) {
	for _, tier := range processor.Tiers() {
		table, packedBytes, packWeights := tier.Pointers()
		machines = append(machines, &Machine{table: (*C.AssayKernels)(table), packing: C.packing_of(packedBytes, packWeights), live: map[uintptr]int{}})
	}
	return machines
}

// Load gives the machines of a shared library that is made of the sources of kernels/processor. It stays loaded.
func Load(path string) (machines []*Machine, err error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var library C.Library
	if why := C.open_library(name, &library); why != nil {
		return nil, errors.New(C.GoString(why))
	}
	for tier := range C.int(C.ASSAY_TIERS) {
		if table := C.tier_of(library, tier); table != nil {
			machines = append(machines, &Machine{table: table, packing: library.packing, live: map[uintptr]int{}})
		}
	}
	return machines, nil
}

// String names the instructions, and those of the products that have some of their own.
func (m *Machine) String() string {
	name := C.GoString(m.table.name)
	for _, of := range m.table.products {
		if products := C.GoString(of); !strings.Contains(name, products) {
			name += " with " + strings.TrimPrefix(products, "AVX-512 ")
		}
	}
	return name
}

// Alloc implements [kernels.Machine]. The address is a multiple of 16, and not of 32.
func (m *Machine) Alloc(bytes int) (uintptr, error) {
	memory := C.fenced_alloc(C.size_t(bytes), margin)
	if memory == nil {
		return 0, errors.New("out of memory")
	}
	m.live[uintptr(memory)] = bytes
	return uintptr(memory), nil
}

// Free implements [kernels.Machine].
func (m *Machine) Free(address uintptr) error {
	if _, live := m.live[address]; !live {
		return fmt.Errorf("free: %#x is no buffer", address)
	}
	delete(m.live, address)
	C.fenced_free(pointer(address), margin)
	return nil
}

// Write implements [kernels.Machine].
func (m *Machine) Write(address uintptr, from []byte) error {
	if len(from) > m.live[address] {
		return fmt.Errorf("write %d bytes to a buffer of %d", len(from), m.live[address])
	}
	copy(m.bytes(address), from)
	return nil
}

// Read implements [kernels.Machine].
func (m *Machine) Read(into []byte, address uintptr) error {
	if len(into) > m.live[address] {
		return fmt.Errorf("read %d bytes of a buffer of %d", len(into), m.live[address])
	}
	copy(into, m.bytes(address))
	return nil
}

// Live is the number of buffers that are not freed.
func (m *Machine) Live() int { return len(m.live) }

// intact says which buffer a call has written outside of.
func (m *Machine) intact() error {
	for address, bytes := range m.live {
		if C.fenced_intact(pointer(address), C.size_t(bytes), margin) == 0 {
			return fmt.Errorf("written outside a buffer of %d bytes", bytes)
		}
	}
	return nil
}

func (m *Machine) bytes(address uintptr) []byte {
	return unsafe.Slice((*byte)(pointer(address)), m.live[address])
}

// pointer is the C memory at an address; no Go memory is ever meant.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
