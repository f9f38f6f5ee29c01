package graphs

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// headOp is a fusion in a gorgonia graph: one Op that calls the backend's PooledHead. It has no gradient, since gradients are
// of graphs without fusions.
type headOp struct {
	step
	backend kernels.Backend
	head    kernels.Head
	width   int
	order   []int64 // 0, 1, …: the rows of a value that another step computed
	states  *States // what stands for the input in this run, if it has Rows; nil: nothing may
}

var _ gorgonia.Op = (*headOp)(nil)

// fuse adds the op of a fusion in place of its last node; the others are in it.
func (b *builder) fuse(f *fusion, node *onnx.Node) error {
	if node.Outputs[0] != f.result {
		return nil
	}
	x := b.values[f.input]
	width := x.dims[len(x.dims)-1]
	dims := append([]int{}, x.dims...)
	dims[len(dims)-1] = f.labels()
	if err := b.spend(size(dims)); err != nil {
		return err
	}
	b.steps++
	op := &headOp{
		step:    step{name: "fused " + f.String(), id: b.steps, size: size(dims), active: make([]bool, 1)},
		backend: b.g.backend, head: f.head, width: width, order: make([]int64, size(x.dims)/width), states: b.stand(f.input),
	}
	for i := range op.order {
		op.order[i] = int64(i)
	}
	out, err := gorgonia.ApplyOp(op, b.on(x))
	b.values[f.result] = &value{dims: dims, rows: x.rows, kind: onnx.Float32, node: out}
	return err
}

// stand is the place of what stands for an input; nil for what is none.
func (b *builder) stand(name string) *States {
	if _, err := find(b.g.inputs, name, "input"); err != nil {
		return nil
	}
	if b.states[name] == nil {
		b.states[name] = &States{}
	}
	return b.states[name]
}

// Do calls the kernel. A panic becomes an error, since the machine's goroutine is not ours to guard.
func (o *headOp) Do(values ...gorgonia.Value) (_ gorgonia.Value, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%s: %v", o.name, cause)
		}
	}()
	from := States{kernels.Matrix(len(o.order), o.width, values[0].(*tensor.Dense).Float32s()), o.order}
	if o.states != nil && o.states.Rows != nil {
		from = *o.states
	}
	out, err := o.backend.PooledHead(from.Matrix, from.Rows, o.head)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	if len(out) != o.size {
		return nil, fmt.Errorf("%s: the backend gave %d numbers, and %d are wanted", o.name, len(out), o.size)
	}
	if o.result == nil {
		o.result = tensor.New(tensor.WithShape(o.size), tensor.WithBacking(make([]float32, o.size)))
	}
	copy(o.result.Float32s(), out)
	return o.result, nil
}
