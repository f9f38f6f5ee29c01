package onnxrun

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/inplace"
)

// pools are the keys and values of one device under a graph of domain assay, which reads and writes them where they
// are. Each part, one layer's keys or one layer's values, is (slots, heads, dim). A block of the cache has BlockTokens
// slots in a row; behind all blocks are those of a forward's tokens that are not kept, in a room of its own for each
// forward that may run beside others:
//
//	slots   0 … 15    16 … 31    …   16 · blocks …          16 · blocks + spare …   16 · blocks + rooms · spare
//	        block 0   block 1        token 0, token 1, …    token 0, …
//	                                 of the forward in room 0    of that in room 1
type pools struct {
	blockShape
	runtime       *inplace.Runtime
	memory        inplace.Memory
	parts         []uintptr // addresses
	blocks, spare int
	rooms         chan struct{} // as many as are taken; nil: there is one, which a forward has in each stage while it is there
	mu            sync.Mutex
	taken         []bool // by room; guarded by mu
	release       func()
}

// slots is how many tokens a part has room for.
func (p *pools) slots() int { return p.blocks*batching.BlockTokens + max(1, cap(p.rooms))*p.spare }

// enter gives a forward a room, which it must leave: the only one, or one that nobody is in.
func (p *pools) enter() (room int, leave func()) {
	if p.rooms == nil {
		return 0, func() {}
	}
	p.rooms <- struct{}{}
	p.mu.Lock()
	defer p.mu.Unlock()
	room = slices.Index(p.taken, false) // the first, so that those behind it seldom have memory
	p.taken[room] = true
	return room, func() {
		p.mu.Lock()
		p.taken[room] = false
		p.mu.Unlock()
		<-p.rooms
	}
}

// partBytes is the size of a part.
func (p *pools) partBytes() int { return p.slots() * p.tokenBytes() }

// newHostPools reserves addresses, and takes memory for those slots that are used.
func newHostPools(runtime *inplace.Runtime, shape blockShape, blocks, spare, rooms int) (*pools, error) {
	p := &pools{blockShape: shape, runtime: runtime, memory: inplace.Host, blocks: blocks, spare: spare}
	if rooms > 1 {
		p.rooms, p.taken = make(chan struct{}, rooms), make([]bool, rooms)
	}
	mapped, err := syscall.Mmap(-1, 0, max(1, shape.parts*p.partBytes()), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	for part := range shape.parts {
		p.parts = append(p.parts, uintptr(unsafe.Pointer(&mapped[0]))+uintptr(part*p.partBytes()))
	}
	p.release = func() { syscall.Munmap(mapped) } //nolint:errcheck // it was mapped
	return p, nil
}

// value is one part as the graph is given it, which the caller destroys.
func (p *pools) value(part int) (ort.Value, error) {
	return p.runtime.Numbers(p.numbers.tensor, p.memory, p.parts[part], int64(p.slots()), p.heads, p.dim)
}

// places gives each token of a plan its slot, and each key place of its tiles the slot of that key. A token that is in
// a block which is kept has its slot there, others in the forward's room.
func (p *pools) places(plan *batching.Plan, room int) (slots, keys []int64, err error) {
	if len(plan.IDs) > p.spare {
		return nil, nil, fmt.Errorf("a forward of %d tokens is over the %d that there is room for beside the cache", len(plan.IDs), p.spare)
	}
	slots = make([]int64, len(plan.IDs))
	for token := range slots {
		slots[token] = int64(p.blocks*batching.BlockTokens + room*p.spare + token)
	}
	for _, keep := range plan.Keep {
		for i, token := range keep.Tokens {
			slots[token] = int64(keep.Block.Slot*batching.BlockTokens + i)
		}
	}
	past := int64(len(plan.Past) * batching.BlockTokens)
	keys = slices.Clone(plan.KeyIndex)
	for i, key := range keys {
		if key >= past {
			keys[i] = slots[key-past]
			continue
		}
		keys[i] = int64(plan.Past[key/batching.BlockTokens].Slot)*batching.BlockTokens + key%batching.BlockTokens
	}
	return slots, keys, nil
}

func (p *pools) free() { p.release() }

// openPools makes the pools of every stage, in the place of those that are there.
func (s *Session) openPools(blocks, spare int) (err error) {
	s.each(func(st *stage) {
		if st.pools != nil {
			st.pools.free()
			st.pools = nil
		}
	})
	s.each(func(st *stage) {
		if err != nil {
			return
		}
		if st.gpu != nil {
			st.pools, err = st.gpu.newPools(blocks, spare, st.block())
		} else {
			st.pools, err = newHostPools(s.runtime, st.block(), blocks, spare, s.side)
		}
		if err != nil {
			err = fault.New(fault.CodeBundle, "the keys and values of %d blocks and %d tokens, %d bytes, do not fit on %s: give less with --cache",
				blocks, spare, int64(blocks+spare/batching.BlockTokens)*int64(st.block().bytes()), st.memory()).Because(err)
		}
	})
	return err
}

// bindPools gives the graph its pools, as inputs and as the outputs that they are written through.
func (st *stage) bindPools(binding *ort.IoBinding, own tensors) (failed error) {
	for part, name := range st.pasts {
		value, err := st.pools.value(part)
		failed = errors.Join(failed, bindInput(binding, own, name, value, err))
		written, err := st.pools.value(part)
		failed = errors.Join(failed, bindOutput(binding, own, st.presents[part], written, err))
	}
	return failed
}
