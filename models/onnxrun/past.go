package onnxrun

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/fault"
)

// findPast lists the inputs and outputs of keys and values of a stage, by its number. There are none where tokens see
// what follows them, since nothing that is kept of a token would be right in another sequence.
func (st *stage) findPast(number int, outputs []onnx.Value) (err error) {
	if !st.of.Packed() || st.of.Bidirectional() {
		return nil
	}
	before, behind := "past", "present"
	if st.of.Pooled() {
		before, behind = "pool", "written"
	}
	for layer, to := st.of.LayersOf(number); layer < to; layer++ {
		for _, part := range []string{"key", "value"} {
			st.pasts = append(st.pasts, fmt.Sprintf("%s_%s.%d", before, part, layer))
			st.presents = append(st.presents, fmt.Sprintf("%s_%s.%d", behind, part, layer))
		}
	}
	if st.of.Pooled() {
		return nil
	}
	shape := onnx.Value{Kind: st.numbers.graph, Dims: []int{-1, int(st.of.KVHeads), int(st.of.HeadDim)}}
	for i, name := range st.presents {
		given := slices.ContainsFunc(outputs, func(v onnx.Value) bool {
			return v.Name == name && v.Fits(shape)
		})
		if !given || !slices.Contains(st.inputs, st.pasts[i]) || !slices.Contains(st.inputs, "past_position_ids") {
			st.presents = nil
			break
		}
	}
	st.pasts = slices.DeleteFunc(st.pasts, func(name string) bool { return !slices.Contains(st.inputs, name) })
	st.noPast, err = ort.NewCustomDataTensor(ort.NewShape(0, st.of.KVHeads, st.of.HeadDim), make([]byte, 1), st.numbers.tensor)
	return err
}

// block is the shape of a stage's part of a block of the key-value cache. It has no parts when the graph cannot be
// cached.
func (st *stage) block() blockShape {
	return blockShape{st.numbers, len(st.presents), st.of.KVHeads, st.of.HeadDim}
}

// BlockBytes is the size of a block of the key-value cache in all stages together; 0 when the graph cannot be cached.
func (s *Session) BlockBytes() (bytes int64) {
	for _, st := range s.places[0] {
		bytes += int64(st.block().bytes())
	}
	return bytes
}

// Reserve makes the key-value cache of each device, of so many bytes, and says how many blocks these are; 0 when the
// graph cannot be cached. Each stage has its layers' part of every block, by the same number. Where the graph has keys
// and values in pools, these have room for as many tokens beside the blocks as spare says, which a forward may have.
// Its errors are *fault.Error.
func (s *Session) Reserve(bytes int64, spare int) (blocks int, err error) {
	size := s.BlockBytes()
	if size == 0 || bytes == 0 && !s.graph.Pooled() {
		return 0, nil
	}
	if 0 < bytes && bytes < size {
		return 0, fault.New(fault.CodeBundle,
			"a key-value cache of %d bytes holds no block of %d tokens, which takes %d: give more with --cache", bytes,
			batching.BlockTokens, size)
	}
	blocks = int(bytes / size)
	if s.graph.Pooled() {
		return blocks, s.openPools(blocks, spare)
	}
	s.each(func(st *stage) {
		if err != nil {
			return
		}
		if st.store, err = st.newStore(blocks); err != nil {
			err = fault.New(fault.CodeBundle, "a key-value cache of %d bytes does not fit on %s: give less with --cache", int64(blocks)*int64(st.block().bytes()),
				st.memory()).Because(err)
		}
	})
	return blocks, err
}

// newStore makes the cache of one stage: in the memory of its GPU if that has our kernels, else in the host's.
func (st *stage) newStore(blocks int) (store, error) {
	if st.gpu != nil {
		return st.gpu.newStore(blocks, st.block())
	}
	return newHostStore(blocks, st.block())
}

// bindPast gives the graph its past: the plan's, added to the stage's own tensors, or nothing where the plan has none.
func (st *stage) bindPast(binding *ort.IoBinding, plan *batching.Plan, cached forwardKV, own tensors) (failed error) {
	for i, name := range st.pasts {
		if len(plan.Past) == 0 {
			failed = errors.Join(failed, binding.BindInput(name, st.noPast))
			continue
		}
		value, err := cached.past(i)
		failed = errors.Join(failed, bindInput(binding, own, name, value, err))
	}
	return failed
}
