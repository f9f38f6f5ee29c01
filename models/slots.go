package models

import (
	"syscall"
	"unsafe"
)

// slots hold the blocks of a key-value cache, outside the Go heap: the collector lets a heap grow to twice of what a full cache keeps,
// and would find nothing in it to free. A slot that was never filled takes no memory.
type slots struct {
	mapped []byte
	floats int // of a block
}

// floatBytes is the size of a key's or a value's number.
const floatBytes = 4

// mapSlots reserves addresses for that many blocks.
func mapSlots(blocks, floats int) (slots, error) {
	mapped, err := syscall.Mmap(-1, 0, blocks*floats*floatBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return slots{mapped, floats}, err
}

// block is the memory of one slot.
func (s slots) block(slot int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&s.mapped[slot*s.floats*floatBytes])), s.floats)
}

func (s slots) free() {
	if s.mapped != nil {
		syscall.Munmap(s.mapped) //nolint:errcheck // it was mapped
	}
}
