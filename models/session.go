package models

import (
	"context"
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/inplace"
)

// session runs the plans of one graph on ONNX Runtime. It is a [batching.Runner].
type session struct {
	graph   *GraphSpec
	device  Device
	runtime *inplace.Runtime
	threads *inplace.Threads
	types   *int64 // token types are 1 behind the first of this id; nil: all 0
	inputs  []string
	wide    []*ort.DynamicAdvancedSession // of each device: a forward has all threads
	narrow  *ort.DynamicAdvancedSession   // a forward has the thread that calls; nil: there is none
	pooled  bool                          // padded: the graph pools, output [B, columns]

	// Of each device, where forwards run on GPUs and the build has our kernels; else none.
	gpus  []accelerator
	heads []placedHead // of a graph whose head is another, if it can be there

	// Packed.
	pasts    []string // inputs, keys and values of each layer
	presents []string // outputs, beside pasts; nil: the graph gives none, and nothing can be cached
	noPast   *ort.Tensor[float32]
	stores   []store // of each device's key-value cache; none: nothing is cached
}

var _ batching.Runner = (*session)(nil)

// laneBytes is the largest graph that is loaded a second time for narrow forwards. A larger one keeps all threads busy by itself, and
// its second copy would be dear.
const laneBytes = 512 << 20

// newSession loads the bundle's graph from its file or, without one, from its content: once for each GPU; or else once for forwards on
// all threads and, where there are several and the graph is small, once for forwards on one.
func newSession(b *bundle, threads int, device Device) (*session, error) {
	manifest, file := &b.manifest, b.graph
	s := &session{graph: &manifest.Graph, device: device, types: manifest.Tokenizer.TypeAfter, pooled: manifest.Pooling == PoolInGraph}
	var err error
	if s.runtime, err = inplace.Attach(loadedRuntime()); err != nil {
		return nil, err
	}
	s.threads = s.runtime.NewThreads()
	for _, input := range file.inputs {
		s.inputs = append(s.inputs, input.name)
	}
	if err := s.findPast(file); err != nil {
		return nil, err
	}
	load := func(threads int, cuda map[string]string) (*ort.DynamicAdvancedSession, error) {
		options, err := sessionOptions(threads)
		if err != nil {
			return nil, err
		}
		defer options.Destroy() //nolint:errcheck // freeing cannot fail
		if cuda != nil {
			if err := appendCUDA(options, cuda); err != nil {
				return nil, err
			}
		}
		outputs := []string{s.graph.Output}
		if b.graphPath != "" {
			return ort.NewDynamicAdvancedSession(b.graphPath, s.inputs, outputs, options)
		}
		return ort.NewDynamicAdvancedSessionWithONNXData(b.content, s.inputs, outputs, options)
	}
	for place, number := range device.GPUs {
		if err := s.openGPU(number); err != nil {
			return s, err
		}
		inner, err := load(threads, device.cudaOptions(number, s.stream(place)))
		if err != nil {
			return s, err
		}
		s.wide = append(s.wide, inner)
	}
	if device.OnGPU() {
		return s, s.placeHeads(manifest, b.head)
	}
	inner, err := load(threads, nil)
	if err != nil {
		return s, err
	}
	s.wide = append(s.wide, inner)
	if threads > 1 && len(file.external) == 0 && b.graphBytes <= laneBytes {
		s.narrow, err = load(1, nil)
	}
	return s, err
}

// freeNarrow lets go of the second copy, for a model whose forwards are better off with all threads.
func (s *session) freeNarrow() {
	if s.narrow != nil {
		s.narrow.Destroy() //nolint:errcheck // freeing cannot fail
		s.narrow = nil
	}
}

func sessionOptions(threads int) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	return options, errors.Join(
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		options.SetMemPattern(false), // shapes differ from run to run
		options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1"),
		options.AddSessionConfigEntry("session.force_spinning_stop", "1"),
	)
}

// Run computes one plan and gives the rows read, (len(plan.Read), labels), or of a graph whose head is another (len(plan.Read), width).
func (s *session) Run(_ context.Context, plan *batching.Plan) ([][]float32, error) {
	inner := s.wide[plan.Device]
	if plan.Narrow {
		inner = s.narrow
	}
	feeds, err := s.feeds(plan)
	defer feeds.free()
	if err != nil {
		return nil, err
	}
	return s.runBound(inner, plan, feeds)
}

// tensors are a forward's own, by name.
type tensors map[string]ort.Value

func (t tensors) free() {
	for _, tensor := range t {
		tensor.Destroy() //nolint:errcheck // freeing cannot fail
	}
}

// feeds gives the plan's arrays by input name, without past keys and values.
func (s *session) feeds(plan *batching.Plan) (tensors, error) {
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
	if s.graph.Layout == LayoutPacked {
		t, r, q, k := int64(len(plan.IDs)), int64(plan.Tiles), int64(plan.Queries), int64(plan.Keys)
		feed("input_ids", plan.IDs, t)
		feed("position_ids", plan.Positions, t)
		if slices.Contains(s.inputs, "past_position_ids") {
			feed("past_position_ids", plan.PastPositions, int64(len(plan.PastPositions)))
		}
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

// outputShape is that of the output that is read: (…, columns).
func (s *session) outputShape(plan *batching.Plan) []int64 {
	columns := int64(s.graph.columns())
	switch {
	case s.graph.Layout == LayoutPacked:
		return []int64{int64(len(plan.Read)), columns}
	case s.pooled:
		return []int64{int64(plan.Rows), columns}
	}
	return []int64{int64(plan.Rows), int64(plan.Length), columns}
}

// readRows are the output's rows that are read, in the plan's order.
func (s *session) readRows(plan *batching.Plan) []int64 {
	if s.graph.Layout != LayoutPacked && !s.pooled {
		return plan.Read
	}
	rows := make([]int64, len(plan.Read))
	for i, read := range plan.Read {
		rows[i] = int64(i)
		if s.pooled {
			rows[i] = read / int64(plan.Length)
		}
	}
	return rows
}

// pick copies the rows that are read out of an output, unless it is these rows.
func (s *session) pick(output []float32, read []int64) [][]float32 {
	columns := s.graph.columns()
	if s.graph.Layout == LayoutPacked {
		return rowsOf(output, columns)
	}
	block := make([]float32, 0, len(read)*columns)
	for _, at := range read {
		block = append(block, output[int(at)*columns:][:columns]...)
	}
	return rowsOf(block, columns)
}

// rowsOf cuts a block into rows of that many values.
func rowsOf(block []float32, labels int) [][]float32 {
	rows := make([][]float32, len(block)/labels)
	for i := range rows {
		rows[i] = block[i*labels : (i+1)*labels : (i+1)*labels]
	}
	return rows
}

func (s *session) close() {
	if s.noPast != nil {
		s.noPast.Destroy() //nolint:errcheck // freeing cannot fail
	}
	s.threads.Close()
	s.freeNarrow()
	for _, inner := range s.wide {
		inner.Destroy() //nolint:errcheck // freeing cannot fail
	}
	for _, store := range s.stores {
		store.free()
	}
	for _, head := range s.heads {
		head.close() //nolint:errcheck // what fails here has failed a forward before
	}
	for _, gpu := range s.gpus {
		gpu.close() //nolint:errcheck // likewise
	}
}
