package graphs

import (
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// This is the one file that knows gorgonia, which gives the graph, its differentiation and the machine that runs it.
// The operations are ours: steps. A test holds that no other file imports it.
//
// Gorgonia's own operations are used for the sums of gradients only. For the rest they stand in the way of a server: a
// panic in one ends the process, since the machine runs on a goroutine of its own; each allocates its result at every
// run; Erf and LayerNorm are missing, broadcasting ends at four axes and gathers take one axis of indices; and how
// products add up is left to a BLAS (product.go).

// vector is a node of a graph: numbers of float32, of a length that is fixed when the node is made. Whatever dimensions
// a value has in the file, here it is a vector.
type vector struct{ node *gorgonia.Node }

// numbers is what the vector held when the graph's machine last ran. It belongs to the machine.
func (v *vector) numbers() []float32 { return v.node.Value().(*tensor.Dense).Float32s() }

// gradient makes, from the gradient g of a step's output, those of its inputs; nil where a step's input is not active.
type gradient func(in []*vector, out, g *vector) ([]*vector, error)

// tape makes the nodes of one graph.
type tape struct {
	graph *gorgonia.ExprGraph
	steps uint32
}

func newTape() tape { return tape{graph: gorgonia.NewGraph()} }

// input adds a vector that holds the numbers of data, which stay the caller's.
func (t *tape) input(name string, data []float32) *vector {
	value := tensor.New(tensor.WithShape(len(data)), tensor.WithBacking(data))
	return &vector{gorgonia.NewVector(t.graph, tensor.Float32, gorgonia.WithName(name), gorgonia.WithShape(len(data)), gorgonia.WithValue(value))}
}

// apply adds a step of size numbers. active may be nil: no input wants a gradient.
func (t *tape) apply(name string, size int, run func(out []float32, in [][]float32), active []bool, grad gradient, in ...*vector) (*vector, error) {
	cannotFail := func(out []float32, in [][]float32) error {
		run(out, in)
		return nil
	}
	if active == nil {
		active = make([]bool, len(in))
	}
	return t.add(&step{name: name, size: size, run: cannotFail, active: active, grad: grad}, in)
}

// attempt adds a step that may fail and has no gradient.
func (t *tape) attempt(name string, size int, run func(out []float32, in [][]float32) error, in ...*vector) (*vector, error) {
	return t.add(&step{name: name, size: size, run: run, active: make([]bool, len(in))}, in)
}

func (t *tape) add(s *step, in []*vector) (*vector, error) {
	t.steps++
	s.id = t.steps
	node, err := gorgonia.ApplyOp(s, nodes(in)...)
	return &vector{node}, err
}

// gradient adds the gradient by a vector of the sum of another's numbers, each times the seed's number at its place.
func (t *tape) gradient(of *vector, seed []float32, by *vector) (*vector, error) {
	found, err := gorgonia.Backpropagate(gorgonia.Nodes{of.node}, gorgonia.Nodes{t.input("seed", seed).node}, gorgonia.Nodes{by.node})
	if err != nil {
		return nil, err
	}
	return &vector{found[0]}, t.collision()
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

// machine runs a graph, one run at a time.
type machine struct{ vm gorgonia.VM }

// compile makes the graph's machine. A panic in gorgonia becomes an error.
func (t *tape) compile() (m machine, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	return machine{gorgonia.NewTapeMachine(t.graph)}, nil
}

// run computes every vector of the graph from what its inputs hold.
func (m machine) run() error {
	m.vm.Reset()
	return m.vm.RunAll()
}

// nodes gives the nodes of vectors, nil where there is none.
func nodes(of []*vector) gorgonia.Nodes {
	nodes := make(gorgonia.Nodes, len(of))
	for i, v := range of {
		if v != nil {
			nodes[i] = v.node
		}
	}
	return nodes
}

// step is an operation of a head graph: a gorgonia Op with a gradient. It gives one vector.
type step struct {
	name   string // for messages
	id     uint32 // no two steps of a graph have the same
	size   int    // numbers in the result
	run    func(out []float32, in [][]float32) error
	active []bool // for each input, whether a gradient is wanted
	grad   gradient

	result *tensor.Dense // made at the first run and written by each; belongs to the graph's machine
	in     [][]float32   // the inputs of one run
}

var _ gorgonia.SDOp = (*step)(nil)

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
	if err := s.run(s.result.Float32s(), s.in); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.result, nil
}

// SymDiff gives the gradients of the inputs.
func (s *step) SymDiff(in gorgonia.Nodes, out, g *gorgonia.Node) (gorgonia.Nodes, error) {
	if s.grad == nil {
		return nil, fmt.Errorf("%s has no gradient", s.name)
	}
	vectors := make([]*vector, len(in))
	for i, node := range in {
		vectors[i] = &vector{node}
	}
	grads, err := s.grad(vectors, &vector{out}, &vector{g})
	return nodes(grads), err
}

// DiffWRT says for which inputs SymDiff is wanted.
func (s *step) DiffWRT(int) []bool { return s.active }

// Arity is the number of inputs.
func (s *step) Arity() int { return len(s.active) }

// Type is vector → … → vector.
func (s *step) Type() hm.Type {
	types := make([]hm.Type, len(s.active)+1)
	for i := range types {
		types[i] = gorgonia.TensorType{Dims: 1, Of: tensor.Float32}
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
