package cuda

/*
#cgo CXXFLAGS: -std=c++17 -O2 -Wall -fvisibility=hidden
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include "twin.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
)

// Twin is the machine that runs the kernels on the CPU. Its memory has watched margins: a kernel that writes outside a
// buffer makes its launch an error, and one that reads outside finds large numbers there.
type Twin struct {
	seed   uint64
	launch unsafe.Pointer // a library's twin_launch; nil: the one linked in
	live   map[uintptr]int
}

var _ kernels.Machine = (*Twin)(nil)

// fibers is held during a launch, since a process has one scheduler of fibers.
var fibers sync.Mutex

// New gives a twin that runs the threads of a block in an order made from the seed; 0 is their natural order.
func New(seed uint64) *Twin { return &Twin{seed: seed, live: map[uintptr]int{}} }

// Load gives a twin that runs the kernels of a shared library made from twin.cpp. The library stays loaded.
func Load(path string, seed uint64) (*Twin, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	library := C.dlopen(name, C.RTLD_NOW|C.RTLD_LOCAL)
	if library == nil {
		return nil, errors.New(C.GoString(C.dlerror()))
	}
	symbol := C.CString("twin_launch")
	defer C.free(unsafe.Pointer(symbol))
	twin := New(seed)
	if twin.launch = C.dlsym(library, symbol); twin.launch == nil {
		return nil, fmt.Errorf("%s has no twin_launch", path)
	}
	return twin, nil
}

// Kernels gives the number of parameters of every kernel.
func Kernels() map[string]int {
	kernels := map[string]int{}
	for place := 0; ; place++ {
		var parameters C.size_t
		name := C.twin_kernel(C.size_t(place), &parameters)
		if name == nil {
			return kernels
		}
		kernels[C.GoString(name)] = int(parameters)
	}
}

// Alloc implements [kernels.Machine].
func (t *Twin) Alloc(bytes int) (uintptr, error) {
	memory := C.twin_alloc(C.size_t(bytes))
	if memory == nil {
		return 0, errors.New("out of memory")
	}
	t.live[uintptr(memory)] = bytes
	return uintptr(memory), nil
}

// Free implements [kernels.Machine].
func (t *Twin) Free(address uintptr) error {
	if _, live := t.live[address]; !live {
		return fmt.Errorf("free: %#x is no buffer", address)
	}
	delete(t.live, address)
	C.twin_free(pointer(address))
	return nil
}

// Write implements [kernels.Machine].
func (t *Twin) Write(address uintptr, from []byte) error {
	if len(from) > t.live[address] {
		return fmt.Errorf("write %d bytes to a buffer of %d", len(from), t.live[address])
	}
	copy(t.bytes(address), from)
	return nil
}

// Read implements [kernels.Machine].
func (t *Twin) Read(into []byte, address uintptr) error {
	if len(into) > t.live[address] {
		return fmt.Errorf("read %d bytes of a buffer of %d", len(into), t.live[address])
	}
	copy(into, t.bytes(address))
	return nil
}

// Launch implements [kernels.Machine].
func (t *Twin) Launch(kernel string, grid [2]int, block int, arguments ...uint64) error {
	name := C.CString(kernel)
	defer C.free(unsafe.Pointer(name))
	var why [256]C.char
	fibers.Lock()
	failed := C.twin_call(t.launch, name, C.uint(grid[0]), C.uint(grid[1]), C.uint(block), (*C.uint64_t)(unsafe.SliceData(arguments)),
		C.size_t(len(arguments)), C.uint64_t(t.seed), &why[0], C.size_t(len(why)))
	fibers.Unlock()
	if failed != 0 {
		return errors.New(C.GoString(&why[0]))
	}
	for address, bytes := range t.live {
		if C.twin_intact(pointer(address), C.size_t(bytes)) == 0 {
			return fmt.Errorf("%s wrote outside a buffer of %d bytes", kernel, bytes)
		}
	}
	return nil
}

// Live is the number of buffers that are not freed.
func (t *Twin) Live() int { return len(t.live) }

func (t *Twin) bytes(address uintptr) []byte {
	return unsafe.Slice((*byte)(pointer(address)), t.live[address])
}

// pointer is the C memory at an address; no Go memory is ever meant.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
