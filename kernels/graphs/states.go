package graphs

import (
	"fmt"

	"github.com/assay-rm/assay/kernels"
)

// States stand for an input [rows, width]: its row i is row Rows[i] of Matrix. They may lie on the device of the
// graph's backend, as an output of ONNX Runtime's CUDA provider does: then only readings cross the bus. The host's
// backend reads those of 16 bits too; a device has no kernel for them yet.
type States struct {
	Matrix kernels.Tensor // (positions, width)
	Rows   []int64        // at least one; a position may come twice
}

// given is what a run reads; an input is in one of the two.
type given struct {
	tensors map[string]Tensor
	states  map[string]States
}

// part gives n of the rows, from row from on, filled up to fill with the last; nothing of nothing.
func (s States) part(from, n, fill int) States {
	if s.Rows == nil {
		return States{}
	}
	rows := append(make([]int64, 0, fill), s.Rows[from:from+n]...)
	for len(rows) < fill {
		rows = append(rows, rows[n-1])
	}
	return States{s.Matrix, rows}
}

// ReadsStates tells whether states can stand for an input: nil, or an error that names what stands in the way.
func (g *Graph) ReadsStates(input string) error {
	if _, err := find(g.inputs, input, "input"); err != nil {
		return err
	}
	if g.backend == nil {
		return fmt.Errorf("input %q is given as states, and the graph was loaded without a backend", input)
	}
	if why := g.reader[input]; why != "" {
		return fmt.Errorf("input %q is given as states, which fused ops alone must read: %s", input, why)
	}
	return nil
}

// acceptsStates proves that these states can stand for an input.
func (g *Graph) acceptsStates(input Value, s States) error {
	if err := g.ReadsStates(input.Name); err != nil {
		return err
	}
	if len(input.Dims) != 2 || !input.Rows() || s.Matrix.Cols != input.Dims[1] {
		return fmt.Errorf("input %q: states of %d numbers, and dimensions %v are wanted", input.Name, s.Matrix.Cols, input.Dims)
	}
	if err := s.Matrix.Check("states"); err != nil {
		return fmt.Errorf("input %q: %w", input.Name, err)
	}
	if len(s.Rows) == 0 {
		return fmt.Errorf("input %q: states of no rows, and at least one is wanted", input.Name)
	}
	for i, at := range s.Rows {
		if at < 0 || at >= int64(s.Matrix.Rows) {
			return fmt.Errorf("input %q: row %d is position %d, and the states have %d", input.Name, i, at, s.Matrix.Rows)
		}
	}
	return nil
}
