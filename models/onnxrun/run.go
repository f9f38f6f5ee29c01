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
//
// A forward passes through the stages of its device one by one. It waits for the next where another is, and holds its
// own meanwhile: so forwards stay in the order in which they came, and each stage may be at work on another. What lies
// behind the cache's blocks in a stage's pools is free for the next forward as soon as this one has left the stage.
func (s *Session) Run(ctx context.Context, plan *batching.Plan) (rows [][]float32, err error) {
	if s.longest > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.longest, LateError{s.longest})
		defer cancel()
	}
	room := 0
	if s.graph.Pooled() {
		var leaveRoom func()
		room, leaveRoom = s.places[plan.Device][0].pools.enter() // the same in every stage
		defer leaveRoom()
	}
	feeds, err := s.feeds(plan, room)
	defer feeds.free()
	if err != nil {
		return nil, err
	}
	leave, free := func() {}, func() {} // the stage; what the stage before has left
	defer func() {
		leave()
		free()
	}()
	var before tensors
	for _, st := range s.places[plan.Device] {
		if !plan.Narrow { // which run beside others
			st.turn.Lock()
			leave()
			leave = st.turn.Unlock
		}
		left, freeLeft, err := st.leave(len(plan.IDs))
		freeBefore := free
		free = func() {
			freeBefore()
			freeLeft()
		}
		if err == nil {
			rows, err = s.through(ctx, st, plan, feeds, before, left)
		}
		freeBefore()
		before, free = left, freeLeft
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// through runs one stage, which takes in what was left before it, and leaves its own. The last stage gives rows.
func (s *Session) through(ctx context.Context, st *stage, plan *batching.Plan, feeds, before, left tensors) ([][]float32, error) {
	inner := st.allThreads
	if plan.Narrow {
		inner = st.oneThread
	}
	binding, err := inner.CreateIoBinding()
	if err != nil {
		return nil, err
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	own := tensors{}        // inputs and outputs of this stage
	defer own.free()

	var block []float32
	if st.handed == nil {
		var output ort.Value
		shape := s.outputShape(plan)
		if st.head != nil {
			output, err = st.head.rows(shape)
		} else {
			block = make([]float32, shape.FlattenedSize())
			output, err = ort.NewTensor(shape, block)
		}
		err = bindOutput(binding, own, s.graph.Output, output, err)
	}
	cached, failed := st.bindKeys(binding, plan, own)
	if cached != nil {
		defer cached.close()
	}
	failed = errors.Join(err, failed)
	for name, tensor := range left {
		failed = errors.Join(failed, binding.BindOutput(name, tensor))
	}
	for _, given := range []tensors{feeds, before} {
		for name, tensor := range given {
			if slices.Contains(st.inputs, name) {
				failed = errors.Join(failed, binding.BindInput(name, tensor))
			}
		}
	}
	if failed != nil {
		return nil, failed
	}
	if err := s.threads.Run(ctx, inner, binding); err != nil {
		return nil, s.room(st, len(plan.IDs), err)
	}
	if err := st.wait(); err != nil {
		return nil, err
	}
	if cached != nil && len(plan.Keep) > 0 {
		if err := cached.keep(); err != nil {
			return nil, err
		}
		if err := st.wait(); err != nil {
			return nil, err
		}
	}
	switch {
	case st.handed != nil:
		return nil, nil
	case st.head != nil:
		return st.head.readings(s.readRows(plan))
	}
	return s.pick(block, plan), nil
}

// bindKeys gives the graph the keys and values of the tokens before the plan's, and room for those of its own that are
// kept. What it gives besides an error must be closed; it is nil where keys and values lie in pools, or none are
// cached.
func (st *stage) bindKeys(binding *ort.IoBinding, plan *batching.Plan, own tensors) (cached forwardKV, err error) {
	if st.of.Pooled() {
		return nil, st.bindPools(binding, own)
	}
	if len(plan.Past)+len(plan.Keep) > 0 {
		if cached, err = st.store.open(plan); err != nil {
			return nil, err
		}
	}
	failed := st.bindPast(binding, plan, cached, own)
	if len(plan.Keep) > 0 {
		for i, name := range st.presents {
			present, err := cached.present(i)
			failed = errors.Join(failed, bindOutput(binding, own, name, present, err))
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

// bindInput gives the graph an input, which is among own from now on. err is why the value could not be made, or nil.
func bindInput(binding *ort.IoBinding, own tensors, name string, value ort.Value, err error) error {
	if err != nil {
		return fmt.Errorf("input %s: %w", name, err)
	}
	own[name] = value
	return binding.BindInput(name, value)
}

// bindOutput is bindInput of an output, into which the graph writes.
func bindOutput(binding *ort.IoBinding, own tensors, name string, value ort.Value, err error) error {
	if err != nil {
		return fmt.Errorf("output %s: %w", name, err)
	}
	own[name] = value
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
