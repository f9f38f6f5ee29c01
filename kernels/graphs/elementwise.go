package graphs

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/assay-rm/assay/kernels/onnx"
)

// mapped applies a curve to every number of v.
func (b *builder) mapped(name string, v *value, c curve) (*value, error) {
	n := size(v.dims)
	if err := b.spend(n); err != nil {
		return nil, err
	}
	run := func(out []float32, in [][]float32) {
		for i, x := range in[0] {
			out[i] = float32(c.f(float64(x)))
		}
	}
	grad := func(in []*vector, out, g *vector) ([]*vector, error) {
		d, err := b.apply(name+" gradient", n, func(dx []float32, in [][]float32) {
			for i, g := range in[2] {
				dx[i] = float32(float64(g) * c.d(float64(in[0][i]), float64(in[1][i])))
			}
		}, nil, nil, in[0], out, g)
		return []*vector{d}, err
	}
	node, err := b.apply(name, n, run, []bool{v.active}, grad, b.on(v))
	return &value{dims: v.dims, rows: v.rows, kind: onnx.Float32, node: node, active: v.active}, err
}

// pairing is a function of two numbers with its derivatives by each, in float64.
type pairing struct {
	f, da, db func(a, b float64) float64
}

func first(a, _ float64) float64  { return a }
func second(_, b float64) float64 { return b }
func one(_, _ float64) float64    { return 1 }
func minus(_, _ float64) float64  { return -1 }

// chosen is 1 where a number is taken, and a half where both are alike, as PyTorch has it.
func chosen(better bool, a, b float64) float64 {
	switch {
	case a == b:
		return 0.5
	case better:
		return 1
	}
	return 0
}

var pairings = map[string]pairing{
	"Add": {func(a, b float64) float64 { return a + b }, one, one},
	"Sub": {func(a, b float64) float64 { return a - b }, one, minus},
	"Mul": {func(a, b float64) float64 { return a * b }, second, first},
	"Div": {
		func(a, b float64) float64 { return a / b }, func(_, b float64) float64 { return 1 / b },
		func(a, b float64) float64 { return -a / (b * b) },
	},
	"Pow": {
		math.Pow, func(a, b float64) float64 {
			if b == 0 {
				return 0
			}
			return b * math.Pow(a, b-1)
		},
		func(a, b float64) float64 {
			if a == 0 && b >= 0 {
				return 0
			}
			return math.Pow(a, b) * math.Log(a)
		},
	},
	"Max": {
		math.Max, func(a, b float64) float64 { return chosen(a > b, a, b) },
		func(a, b float64) float64 { return chosen(b > a, a, b) },
	},
	"Min": {
		math.Min, func(a, b float64) float64 { return chosen(a < b, a, b) },
		func(a, b float64) float64 { return chosen(b < a, a, b) },
	},
}

// level brings values to the dimensions that they have together, and finds the axis that carries the rows.
func (b *builder) level(values ...*value) ([]*value, error) {
	dims := []int{}
	for _, v := range values {
		together, ok := broadcast(dims, v.dims)
		if !ok {
			return nil, fmt.Errorf("dimensions %v and %v do not go together", dims, v.dims)
		}
		dims = together
	}
	most := maxComputed
	if !slices.ContainsFunc(values, func(v *value) bool { return v.node != nil }) {
		most = maxSpread
	}
	if err := few(dims, most); err != nil {
		return nil, err
	}
	rows := -1
	for _, v := range values {
		if v.rows < 0 {
			continue
		}
		own := v.rows + len(dims) - len(v.dims)
		if rows >= 0 && rows != own {
			return nil, mixes("a pairing of rows with rows")
		}
		rows = own
	}
	out := make([]*value, len(values))
	for i, v := range values {
		var err error
		if out[i], err = b.take(v, spread(v.dims, dims), dims, rows); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// paired applies a pairing, broadcasting.
func (b *builder) paired(name string, x, y *value, p pairing) (*value, error) {
	both, err := b.level(x, y)
	if err != nil {
		return nil, err
	}
	x, y = both[0], both[1]
	n := size(x.dims)
	if err := b.spend(n); err != nil {
		return nil, err
	}
	run := func(out []float32, in [][]float32) {
		for i, x := range in[0] {
			out[i] = float32(p.f(float64(x), float64(in[1][i])))
		}
	}
	active := []bool{x.active, y.active}
	grad := func(in []*vector, _, g *vector) ([]*vector, error) {
		grads := make([]*vector, 2)
		for side, d := range []func(a, b float64) float64{p.da, p.db} {
			if !active[side] {
				continue
			}
			var err error
			if grads[side], err = b.apply(name+" gradient", n, func(out []float32, in [][]float32) {
				for i, g := range in[2] {
					out[i] = float32(float64(g) * d(float64(in[0][i]), float64(in[1][i])))
				}
			}, nil, nil, in[0], in[1], g); err != nil {
				return nil, err
			}
		}
		return grads, nil
	}
	node, err := b.apply(name, n, run, active, grad, b.on(x), b.on(y))
	return &value{dims: x.dims, rows: max(x.rows, y.rows), kind: onnx.Float32, node: node, active: x.active || y.active}, err
}

// compared gives 1 where the comparison holds, else 0, as booleans.
func (b *builder) compared(name string, x, y *value, holds func(a, b float32) bool) (*value, error) {
	both, err := b.level(x, y)
	if err != nil {
		return nil, err
	}
	x, y = both[0], both[1]
	n := size(x.dims)
	if err := b.spend(n); err != nil {
		return nil, err
	}
	node, err := b.apply(name, n, func(out []float32, in [][]float32) {
		for i, x := range in[0] {
			if out[i] = 0; holds(x, in[1][i]) {
				out[i] = 1
			}
		}
	}, nil, nil, b.on(x), b.on(y))
	return &value{dims: x.dims, rows: max(x.rows, y.rows), kind: onnx.Bool, node: node}, err
}

// chosenBy takes x where the condition is 1 and y where it is 0.
func (b *builder) chosenBy(condition, x, y *value) (*value, error) {
	if condition.node == nil || condition.kind != onnx.Bool {
		return nil, errors.New("the condition must be computed by a comparison")
	}
	all, err := b.level(condition, x, y)
	if err != nil {
		return nil, err
	}
	condition, x, y = all[0], all[1], all[2]
	n := size(x.dims)
	if err := b.spend(n); err != nil {
		return nil, err
	}
	active := []bool{false, x.active, y.active}
	grad := func(in []*vector, _, g *vector) (_ []*vector, err error) {
		grads := make([]*vector, 3)
		for side := 1; side < 3 && err == nil; side++ {
			if active[side] {
				grads[side], err = b.where(n, in[0], g, side == 1)
			}
		}
		return grads, err
	}
	node, err := b.apply("Where", n, func(out []float32, in [][]float32) {
		for i, c := range in[0] {
			if out[i] = in[2][i]; c != 0 {
				out[i] = in[1][i]
			}
		}
	}, active, grad, b.on(condition), b.on(x), b.on(y))
	rows := max(condition.rows, x.rows, y.rows)
	return &value{dims: x.dims, rows: rows, kind: onnx.Float32, node: node, active: x.active || y.active}, err
}

// where keeps the numbers of g at which the condition is as said, and is 0 elsewhere.
func (t *tape) where(n int, condition, g *vector, holds bool) (*vector, error) {
	return t.apply("Where gradient", n, func(out []float32, in [][]float32) {
		for i, c := range in[0] {
			if out[i] = 0; (c != 0) == holds {
				out[i] = in[1][i]
			}
		}
	}, nil, nil, condition, g)
}
