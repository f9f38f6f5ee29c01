package graphs

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/assay-rm/assay/kernels/onnx"
)

const (
	narrow = 16 // products with fewer columns are summed in float64, column by column
	depth  = 64 // wider ones add up this many terms in float32, then the sums of those
)

// multiply sets out [n, m] to x [n, k] · w [k, m]. A row's sums have the same order whatever rows stand beside it:
// gonum's Saxpy works element by element. Its Sdot adds in an order that depends on where the operand lies in memory
// (four offsets gave three results), and its Sgemm promises none; Sgemm is also slower here (10 to 12 ms for 64 rows of
// 1024 · 1024 on 2 cores, where this takes 6 on one).
func multiply(out, x, w []float32, n, k, m int) {
	if m < narrow {
		for row := range n {
			thin(out[row*m:(row+1)*m], x[row*k:(row+1)*k], w)
		}
		return
	}
	var blas gonum.Implementation
	clear(out[:n*m])
	part := make([]float32, m)
	for begin := 0; begin < k; begin += depth {
		end := min(begin+depth, k)
		for row := range n {
			clear(part)
			for i := begin; i < end; i++ {
				blas.Saxpy(m, x[row*k+i], w[i*m:(i+1)*m], 1, part, 1)
			}
			blas.Saxpy(m, 1, part, 1, out[row*m:(row+1)*m], 1)
		}
	}
}

// thin is one row's product with a matrix of few columns.
func thin(out, x, w []float32) {
	m := len(out)
	if m == 1 {
		var s [4]float64
		i := 0
		for ; i+4 <= len(x); i += 4 {
			x, w := x[i:i+4:i+4], w[i:i+4:i+4]
			s[0] += float64(x[0]) * float64(w[0])
			s[1] += float64(x[1]) * float64(w[1])
			s[2] += float64(x[2]) * float64(w[2])
			s[3] += float64(x[3]) * float64(w[3])
		}
		for ; i < len(x); i++ {
			s[0] += float64(x[i]) * float64(w[i])
		}
		out[0] = float32(s[0] + s[1] + (s[2] + s[3]))
		return
	}
	var s [narrow]float64
	for i, v := range x {
		for j, u := range w[i*m : (i+1)*m] {
			s[j] += float64(v) * float64(u)
		}
	}
	for j := range out {
		out[j] = float32(s[j])
	}
}

// product is batches times [n, k] · [k, m]; each operand has as many matrices as there are batches.
type product struct{ batches, n, k, m int }

// times adds the step for the operands' vectors; turned gives the right operand with its matrices transposed.
func (b *builder) times(p product, left, right *vector, active []bool, turned func() (*vector, error)) (*vector, error) {
	run := func(out []float32, in [][]float32) {
		for i := range p.batches {
			multiply(out[i*p.n*p.m:(i+1)*p.n*p.m], in[0][i*p.n*p.k:(i+1)*p.n*p.k], in[1][i*p.k*p.m:(i+1)*p.k*p.m], p.n, p.k, p.m)
		}
	}
	grad := func(in []*vector, _, g *vector) ([]*vector, error) {
		grads := make([]*vector, 2)
		if active[0] { // g · rightᵀ
			flipped, err := turned()
			if err != nil {
				return nil, err
			}
			if grads[0], err = b.times(product{p.batches, p.n, p.m, p.k}, g, flipped, make([]bool, 2), nil); err != nil {
				return nil, err
			}
		}
		if active[1] { // leftᵀ · g
			flipped, err := b.turnedNode(in[0], p.batches, p.n, p.k)
			if err != nil {
				return nil, err
			}
			if grads[1], err = b.times(product{p.batches, p.k, p.n, p.m}, flipped, g, make([]bool, 2), nil); err != nil {
				return nil, err
			}
		}
		return grads, nil
	}
	return b.apply("product", p.batches*p.n*p.m, run, active, grad, left, right)
}

// turnedNode transposes each of a vector's matrices of [k, m].
func (t *tape) turnedNode(node *vector, batches, k, m int) (*vector, error) {
	return t.taking(node, batches*k*m, strided([]int{batches, m, k}, []int{k * m, 1, m}, 0), false)
}

