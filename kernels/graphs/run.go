package graphs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/assay-rm/assay/kernels/onnx"
)

// Run computes every output for the rows of the inputs, of which there is at least one. Inputs are named; each that has
// rows has the same number of them. Inputs are read only; the outputs are the caller's. A reading that overflowed is
// returned as it is, infinite or NaN, so that one row cannot spoil the others.
func (g *Graph) Run(inputs map[string]Tensor) (map[string]Tensor, error) {
	return g.RunStates(inputs, nil)
}

// RunStates is Run with some inputs given as states instead, which only fused ops may read: an error names what else
// does. The graph was loaded on a backend then. Of states no number is checked: a row with one that is not finite gets
// what comes of it, and no other row does.
func (g *Graph) RunStates(inputs map[string]Tensor, states map[string]States) (map[string]Tensor, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return nil, ErrClosed
	}
	in := given{inputs, states}
	rows, err := g.check(in)
	if err != nil {
		return nil, err
	}
	outputs := make(map[string]Tensor, len(g.outputs))
	for _, output := range g.outputs {
		dims := append([]int{rows}, output.Dims[1:]...)
		outputs[output.Name] = Tensor{dims, make([]float32, size(dims))}
	}
	err = g.inBatches(rows, in, key{}, true, g.forward, func(p *program, from, n int) {
		for i, output := range g.outputs {
			copyRows(outputs[output.Name].Data, p.result(i), p.key.rows, from, n)
		}
	})
	if err != nil {
		return nil, err
	}
	return outputs, nil
}

// copyRows copies the first n of a program's rows to those of out from row from on.
func copyRows(out, got []float32, rows, from, n int) {
	width := len(got) / rows
	copy(out[from*width:], got[:n*width])
}

// forward makes the program of all outputs, with the fused ops.
func (g *Graph) forward(k key) (*program, error) {
	b := g.builder(k.rows, g.outputNames(), "", false)
	b.fused = map[*onnx.Node]*fusion{}
	for _, f := range g.fusions {
		for _, node := range f.nodes {
			b.fused[node] = f
		}
	}
	b, err := b.build(g.outputNames())
	if err != nil {
		return nil, err
	}
	var results []*vector
	for _, output := range g.outputs {
		results = append(results, b.values[output.Name].node)
	}
	return compile(k, b, results)
}

// inBatches cuts the rows into batches of powers of two and calls done after each with its first row and their number.
// Seven programs then serve every number of rows: making one for each number would cost 0.4 to 0.9 ms every time, and a
// run of its own costs 0.03. With pad a batch may be filled up with copies of its last row, if with an eighth of it at
// most.
func (g *Graph) inBatches(rows int, in given, k key, pad bool, create func(key) (*program, error), done func(p *program, from, n int)) error {
	for from := 0; from < rows; from += k.rows {
		left := rows - from
		for k.rows = g.batch; k.rows > left && (!pad || 8*(k.rows-left) > k.rows); {
			k.rows /= 2
		}
		n := min(k.rows, left)
		p, err := g.programs.borrow(k, func() (*program, error) { return create(k) })
		if err != nil {
			return err
		}
		p.feed(g.inputs, in, from, n)
		if err := p.run(); err != nil {
			return err
		}
		done(p, from, n)
		p.forget()
		g.programs.give(p)
	}
	return nil
}

// check proves that inputs are those of the graph, finite, and of one number of rows, which it returns.
func (g *Graph) check(in given) (rows int, err error) {
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(in.tensors)), slices.Sorted(maps.Keys(in.states))) {
		if _, err := find(g.inputs, name, "input"); err != nil {
			return 0, err
		}
	}
	for _, input := range g.inputs {
		own, err := g.rowsOfInput(input, in)
		if err != nil {
			return 0, err
		}
		if !input.Rows() {
			continue
		}
		if rows != 0 && own != rows {
			return 0, fmt.Errorf("input %q has %d rows, and another has %d", input.Name, own, rows)
		}
		rows = own
	}
	return rows, nil
}

// rowsOfInput proves that an input is given once and fits, and gives the length of its first axis.
func (g *Graph) rowsOfInput(input Value, in given) (int, error) {
	t, ok := in.tensors[input.Name]
	s, stand := in.states[input.Name]
	switch {
	case ok && stand:
		return 0, fmt.Errorf("input %q is given as numbers and as states", input.Name)
	case stand:
		return len(s.Rows), g.acceptsStates(input, s)
	case !ok:
		return 0, fmt.Errorf("input %q is missing", input.Name)
	}
	if err := input.accepts(t); err != nil || len(t.Dims) == 0 {
		return 0, err
	}
	return t.Dims[0], nil
}

// accepts proves that a tensor has the dimensions of an input and is finite.
func (v Value) accepts(t Tensor) error {
	wrong := len(t.Dims) != len(v.Dims)
	count := 1
	for i, d := range t.Dims {
		wrong = wrong || d < 1 || (v.Dims[i] >= 0 && d != v.Dims[i]) || count > len(t.Data)/d
		if wrong {
			break
		}
		count *= d
	}
	if wrong || count != len(t.Data) {
		return fmt.Errorf("input %q has dimensions %v and %d numbers, and %v is wanted", v.Name, t.Dims, len(t.Data), v.Dims)
	}
	if i, ok := finite(t.Data); !ok {
		return fmt.Errorf("input %q: number %d, at %v, is %g", v.Name, i, place(t.Dims, i), t.Data[i])
	}
	return nil
}

// place gives the coordinates of element i of an array of dims.
func place(dims []int, i int) []int {
	at := strides(dims)
	for axis, stride := range at {
		at[axis], i = i/stride, i%stride
	}
	return at
}

// column proves that a label names a number of an output's row; the output must be [rows, labels], or [rows] with label
// 0.
func (g *Graph) column(output string, label int) error {
	v, err := find(g.outputs, output, "output")
	if err != nil {
		return err
	}
	if len(v.Dims) > 2 {
		return fmt.Errorf("output %q has dimensions %v, and [rows, labels] is wanted", output, v.Dims)
	}
	if labels := size(v.Dims[1:]); label < 0 || label >= labels {
		return fmt.Errorf("label %d of output %q, which has %d", label, output, labels)
	}
	return nil
}

var errUnread = errors.New("no path leads from the input to the output")

// reads says whether an output depends on an input.
func (g *Graph) reads(output, input string) error {
	if _, err := find(g.inputs, input, "input"); err != nil {
		return err
	}
	if !g.ancestors([]string{output})[input] {
		return fmt.Errorf("gradient of output %q by input %q: %w", output, input, errUnread)
	}
	return nil
}
