package graphs

import (
	"fmt"
)

// Gradient says how one label of an output moves with an input: for an input with rows, the gradient [rows, …] of each
// row's reading by that row's numbers; for one without rows, the sum over the rows. The output must be [rows, labels],
// or [rows] with label 0. At corners the slope is PyTorch's: 0 at Relu's, 1 at Clip's borders, shared among equals of a
// maximum. Inputs are as Run has them. The host computes gradients, also of a graph that was loaded on a backend.
func (g *Graph) Gradient(inputs map[string]Tensor, output string, label int, input string) (Tensor, error) {
	if err := g.column(output, label); err != nil {
		return Tensor{}, err
	}
	if err := g.reads(output, input); err != nil {
		return Tensor{}, err
	}
	rows, err := g.check(given{tensors: inputs})
	if err != nil {
		return Tensor{}, err
	}
	by, err := find(g.inputs, input, "input")
	if err != nil {
		return Tensor{}, err
	}
	dims := append([]int{}, by.Dims...)
	if by.Rows() {
		dims[0] = rows
	}
	out := Tensor{dims, make([]float32, size(dims))}
	var sums []float64 // of an input without rows
	if !by.Rows() {
		sums = make([]float64, len(out.Data))
	}
	err = g.inBatches(rows, given{tensors: inputs}, key{output: output, label: label, input: input}, by.Rows(), g.backward, func(p *program, from, n int) {
		got := p.result(0)
		if by.Rows() {
			copyRows(out.Data, got, p.key.rows, from, n)
			return
		}
		for i, v := range got {
			sums[i] += float64(v)
			out.Data[i] = float32(sums[i])
		}
	})
	if err != nil {
		return Tensor{}, err
	}
	return out, nil
}

// backward makes the program of one gradient.
func (g *Graph) backward(k key) (*program, error) {
	b, err := g.build(k.rows, []string{k.output}, k.input, false)
	if err != nil {
		return nil, err
	}
	score := b.values[k.output]
	if !score.active {
		return nil, fmt.Errorf("gradient of output %q by input %q: %w", k.output, k.input, errUnread)
	}
	labels := size(score.dims) / k.rows
	seed := make([]float32, k.rows*labels)
	for i := k.label; i < len(seed); i += labels {
		seed[i] = 1
	}
	slope, err := b.gradient(score.node, seed, b.leaf)
	if err != nil {
		return nil, fmt.Errorf("gradient of output %q by input %q: %w", k.output, k.input, err)
	}
	return compile(k, b, []*vector{slope})
}
