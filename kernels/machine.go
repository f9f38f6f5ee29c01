package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// Machine runs the CUDA kernels: a device, or their twin on the CPU. One goroutine at a time may use it.
type Machine interface {
	// Alloc gives the address of so many bytes, at least 1, at a multiple of 16. They may hold anything.
	Alloc(bytes int) (uintptr, error)
	Free(address uintptr) error
	Write(address uintptr, from []byte) error
	Read(into []byte, address uintptr) error
	// Launch starts a kernel on a grid of blocks, each a row of threads. The arguments are the kernel's parameters, 8
	// bytes each: addresses and integers. What is read afterwards is what it has written.
	Launch(kernel string, grid [2]int, block int, arguments ...uint64) error
}

// The limits of a grid on every device.
const (
	maxGridX = math.MaxInt32
	maxGridY = 65535
)

// frame is one call's memory on a machine. The first error stops it: what follows does nothing, and close gives it.
type frame struct {
	machine Machine
	owned   []uintptr
	err     error
}

// fail keeps the first error.
func (f *frame) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// room is memory of the frame, for a result; 0 bytes need none.
func (f *frame) room(bytes int) uint64 {
	if f.err != nil || bytes == 0 {
		return 0
	}
	address, err := f.machine.Alloc(bytes)
	if err != nil {
		f.fail(fmt.Errorf("allocate %d bytes: %w", bytes, err))
		return 0
	}
	f.owned = append(f.owned, address)
	return uint64(address)
}

// copied is the address of a copy of the numbers.
func (f *frame) copied(numbers []byte) uint64 {
	address := f.room(len(numbers))
	if f.err == nil && address != 0 {
		f.fail(f.machine.Write(uintptr(address), numbers))
	}
	return address
}

// tensor is the address of a tensor on the machine, copied there if it is on the host; 0 of one without numbers.
func (f *frame) tensor(t Tensor) uint64 {
	if t.Address != 0 {
		return uint64(t.Address)
	}
	return f.copied(t.Bytes())
}

// result is where a kernel writes a tensor: on the machine, or in memory of the frame that fetch reads.
func (f *frame) result(t Tensor) uint64 {
	if t.Address != 0 {
		return uint64(t.Address)
	}
	return f.room(len(t.Bytes()))
}

// fetch has a tensor on the host hold what a kernel has written to the address.
func (f *frame) fetch(t Tensor, address uint64) {
	if f.err == nil && t.Address == 0 && address != 0 {
		f.fail(f.machine.Read(t.Bytes(), uintptr(address)))
	}
}

// launch starts a kernel with as many blocks as blocksX times blocksY say.
func (f *frame) launch(kernel string, blocksX, blocksY, block int, arguments ...uint64) {
	if f.err == nil && (blocksX > maxGridX || blocksY > maxGridY) {
		f.fail(fmt.Errorf("%s: a grid of %d by %d blocks is over the limit of %d by %d", kernel, blocksX, blocksY, maxGridX, maxGridY))
	}
	if f.err == nil && blocksX > 0 && blocksY > 0 {
		f.fail(f.machine.Launch(kernel, [2]int{blocksX, blocksY}, block, arguments...))
	}
}

// floats reads a result of n numbers; nil after an error.
func (f *frame) floats(address uint64, n int) []float32 {
	if f.err != nil {
		return nil
	}
	out := make([]float32, n)
	if n > 0 {
		f.fail(f.machine.Read(bytesOf(out), uintptr(address)))
	}
	return out
}

// close gives the memory back and the frame's error.
func (f *frame) close() error {
	for _, address := range f.owned {
		if err := f.machine.Free(address); err != nil {
			f.fail(err)
		}
	}
	return f.err
}

// bytesOf is a slice's memory.
func bytesOf[T int64 | float32 | uint16](numbers []T) []byte {
	if len(numbers) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&numbers[0])), len(numbers)*int(unsafe.Sizeof(numbers[0])))
}

// blocks is how many blocks of so many cover n.
func blocks(n, each int) int { return (n + each - 1) / each }
