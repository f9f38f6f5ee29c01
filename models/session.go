package models

import (
	"context"
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// session runs the plans of one graph on ONNX Runtime. It is a [batching.Runner]: one goroutine at a time.
type session struct {
	graph  *GraphSpec
	types  *int64 // token types are 1 behind the first of this id; nil: all 0
	inputs []string
	inner  *ort.DynamicAdvancedSession
	past   *ort.Tensor[float32] // no cached tokens: [0, kv_heads, head_dim]; nil when the layout is padded
	pooled bool                 // the graph pools: output [B, labels]
}

var _ batching.Runner = (*session)(nil)

// newSession loads the graph from its file or, without one, from its content.
func newSession(manifest *Manifest, file *onnxFile, path string, content []byte, threads int) (*session, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy() //nolint:errcheck // freeing cannot fail
	err = errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		options.SetMemPattern(false), // shapes differ from run to run
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1"),
	)
	if err != nil {
		return nil, err
	}
	s := &session{graph: &manifest.Graph, types: manifest.Tokenizer.TypeAfter, pooled: manifest.Pooling == PoolInGraph}
	for _, input := range file.inputs {
		s.inputs = append(s.inputs, input.name)
	}
	outputs := []string{manifest.Graph.Output}
	if path != "" {
		s.inner, err = ort.NewDynamicAdvancedSession(path, s.inputs, outputs, options)
	} else {
		s.inner, err = ort.NewDynamicAdvancedSessionWithONNXData(content, s.inputs, outputs, options)
	}
	if err != nil {
		return nil, err
	}
	if manifest.Graph.Layout == LayoutPacked {
		s.past, err = ort.NewTensor(ort.NewShape(0, manifest.Graph.KVHeads, manifest.Graph.HeadDim), []float32{})
	}
	return s, err
}

// Run computes one plan and gives the rows read, (len(plan.Read), labels).
func (s *session) Run(_ context.Context, plan *batching.Plan) ([][]float32, error) {
	feeds, err := s.feeds(plan)
	defer func() {
		for _, feed := range feeds {
			if feed != s.past {
				feed.Destroy() //nolint:errcheck // freeing cannot fail
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	values := make([]ort.Value, len(s.inputs))
	for i, name := range s.inputs {
		value, ok := feeds[name]
		if !ok {
			value = s.past
		}
		values[i] = value
	}
	outputs := []ort.Value{nil}
	if err := s.inner.Run(values, outputs); err != nil {
		return nil, err
	}
	defer outputs[0].Destroy() //nolint:errcheck // freeing cannot fail
	return s.rows(plan, outputs[0])
}

// feeds gives the plan's arrays by input name. Inputs that it leaves out are past keys and values.
func (s *session) feeds(plan *batching.Plan) (map[string]ort.Value, error) {
	feeds := make(map[string]ort.Value, len(s.inputs))
	var failed error
	feed := func(name string, data []int64, shape ...int64) {
		tensor, err := ort.NewTensor(ort.NewShape(shape...), data)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("input %s: %w", name, err))
			return
		}
		feeds[name] = tensor
	}
	if s.graph.Layout == LayoutPacked {
		t, r, q, k := int64(len(plan.IDs)), int64(plan.Tiles), int64(plan.Queries), int64(plan.Keys)
		feed("input_ids", plan.IDs, t)
		feed("position_ids", plan.Positions, t)
		feed("past_position_ids", plan.PastPositions, int64(len(plan.PastPositions)))
		feed("query_index", plan.QueryIndex, r, q)
		feed("key_index", plan.KeyIndex, r, k)
		feed("key_len", plan.KeyLen, r)
		feed("scatter_index", plan.Scatter, t)
		feed("read_index", plan.Read, int64(len(plan.Read)))
		if plan.Targets != nil {
			feed("target_ids", plan.Targets, int64(len(plan.Targets)))
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

// tokenTypes is 0 up to the first divider of a row and 1 behind it, (rows · length).
func (s *session) tokenTypes(plan *batching.Plan) []int64 {
	types := make([]int64, len(plan.IDs))
	if s.types == nil {
		return types
	}
	for row := range plan.Rows {
		behind := int64(0)
		for at := row * plan.Length; at < (row+1)*plan.Length; at++ {
			types[at] = behind * plan.Mask[at]
			if plan.IDs[at] == *s.types {
				behind = 1
			}
		}
	}
	return types
}

// rowPositions counts from 0 in each row, (rows · length).
func rowPositions(rows, length int) []int64 {
	positions := make([]int64, rows*length)
	for i := range positions {
		positions[i] = int64(i % length)
	}
	return positions
}

// rows copies the read rows out of the output.
func (s *session) rows(plan *batching.Plan, output ort.Value) ([][]float32, error) {
	tensor, ok := output.(*ort.Tensor[float32])
	if !ok {
		return nil, fmt.Errorf("output %s is no float32 tensor", s.graph.Output)
	}
	labels := len(s.graph.Labels)
	shape, data := tensor.GetShape(), tensor.GetData()
	want := []int64{int64(len(plan.Read)), int64(labels)}
	switch {
	case s.graph.Layout == LayoutPadded && s.pooled:
		want = []int64{int64(plan.Rows), int64(labels)}
	case s.graph.Layout == LayoutPadded:
		want = []int64{int64(plan.Rows), int64(plan.Length), int64(labels)}
	}
	if !shape.Equals(want) {
		return nil, fmt.Errorf("output %s has shape %d, and %d was expected", s.graph.Output, shape, want)
	}
	rows, block := make([][]float32, len(plan.Read)), make([]float32, len(plan.Read)*labels)
	for i, read := range plan.Read {
		at := i
		if s.graph.Layout == LayoutPadded {
			at = int(read)
			if s.pooled {
				at /= plan.Length
			}
		}
		rows[i] = block[i*labels : (i+1)*labels : (i+1)*labels]
		copy(rows[i], data[at*labels:])
	}
	return rows, nil
}

func (s *session) close() {
	if s.past != nil {
		s.past.Destroy() //nolint:errcheck // freeing cannot fail
	}
	s.inner.Destroy() //nolint:errcheck // freeing cannot fail
}
