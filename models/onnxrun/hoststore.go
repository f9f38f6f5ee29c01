package onnxrun

import (
	"slices"
	"sync"
	"syscall"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// hostStore is a store in the host's memory, outside the Go heap. Inside, the collector would let the heap grow to
// twice the size of a full cache before it looked for what to free, and would find nothing. A slot that was never
// filled takes no memory.
type hostStore struct {
	blockShape
	mapped []byte
	spare  sync.Pool // of *keyValues, which the forwards before have closed
}

// floatBytes is the size of one number of a key or a value.
const floatBytes = 4

// newHostStore reserves addresses, but no memory yet, for so many blocks.
func newHostStore(blocks int, shape blockShape) (*hostStore, error) {
	mapped, err := syscall.Mmap(-1, 0, blocks*shape.floats()*floatBytes, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return &hostStore{blockShape: shape, mapped: mapped}, err
}

// block is the memory of one slot.
func (h *hostStore) block(slot int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&h.mapped[slot*h.floats()*floatBytes])), h.floats())
}

func (h *hostStore) free() {
	if h.mapped != nil {
		syscall.Munmap(h.mapped) //nolint:errcheck // it was mapped
	}
}

// keyValues are buffers of one forward, for each part, which the next forward uses again.
type keyValues struct {
	past, present [][]float32
}

// hostForwardKV has buffers of the store until it is closed.
type hostForwardKV struct {
	*keyValues
	store *hostStore
	plan  *batching.Plan
}

func (h *hostStore) open(plan *batching.Plan) (forwardKV, error) {
	buffers, ok := h.spare.Get().(*keyValues)
	if !ok {
		buffers = &keyValues{past: make([][]float32, h.parts), present: make([][]float32, h.parts)}
	}
	return hostForwardKV{buffers, h, plan}, nil
}

func (l hostForwardKV) past(part int) (ort.Value, error) {
	h := l.store
	size := batching.BlockTokens * h.width()
	past := slices.Grow(l.keyValues.past[part][:0], len(l.plan.Past)*size)
	for _, block := range l.plan.Past {
		past = append(past, h.block(block.Slot)[part*size:(part+1)*size]...)
	}
	l.keyValues.past[part] = past
	return ort.NewTensor(ort.NewShape(int64(len(l.plan.Past)*batching.BlockTokens), h.heads, h.dim), past)
}

func (l hostForwardKV) present(part int) (ort.Value, error) {
	h, tokens := l.store, len(l.plan.IDs)
	present := slices.Grow(l.keyValues.present[part][:0], tokens*h.width())[:tokens*h.width()]
	l.keyValues.present[part] = present
	return ort.NewTensor(ort.NewShape(int64(tokens), h.heads, h.dim), present)
}

func (l hostForwardKV) keep() error {
	width := l.store.width()
	for _, keep := range l.plan.Keep {
		to := l.store.block(keep.Block.Slot)
		for _, present := range l.keyValues.present {
			for _, token := range keep.Tokens {
				copy(to[:width], present[int(token)*width:])
				to = to[width:]
			}
		}
	}
	return nil
}

func (l hostForwardKV) close() { l.store.spare.Put(l.keyValues) }
