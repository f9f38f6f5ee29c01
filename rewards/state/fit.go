package state

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// nearZero is added to each squared distance of a fit, so that the distance has a slope where a text is the ideal
// point.
const nearZero = 1e-12

// fitted is a user of pairs: plain gradient descent from 0 (of weights: from equal ones) on the mean of
// log(1 + e^−(reward of chosen − reward of rejected)) and decay · ‖·‖² / 2, whose gradient is a gorgonia graph's.
func (s *Spec) fitted(pairs []keptPair) (*user, error) {
	f, err := s.newFit(pairs)
	if err == nil {
		err = f.descend(*s.Rate, s.Steps)
	}
	if err != nil {
		return nil, err
	}
	c := &user{Pairs: pairs, Vector: f.found, Before: f.before, After: f.after}
	if s.Fit == fitWeights {
		c.Weights, c.Vector = ops.Softmax(f.found), make([]float64, s.Width)
		for k, prototype := range s.Prototypes {
			for i, x := range prototype {
				c.Vector[i] += c.Weights[k] * x
			}
		}
	}
	for _, x := range append([]float64{f.before, f.after}, c.Vector...) {
		if !ops.Finite(x) || math.Abs(x) > math.MaxFloat32 {
			return nil, invalid("pairs", "the fit diverges; the state's rate is %g", *s.Rate)
		}
	}
	return c, nil
}

// fit is the graph of one fit. A panic of gorgonia would end the process, so every shape is fixed here: n pairs, and
// width variables.
type fit struct {
	graph         *gorgonia.ExprGraph
	free          *gorgonia.Node // the variables, (width)
	loss          *gorgonia.Node
	found         []float64 // what the variables hold
	before, after float64
	err           error // the first of the graph's making
}

// newFit makes the graph. A text enters as its products with the axes: its own numbers, or its products with the
// prototypes; so ‖e − u‖² is ‖e‖² − 2 e·u + ‖u‖², with ‖u‖² = xᵀGx of the axes' Gram matrix.
func (s *Spec) newFit(pairs []keptPair) (*fit, error) {
	chosen, rejected, width := s.sides(pairs)
	f := &fit{graph: gorgonia.NewGraph(), found: make([]float64, width)}
	f.free = gorgonia.NewVector(f.graph, tensor.Float64, gorgonia.WithName("free"), gorgonia.WithShape(width),
		gorgonia.WithValue(tensor.New(tensor.WithShape(width), tensor.WithBacking(f.found))))
	at := f.free
	if s.Fit == fitWeights {
		e := f.do(gorgonia.Exp(f.free))
		at = f.do2(gorgonia.HadamardDiv, e, f.do(gorgonia.Sum(e)))
	}
	var margins *gorgonia.Node
	if s.Fit == fitLatent {
		margins = f.do2(gorgonia.Sub, f.do2(gorgonia.Mul, f.table("chosen", chosen.products), at), f.do2(gorgonia.Mul, f.table("rejected", rejected.products), at))
	} else {
		square := f.do2(gorgonia.HadamardProd, at, at)
		if s.Fit == fitWeights {
			square = f.do2(gorgonia.HadamardProd, at, f.do2(gorgonia.Mul, f.table("gram", s.gram()), at))
		}
		norm := f.do(gorgonia.Sum(square))
		margins = f.do2(gorgonia.Sub, f.distances("rejected", rejected, at, norm), f.distances("chosen", chosen, at, norm))
	}
	surprise := f.do(gorgonia.Softplus(f.do(gorgonia.Neg(margins))))
	prior := f.do(gorgonia.Sum(f.do2(gorgonia.HadamardProd, f.free, f.free)))
	f.loss = f.do2(gorgonia.Add, f.do(gorgonia.Mean(surprise)), f.do2(gorgonia.Mul, prior, f.number(*s.Decay/2)))
	if f.err == nil {
		_, f.err = gorgonia.Grad(f.loss, f.free)
	}
	if f.err != nil {
		return nil, failure.New(failure.CodeInternal, "the graph of a fit cannot be made: %v", f.err)
	}
	return f, nil
}

