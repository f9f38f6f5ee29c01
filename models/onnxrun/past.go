package onnxrun

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/inplace"
)

// findPast lists the graph's inputs and outputs of keys and values. There are none where tokens see what follows them,
// since nothing that is kept of a token would be right in another sequence.
func (s *Session) findPast(outputs []onnx.Value) (err error) {
	if !s.graph.Packed() || s.graph.Bidirectional() {
		return nil
	}
	before, behind := "past", "present"
	if s.graph.Pooled() {
		before, behind = "pool", "written"
	}
	for layer := range s.graph.Layers {
		for _, part := range []string{"key", "value"} {
			s.pasts = append(s.pasts, fmt.Sprintf("%s_%s.%d", before, part, layer))
			s.presents = append(s.presents, fmt.Sprintf("%s_%s.%d", behind, part, layer))
		}
	}
	if s.graph.Pooled() {
		return nil
	}
	of := numbersOf(s.graph)
	shape := onnx.Value{Kind: of.graph, Dims: []int{-1, int(s.graph.KVHeads), int(s.graph.HeadDim)}}
	for i, name := range s.presents {
		given := slices.ContainsFunc(outputs, func(v onnx.Value) bool {
			return v.Name == name && v.Fits(shape)
		})
		if !given || !slices.Contains(s.inputs, s.pasts[i]) || !slices.Contains(s.inputs, "past_position_ids") {
			s.presents = nil
			break
		}
	}
	s.pasts = slices.DeleteFunc(s.pasts, func(name string) bool { return !slices.Contains(s.inputs, name) })
	s.noPast, err = ort.NewCustomDataTensor(ort.NewShape(0, s.graph.KVHeads, s.graph.HeadDim), make([]byte, 1), of.tensor)
	return err
}

// block is the shape of a block of the key-value cache. It has no parts when the graph cannot be cached.
func (s *Session) block() blockShape {
	return blockShape{numbersOf(s.graph), len(s.presents), s.graph.KVHeads, s.graph.HeadDim}
}

// BlockBytes is the size of a block of the key-value cache; 0 when the graph cannot be cached.
func (s *Session) BlockBytes() int64 { return int64(s.block().bytes()) }

// Reserve makes the key-value cache of each device, of so many bytes, and says how many blocks these are; 0 when the
// graph cannot be cached. Where the graph has keys and values in pools, these have room for as many tokens beside the
// blocks as spare says, which a forward may have. Its errors are *fault.Error.
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
	if s.graph.Pooled() {
		return int(bytes / size), s.openPools(int(bytes/size), spare)
	}
	for place := range s.allThreads {
		store, err := s.newStore(place, int(bytes/size))
		if err != nil {
			return 0, fault.New(fault.CodeBundle, "a key-value cache of %d bytes does not fit on %s: give less with --cache", bytes,
				s.memoryOf(place)).Because(err)
		}
		s.stores = append(s.stores, store)
	}
	return int(bytes / size), nil
}

// memoryOf names where the cache of a device is.
func (s *Session) memoryOf(place int) string {
	if len(s.gpus) > 0 {
		return s.gpus[place].name()
	}
	return inplace.Host.String()
}

// newStore makes the cache of one device: in its own memory if it has our kernels, else in the host's.
func (s *Session) newStore(place, blocks int) (store, error) {
	if len(s.gpus) > 0 {
		return s.gpus[place].newStore(blocks, s.block())
	}
	return newHostStore(blocks, s.block())
}

// bindPast gives the graph its past: the plan's, added to the feeds, or nothing where the plan has none.
func (s *Session) bindPast(binding *ort.IoBinding, plan *batching.Plan, cached forwardKV, feeds tensors) error {
	if len(plan.Past) == 0 {
		var failed error
		for _, name := range s.pasts {
			failed = errors.Join(failed, binding.BindInput(name, s.noPast))
		}
		return failed
	}
	for i, name := range s.pasts {
		value, err := cached.past(i)
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
		feeds[name] = value
	}
	return nil
}
