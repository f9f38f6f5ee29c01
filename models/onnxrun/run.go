package onnxrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
)

// Run computes one plan and gives the row of each position in plan.Read. A row has the graph's labels or, where the
// head is a graph of its own, the numbers that the head takes; unless the head is on the device and reads them there,
// for then a row has labels again. Keys and values leave the graph only when the plan keeps some. A forward that takes
// longer than it may, or outlives ctx, is ended between two operators.
func (s *Session) Run(ctx context.Context, plan *batching.Plan) ([][]float32, error) {
	inner := s.allThreads[plan.Device]
	if plan.Narrow {
		inner = s.oneThread
	}
	feeds, err := s.feeds(plan)
	defer feeds.free()
	if err != nil {
		return nil, err
	}
	binding, err := inner.CreateIoBinding()
	if err != nil {
		return nil, err
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	outputs := tensors{}
	defer outputs.free()

	shape := s.outputShape(plan)
	var block []float32
	var head placedHead
	var output ort.Value
	if len(s.heads) > 0 {
		head = s.heads[plan.Device]
		output, err = head.rows(shape)
	} else {
		block = make([]float32, shape.FlattenedSize())
		output, err = ort.NewTensor(shape, block)
	}
	failed := bindOutput(binding, outputs, s.graph.Output, output, err)
	cached, err := s.bindKeys(binding, plan, feeds, outputs)
	if cached != nil {
		defer cached.close()
	}
	failed = errors.Join(failed, err)
	for name, tensor := range feeds {
		failed = errors.Join(failed, binding.BindInput(name, tensor))
	}
	if failed != nil {
		return nil, failed
	}
	if err := s.compute(ctx, inner, binding); err != nil {
		return nil, err
	}
	if err := s.wait(plan.Device); err != nil {
		return nil, err
	}
	if cached != nil && len(plan.Keep) > 0 {
		if err := cached.keep(); err != nil {
			return nil, err
		}
		if err := s.wait(plan.Device); err != nil {
			return nil, err
		}
	}
	if head != nil {
		return head.readings(s.readRows(plan))
	}
	return s.pick(block, plan), nil
}

// bindKeys gives the graph the keys and values of the tokens before the plan's, and room for those of its own that are
// kept. What it gives besides an error must be closed; it is nil where keys and values lie in pools, or none are
// cached.
func (s *Session) bindKeys(binding *ort.IoBinding, plan *batching.Plan, feeds, outputs tensors) (cached forwardKV, err error) {
	if s.graph.Pooled() {
		return nil, s.bindPools(binding, s.pools[plan.Device], feeds, outputs)
	}
	if len(plan.Past)+len(plan.Keep) > 0 {
		if cached, err = s.stores[plan.Device].open(plan); err != nil {
			return nil, err
		}
	}
	failed := s.bindPast(binding, plan, cached, feeds)
	if len(plan.Keep) > 0 {
		for i, name := range s.presents {
			present, err := cached.present(i)
			failed = errors.Join(failed, bindOutput(binding, outputs, name, present, err))
		}
	}
	return cached, failed
}

// LateError is the error of a forward that was ended because it took longer than it may.
type LateError struct{ Longest time.Duration }

// Error says so.
func (e LateError) Error() string {
	return fmt.Sprintf("it was ended because it took longer than %s", e.Longest)
}

// compute runs what is bound, for as long as a forward may take.
func (s *Session) compute(ctx context.Context, session *ort.DynamicAdvancedSession, binding *ort.IoBinding) error {
	if s.longest > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.longest, LateError{s.longest})
		defer cancel()
	}
	return s.threads.Run(ctx, session, binding)
}

// bindOutput has the graph write an output into a value. err is why the value could not be made, or nil.
func bindOutput(binding *ort.IoBinding, outputs tensors, name string, value ort.Value, err error) error {
	if err != nil {
		return fmt.Errorf("output %s: %w", name, err)
	}
	outputs[name] = value
	return binding.BindOutput(name, value)
}

// outputShape is the shape of graph.output: (positions read, columns) of a packed graph, (rows, columns) of a padded
// one that pools, else (rows, length, columns).
func (s *Session) outputShape(plan *batching.Plan) ort.Shape {
	columns := int64(s.graph.Columns())
	switch {
	case s.graph.Packed():
		return ort.Shape{int64(len(plan.Read)), columns}
	case s.pooled:
		return ort.Shape{int64(plan.Rows), columns}
	}
	return ort.Shape{int64(plan.Rows), int64(plan.Length), columns}
}

// readRows are the indices of the output's rows that are read, in the order of plan.Read.
func (s *Session) readRows(plan *batching.Plan) []int64 {
	if !s.graph.Packed() && !s.pooled {
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

// pick gives the rows of an output that are read. A packed graph gives no others.
func (s *Session) pick(output []float32, plan *batching.Plan) [][]float32 {
	columns := s.graph.Columns()
	if s.graph.Packed() {
		return slices.Collect(slices.Chunk(output, columns))
	}
	block := make([]float32, 0, len(plan.Read)*columns)
	for _, at := range s.readRows(plan) {
		block = append(block, output[int(at)*columns:][:columns]...)
	}
	return slices.Collect(slices.Chunk(block, columns))
}
