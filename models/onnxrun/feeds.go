package onnxrun

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// tensors are the inputs or outputs of one forward, by name.
type tensors map[string]ort.Value

func (t tensors) free() {
	for _, tensor := range t {
		tensor.Destroy() //nolint:errcheck // freeing cannot fail
	}
}

// feeds gives the plan's arrays by the name of their input, without past keys and values. room is that of its tokens
// where keys and values lie in pools. With an error, too, they must be freed.
func (s *Session) feeds(plan *batching.Plan, room int) (tensors, error) {
	feeds := make(tensors, len(s.inputs))
	var failed error
	feed := func(name string, data []int64, shape ...int64) {
		tensor, err := ort.NewTensor(ort.NewShape(shape...), data)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("input %s: %w", name, err))
			return
		}
		feeds[name] = tensor
	}
	if s.graph.Packed() {
		t, r, q, k := int64(len(plan.IDs)), int64(plan.Tiles), int64(plan.Queries), int64(plan.Keys)
		feed("input_ids", plan.IDs, t)
		feed("position_ids", plan.Positions, t)
		if slices.Contains(s.inputs, "past_position_ids") {
			feed("past_position_ids", plan.PastPositions, int64(len(plan.PastPositions)))
		}
		feed("query_index", plan.QueryIndex, r, q)
		if s.graph.Pooled() {
			slots, keys, err := s.places[plan.Device][0].pools.places(plan, room) // which are those of every stage
			if err != nil {
				return feeds, err
			}
			feed("slots", slots, t)
			feed("key_slots", keys, r, k)
		} else {
			feed("key_index", plan.KeyIndex, r, k)
		}
		feed("key_len", plan.KeyLen, r)
		feed("scatter_index", plan.Scatter, t)
		feed("read_index", plan.Read, int64(len(plan.Read)))
		if plan.Targets != nil {
			feed("target_ids", plan.Targets, int64(len(plan.Targets)))
		}
		if slices.Contains(s.inputs, "token_type_ids") {
			feed("token_type_ids", s.tokenTypes(plan), t)
		}
		return feeds, failed
	}
	b, l := int64(plan.Rows), int64(plan.Length)
	for _, name := range s.inputs {
		switch name {
		case "input_ids":
			feed(name, plan.IDs, b, l)
		case "attention_mask":
			feed(name, plan.Mask, b, l)
		case "token_type_ids":
			feed(name, s.tokenTypes(plan), b, l)
		case "position_ids":
			feed(name, rowPositions(plan.Rows, plan.Length), b, l)
		}
	}
	return feeds, failed
}

// tokenTypes, one for each id of the plan, are 0 up to the first id of a sequence that is the manifest's type_after,
// and 1 behind it. Padding has 0. The sequences of a packed plan stand one behind the other.
func (s *Session) tokenTypes(plan *batching.Plan) []int64 {
	types := make([]int64, len(plan.IDs))
	if s.types == nil {
		return types
	}
	behind := int64(0)
	for at, id := range plan.IDs {
		if plan.Rows > 0 && at%plan.Length == 0 || plan.Rows == 0 && plan.Positions[at] == 0 {
			behind = 0
		}
		if types[at] = behind; plan.Rows > 0 {
			types[at] *= plan.Mask[at]
		}
		if id == *s.types {
			behind = 1
		}
	}
	return types
}

// rowPositions, (rows · length), count from 0 in each row.
func rowPositions(rows, length int) []int64 {
	positions := make([]int64, rows*length)
	for i := range positions {
		positions[i] = int64(i % length)
	}
	return positions
}
