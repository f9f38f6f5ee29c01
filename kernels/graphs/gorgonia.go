package graphs

import (
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// step is an operation of a head graph: a gorgonia Op with a gradient. Every value is a vector of float32, whatever its
// dimensions are in the file, so a step's shapes are fixed when it is made.
//
// Gorgonia's own operations are used for the sums of gradients only. For the rest they stand in the way of a server: a
// panic in one ends the process, since the machine runs on a goroutine of its own; each allocates its result at every run;
// Erf and LayerNorm are missing, broadcasting ends at four axes and gathers take one axis of indices; and how products
// add up is left to a BLAS (product.go).
type step struct {
	name   string // for messages
	id     uint32 // no two steps of a graph have the same
	size   int    // numbers in the result
	run    func(out []float32, in [][]float32)
	active []bool // for each input, whether a gradient is wanted
	grad   gradient

	result *tensor.Dense // made at the first run and written by each; belongs to the graph's machine
	in     [][]float32   // the inputs of one run
}

// gradient makes, from the gradient g of a step's output, those of its inputs; nil where a step's input is not active.
type gradient func(in gorgonia.Nodes, out, g *gorgonia.Node) (gorgonia.Nodes, error)

var _ gorgonia.SDOp = (*step)(nil)

// vector is the type of every value.
var vector = gorgonia.TensorType{Dims: 1, Of: tensor.Float32}

// Do runs the step. A panic becomes an error, since the machine's goroutine is not ours to guard.
func (s *step) Do(values ...gorgonia.Value) (_ gorgonia.Value, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%s: %v", s.name, cause)
		}
	}()
	if s.result == nil {
		s.result = tensor.New(tensor.WithShape(s.size), tensor.WithBacking(make([]float32, s.size)))
		s.in = make([][]float32, len(s.active))
	}
	for i, v := range values {
		s.in[i] = v.(*tensor.Dense).Float32s()
	}
	s.run(s.result.Float32s(), s.in)
	return s.result, nil
}

// SymDiff gives the gradients of the inputs.
func (s *step) SymDiff(in gorgonia.Nodes, out, g *gorgonia.Node) (gorgonia.Nodes, error) {
	if s.grad == nil {
		return nil, fmt.Errorf("%s has no gradient", s.name)
	}
	return s.grad(in, out, g)
}

// DiffWRT says for which inputs SymDiff is wanted.
func (s *step) DiffWRT(int) []bool { return s.active }

// Arity is the number of inputs.
func (s *step) Arity() int { return len(s.active) }

// Type is vector → … → vector.
func (s *step) Type() hm.Type {
	types := make([]hm.Type, len(s.active)+1)
	for i := range types {
		types[i] = vector
	}
	return hm.NewFnType(types...)
}

// InferShape is [size].
func (s *step) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape{s.size}, nil
}

// ReturnsPtr is true: the result is the step's own.
func (*step) ReturnsPtr() bool { return true }

// CallsExtern is false: with true the machine would allocate a result beside the step's.
func (*step) CallsExtern() bool { return false }

// OverwritesInput is none.
func (*step) OverwritesInput() int { return -1 }

// WriteHash tells the step apart: gorgonia merges nodes of one hash.
func (s *step) WriteHash(h hash.Hash) {
	var id [4]byte
	binary.LittleEndian.PutUint32(id[:], s.id)
	h.Write(id[:])
}

// Hashcode is the step's number.
func (s *step) Hashcode() uint32 { return s.id }

func (s *step) String() string { return s.name }

// tape makes the nodes of one gorgonia graph.
type tape struct {
	graph *gorgonia.ExprGraph
	steps uint32
}

// apply adds a step. active may be nil: no input wants a gradient.
func (t *tape) apply(name string, size int, run func(out []float32, in [][]float32), active []bool, grad gradient, in ...*gorgonia.Node) (*gorgonia.Node, error) {
	if active == nil {
		active = make([]bool, len(in))
	}
	t.steps++
	return gorgonia.ApplyOp(&step{name: name, id: t.steps, size: size, run: run, active: active, grad: grad}, in...)
}

// input adds a vector that holds the numbers of data, which stay the caller's.
func (t *tape) input(name string, data []float32) *gorgonia.Node {
	value := tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data))
	return gorgonia.NewVector(t.graph, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(len(data)), gorgonia.WithValue(value))
}

// collision finds two nodes of one hash. Gorgonia compares hashes of 32 bits only when it compiles a graph, and would
// take one such node for the other.
func (t *tape) collision() error {
	seen := map[uint32]*gorgonia.Node{}
	for _, node := range t.graph.AllNodes() {
		if other := seen[node.Hashcode()]; other != nil && other != node {
			return fmt.Errorf("nodes %d and %d of the graph have the same hash", other.ID(), node.ID())
		}
		seen[node.Hashcode()] = node
	}
	return nil
}