// matmul multiplies by NumPy's rule: the last two axes are matrices, those before are broadcast.
func (b *builder) matmul(x, y *value) (*value, error) {
	rankX, rankY := len(x.dims), len(y.dims)
	if rankX == 0 || rankY == 0 {
		return nil, errors.New("a product of a number without dimensions")
	}
	x, y = raised(x, rankX == 1, 0), raised(y, rankY == 1, 1)
	dx, dy := x.dims, y.dims
	n, k, m := dx[len(dx)-2], dx[len(dx)-1], dy[len(dy)-1]
	if k != dy[len(dy)-2] {
		return nil, fmt.Errorf("dimensions %v and %v do not go together", x.dims, y.dims)
	}
	if x.rows == len(dx)-1 || y.rows == len(dy)-2 {
		return nil, mixes("a sum over the rows")
	}
	p := product{1, n, k, m}
	lead := append([]int{}, dx[:len(dx)-2]...)
	if len(dy) == 2 {
		p.n *= size(lead)
	} else {
		var err error
		if x, y, lead, err = b.levelMatrices(x, y); err != nil {
			return nil, err
		}
		p.batches = size(lead)
	}
	out := &value{dims: append(lead, n, m), rows: -1, kind: onnx.Float32, active: x.active || y.active}
	if x.rows >= 0 {
		out.rows = x.rows
	}
	if y.rows >= 0 {
		own := y.rows + len(out.dims) - len(y.dims)
		if out.rows >= 0 && out.rows != own {
			return nil, mixes("a product of rows with rows")
		}
		out.rows = own
	}
	if err := b.spend(size(out.dims)); err != nil {
		return nil, err
	}
	right := b.on(y)
	turned := func() (*vector, error) {
		if y.floats != nil && p.batches == 1 {
			return b.on(&value{floats: y.floats.turned(p.k, p.m)}), nil
		}
		return b.turnedNode(right, p.batches, p.k, p.m)
	}
	var err error
	out.node, err = b.times(p, b.on(x), right, []bool{x.active, y.active}, turned)
	if rankY == 1 {
		out = lowered(out, len(out.dims)-1)
	}
	if rankX == 1 {
		at := len(out.dims) - 2
		if rankY == 1 {
			at++
		}
		out = lowered(out, at)
	}
	return out, err
}

// levelMatrices broadcasts what stands before the last two axes.
func (b *builder) levelMatrices(x, y *value) (_, _ *value, lead []int, err error) {
	dx, dy := x.dims, y.dims
	lead, ok := broadcast(dx[:len(dx)-2], dy[:len(dy)-2])
	if !ok {
		return nil, nil, nil, fmt.Errorf("dimensions %v and %v do not go together", dx, dy)
	}
	widen := func(v *value) (*value, error) {
		dims := append(append([]int{}, lead...), v.dims[len(v.dims)-2:]...)
		if err := few(dims, maxComputed); err != nil {
			return nil, err
		}
		rows := v.rows
		if rows >= 0 {
			rows += len(dims) - len(v.dims)
		}
		return b.take(v, spread(v.dims, dims), dims, rows)
	}
	if x, err = widen(x); err != nil {
		return nil, nil, nil, err
	}
	y, err = widen(y)
	return x, y, lead, err
}

// raised gives a vector an axis of size 1 at that place.
func raised(v *value, wanted bool, at int) *value {
	if !wanted {
		return v
	}
	out := *v
	out.dims = []int{1, v.dims[0]}
	if at == 1 {
		out.dims = []int{v.dims[0], 1}
	} else if v.rows == 0 {
		out.rows = 1
	}
	return &out
}

// lowered takes an axis of size 1 away.
func lowered(v *value, at int) *value {
	out := *v
	out.dims = append(append([]int{}, v.dims[:at]...), v.dims[at+1:]...)
	if v.rows > at {
		out.rows--
	}
	return &out
}

// gemm is alpha · x' · y' + beta · c, where x' and y' may be transposed.
func (b *builder) gemm(x, y, c *value, turnX, turnY bool, alpha, beta float64) (*value, error) {
	if len(x.dims) != 2 || len(y.dims) != 2 {
		return nil, fmt.Errorf("dimensions %v and %v, and two matrices are wanted", x.dims, y.dims)
	}
	var err error
	if turnX {
		if x, err = b.transposed(x, []int{1, 0}); err != nil {
			return nil, err
		}
	}
	switch {
	case turnY && y.floats != nil:
		y = &value{dims: []int{y.dims[1], y.dims[0]}, rows: -1, kind: y.kind, floats: y.floats.turned(y.dims[0], y.dims[1])}
	case turnY:
		if y, err = b.transposed(y, []int{1, 0}); err != nil {
			return nil, err
		}
	}
	out, err := b.matmul(x, y)
	if err == nil && alpha != 1 {
		out, err = b.paired("Mul", out, constantOf(alpha), pairings["Mul"])
	}
	if err != nil || c == nil || beta == 0 {
		return out, err
	}
	if beta != 1 {
		if c, err = b.paired("Mul", c, constantOf(beta), pairings["Mul"]); err != nil {
			return nil, err
		}
	}
	if whole, ok := broadcast(out.dims, c.dims); !ok || size(whole) != size(out.dims) {
		return nil, fmt.Errorf("dimensions %v of C do not go with %v", c.dims, out.dims)
	}
	return b.paired("Add", out, c, pairings["Add"])
}

// transposed reorders a value's axes.
func (b *builder) transposed(v *value, order []int) (*value, error) {
	own := strides(v.dims)
	dims, stride, rows := make([]int, len(order)), make([]int, len(order)), -1
	for i, from := range order {
		dims[i], stride[i] = v.dims[from], own[from]
		if from == v.rows {
			rows = i
		}
	}
	return b.take(v, strided(dims, stride, 0), dims, rows)
}
