package onnxrun

import (
	"slices"
	"sync"
	"syscall"

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

// newHostStore reserves addresses, but no memory yet, for so many blocks.
func newHostStore(blocks int, shape blockShape) (*hostStore, error) {
	mapped, err := syscall.Mmap(-1, 0, blocks*shape.bytes(), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	return &hostStore{blockShape: shape, mapped: mapped}, err
}

// block is the memory of one slot.
func (h *hostStore) block(slot int) []byte { return h.mapped[slot*h.bytes():][:h.bytes()] }

func (h *hostStore) free() {
	if h.mapped != nil {
		syscall.Munmap(h.mapped) //nolint:errcheck // it was mapped
	}
}

// keyValues are buffers of one forward, for each part, which the next forward uses again.
type keyValues struct {
	past, present [][]byte
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
		buffers = &keyValues{past: make([][]byte, h.parts), present: make([][]byte, h.parts)}
	}
	return hostForwardKV{buffers, h, plan}, nil
}

func (l hostForwardKV) past(part int) (ort.Value, error) {
	h := l.store
	size := batching.BlockTokens * h.tokenBytes()
	past := slices.Grow(l.keyValues.past[part][:0], len(l.plan.Past)*size)
	for _, block := range l.plan.Past {
		past = append(past, h.block(block.Slot)[part*size:(part+1)*size]...)
	}
	l.keyValues.past[part] = past
	return h.tensor(len(l.plan.Past)*batching.BlockTokens, past)
}

func (l hostForwardKV) present(part int) (ort.Value, error) {
	h, tokens := l.store, len(l.plan.IDs)
	size := tokens * h.tokenBytes()
	present := slices.Grow(l.keyValues.present[part][:0], size)[:size]
	l.keyValues.present[part] = present
	return h.tensor(tokens, present)
}

// tensor is one part of so many tokens.
func (h *hostStore) tensor(tokens int, numbers []byte) (ort.Value, error) {
	return ort.NewCustomDataTensor(ort.NewShape(int64(tokens), h.heads, h.dim), numbers, h.numbers.tensor)
}

func (l hostForwardKV) keep() error {
	size := l.store.tokenBytes()
	for _, keep := range l.plan.Keep {
		to := l.store.block(keep.Block.Slot)
		for _, present := range l.keyValues.present {
			for _, token := range keep.Tokens {
				copy(to[:size], present[int(token)*size:])
				to = to[size:]
			}
		}
	}
	return nil
}

func (l hostForwardKV) close() { l.store.spare.Put(l.keyValues) }