// side is one side of the pairs.
type side struct {
	products [][]float64 // with each axis
	squares  []float64   // of the length, and nearZero
}

func (s *Spec) sides(pairs []keptPair) (chosen, rejected side, width int) {
	add := func(to *side, e []float64) {
		to.squares = append(to.squares, dot(e, e)+nearZero)
		if s.Fit == fitWeights {
			products := make([]float64, len(s.Prototypes))
			for k, prototype := range s.Prototypes {
				products[k] = dot(e, prototype)
			}
			e = products
		}
		to.products = append(to.products, e)
	}
	for _, pair := range pairs {
		add(&chosen, pair.Chosen.numbers())
		add(&rejected, pair.Rejected.numbers())
	}
	return chosen, rejected, len(chosen.products[0])
}

func (s *Spec) gram() [][]float64 {
	g := make([][]float64, len(s.Prototypes))
	for i, a := range s.Prototypes {
		g[i] = make([]float64, len(s.Prototypes))
		for j, b := range s.Prototypes {
			g[i][j] = dot(a, b)
		}
	}
	return g
}

// distances are those of the texts of a side to the point, (pairs).
func (f *fit) distances(name string, of side, at, norm *gorgonia.Node) *gorgonia.Node {
	products := f.do2(gorgonia.Mul, f.table(name, of.products), at)
	apart := f.do2(gorgonia.Sub, f.vector(name+" squares", of.squares), f.do2(gorgonia.Add, products, products))
	return f.do(gorgonia.Sqrt(f.do2(gorgonia.Add, apart, norm)))
}

// descend takes the steps.
func (f *fit) descend(rate float64, steps int) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = failure.New(failure.CodeInternal, "a fit broke off: %v", cause)
		}
	}()
	vm := gorgonia.NewTapeMachine(f.graph, gorgonia.BindDualValues(f.free))
	for step := 0; ; step++ {
		if err := vm.RunAll(); err != nil {
			return failure.New(failure.CodeInternal, "a fit broke off: %v", err)
		}
		loss, ok := f.loss.Value().Data().(float64)
		if !ok {
			return failure.New(failure.CodeInternal, "the loss of a fit is %T", f.loss.Value().Data())
		}
		if f.after = loss; step == 0 {
			f.before = loss
		}
		if step == steps {
			return vm.Close()
		}
		slope, err := f.free.Grad()
		if err != nil {
			return fmt.Errorf("fit: %w", err)
		}
		of, ok := slope.Data().([]float64)
		if !ok {
			return failure.New(failure.CodeInternal, "the gradient of a fit is %T", slope.Data())
		}
		for i, g := range of {
			f.found[i] -= rate * g
		}
		clear(of) // the next run would add to it
		vm.Reset()
	}
}

// do keeps the first error of the graph's making, behind which every node is the variables'.
func (f *fit) do(node *gorgonia.Node, err error) *gorgonia.Node {
	if f.err == nil {
		f.err = err
	}
	if f.err != nil {
		return f.free
	}
	return node
}

func (f *fit) do2(op func(a, b *gorgonia.Node) (*gorgonia.Node, error), a, b *gorgonia.Node) *gorgonia.Node {
	if f.err != nil {
		return f.free
	}
	return f.do(op(a, b))
}

func (f *fit) table(name string, rows [][]float64) *gorgonia.Node {
	var flat []float64
	for _, row := range rows {
		flat = append(flat, row...)
	}
	shape := []int{len(rows), len(rows[0])}
	value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(flat))
	return gorgonia.NewMatrix(f.graph, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(shape...), gorgonia.WithValue(value))
}

func (f *fit) vector(name string, numbers []float64) *gorgonia.Node {
	value := tensor.New(tensor.WithShape(len(numbers)), tensor.WithBacking(numbers))
	return gorgonia.NewVector(f.graph, tensor.Float64, gorgonia.WithName(name), gorgonia.WithShape(len(numbers)), gorgonia.WithValue(value))
}

func (f *fit) number(x float64) *gorgonia.Node {
	return gorgonia.NewScalar(f.graph, tensor.Float64, gorgonia.WithName("decay"), gorgonia.WithValue(x))
}
