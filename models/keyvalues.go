package models

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// findPast lists the graph's inputs and outputs of keys and values.
func (s *session) findPast(file *onnxFile) (err error) {
	if s.graph.Layout != LayoutPacked {
		return nil
	}
	for layer := range s.graph.Layers {
		for _, part := range []string{"key", "value"} {
			s.pasts = append(s.pasts, fmt.Sprintf("past_%s.%d", part, layer))
			s.presents = append(s.presents, fmt.Sprintf("present_%s.%d", part, layer))
		}
	}
	shape := []int64{-1, s.graph.KVHeads, s.graph.HeadDim}
	for i, name := range s.presents {
		given := slices.ContainsFunc(file.outputs, func(v onnxValue) bool {
			return v.name == name && v.kind == onnxFloat && fits(v.dims, shape)
		})
		if !given || !slices.Contains(s.inputs, s.pasts[i]) || !slices.Contains(s.inputs, "past_position_ids") {
			s.presents = nil
			break
		}
	}
	s.pasts = slices.DeleteFunc(s.pasts, func(name string) bool { return !slices.Contains(s.inputs, name) })
	s.noPast, err = ort.NewTensor(ort.NewShape(0, s.graph.KVHeads, s.graph.HeadDim), []float32{})
	return err
}

// width is the numbers of a token's keys, or values, in one layer.
func (s *session) width() int { return int(s.graph.KVHeads * s.graph.HeadDim) }

// blockFloats is what a block of the key-value cache holds, laid out (layers · 2, BlockTokens, kv_heads · head_dim); 0 when
// the graph's keys and values cannot be cached.
func (s *session) blockFloats() int { return len(s.presents) * batching.BlockTokens * s.width() }

// reserve makes room for as many blocks of each device's key-value cache as the bytes hold, and says how many these are.
func (s *session) reserve(bytes int64) (blocks int, err error) {
	floats := s.blockFloats()
	if floats == 0 || bytes == 0 {
		return 0, nil
	}
	size := int64(floats * floatBytes)
	if bytes < size {
		return 0, fail(CodeBundle, "a key-value cache of %d bytes holds no block of %d tokens, which takes %d", bytes, batching.BlockTokens, size)
	}
	for range s.wide {
		mapped, err := mapSlots(int(bytes/size), floats)
		if err != nil {
			return 0, &Error{Code: CodeBundle, Detail: fmt.Sprintf("reserve %d bytes for the key-value cache", bytes), Err: err}
		}
		s.slots = append(s.slots, mapped)
	}
	return int(bytes / size), nil
}

// keyValues are buffers that a forward borrows: for each layer the keys and the values of the past and of the present.
type keyValues struct {
	past, present [][]float32
}

// runPacked binds the plan's arrays, the past that it takes from the cache and what is to be read, and runs it. Keys and values
// leave the graph only when some are to be kept.
func (s *session) runPacked(inner *ort.DynamicAdvancedSession, plan *batching.Plan, feeds tensors) (rows [][]float32, err error) {
	binding, err := inner.CreateIoBinding()
	if err != nil {
		return nil, err
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	buffers, ok := s.spare.Get().(*keyValues)
	if !ok {
		buffers = &keyValues{past: make([][]float32, len(s.presents)), present: make([][]float32, len(s.presents))}
	}
	defer s.spare.Put(buffers)
	outputs := tensors{}
	defer outputs.free()

	labels := s.graph.columns()
	block := make([]float32, len(plan.Read)*labels)
	failed := errors.Join(
		s.bindPast(binding, plan, buffers, feeds),
		bindOutput(binding, outputs, s.graph.Output, block, int64(len(plan.Read)), int64(labels)),
	)
	for name, tensor := range feeds {
		failed = errors.Join(failed, binding.BindInput(name, tensor))
	}
	if len(plan.Keep) > 0 {
		for i, name := range s.presents {
			buffers.present[i] = slices.Grow(buffers.present[i][:0], len(plan.IDs)*s.width())[:len(plan.IDs)*s.width()]
			failed = errors.Join(failed, bindOutput(binding, outputs, name, buffers.present[i], int64(len(plan.IDs)), s.graph.KVHeads, s.graph.HeadDim))
		}
	}
	if failed != nil {
		return nil, failed
	}
	if err := inner.RunWithBinding(binding); err != nil {
		return nil, err
	}
	s.keep(plan, buffers)
	return rowsOf(block, labels), nil
}

// bindOutput has the graph write an output into data.
func bindOutput(binding *ort.IoBinding, outputs tensors, name string, data []float32, shape ...int64) error {
	tensor, err := ort.NewTensor(ort.NewShape(shape...), data)
	if err != nil {
		return fmt.Errorf("output %s: %w", name, err)
	}
	outputs[name] = tensor
	return binding.BindOutput(name, tensor)
}

// bindPast binds the past keys and values, and adds those that are not empty to the feeds.
func (s *session) bindPast(binding *ort.IoBinding, plan *batching.Plan, buffers *keyValues, feeds tensors) error {
	if len(plan.Past) == 0 {
		var failed error
		for _, name := range s.pasts {
			failed = errors.Join(failed, binding.BindInput(name, s.noPast))
		}
		return failed
	}
	size := batching.BlockTokens * s.width()
	for i, name := range s.pasts {
		past := slices.Grow(buffers.past[i][:0], len(plan.Past)*size)
		for _, block := range plan.Past {
			past = append(past, s.slots[plan.Device].block(block.Slot)[i*size:(i+1)*size]...)
		}
		buffers.past[i] = past
		tensor, err := ort.NewTensor(ort.NewShape(int64(len(plan.Past)*batching.BlockTokens), s.graph.KVHeads, s.graph.HeadDim), past)
		if err != nil {
			return fmt.Errorf("input %s: %w", name, err)
		}
		feeds[name] = tensor
	}
	return nil
}

// keep copies what the plan keeps into its blocks.
func (s *session) keep(plan *batching.Plan, buffers *keyValues) {
	width := s.width()
	for _, keep := range plan.Keep {
		to := s.slots[plan.Device].block(keep.Block.Slot)
		for i := range s.presents {
			for _, token := range keep.Tokens {
				copy(to[:width], buffers.present[i][int(token)*width:])
				to = to[width:]
			}
		}
	}
}
