package graphs

import (
	"fmt"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/onnx"
)

// fuse adds the step of a fusion in place of its last node; the others are in it. The step calls the backend's
// PooledHead. It has no gradient, since gradients are of graphs without fusions.
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
	order := make([]int64, size(x.dims)/width) // 0, 1, …: the rows of a value that another step computed
	for i := range order {
		order[i] = int64(i)
	}
	states := b.stand(f.input)
	out, err := b.attempt("fused "+f.String(), size(dims), func(out []float32, in [][]float32) error {
		from := States{kernels.Matrix(len(order), width, in[0]), order}
		if states != nil && states.Rows != nil {
			from = *states
		}
		got, err := b.g.backend.PooledHead(from.Matrix, from.Rows, f.head)
		if err == nil && len(got) != len(out) {
			err = fmt.Errorf("the backend gave %d numbers, and %d are wanted", len(got), len(out))
		}
		copy(out, got)
		return err
	}, b.on(x))
	b.values[f.result] = &value{dims: dims, rows: x.rows, kind: onnx.Float32, node: out}
	return err
}

// stand is the place of what stands for an input in a run, if it has Rows; nil for what is no input.
func (b *builder) stand(name string) *States {
	if _, err := find(b.g.inputs, name, "input"); err != nil {
		return nil
	}
	if b.states[name] == nil {
		b.states[name] = &States{}
	}
	return b.states[name]
}
