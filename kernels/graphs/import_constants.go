package graphs

import (
	"errors"
	"fmt"
	"math"

	"github.com/assay-rm/assay/kernels/onnx"
)

// fromTensor makes a constant of a tensor of the file; floating kinds must be finite.
func fromTensor(t *onnx.Tensor) (*value, error) {
	v := &value{dims: append([]int{}, t.Dims...), rows: -1, kind: t.Kind}
	if t.Kind.Floating() {
		if i, ok := finite(t.Floats); !ok {
			return nil, fmt.Errorf("constant %q: number %d is %g", t.Name, i, t.Floats[i])
		}
		v.floats = &constant{data: t.Floats}
		return v, nil
	}
	v.ints = make([]integer, len(t.Ints))
	for i, n := range t.Ints {
		v.ints[i].n = n
	}
	return v, nil
}

func importConstant(c *call) ([]*value, error) {
	if len(c.node.Attributes) != 1 {
		return nil, fmt.Errorf("%d attributes, and one is wanted", len(c.node.Attributes))
	}
	t := &onnx.Tensor{Kind: onnx.Int64}
	if a, ok := c.node.Attributes["value_float"]; ok {
		t.Kind, t.Floats = onnx.Float32, []float32{a.Float}
		c.float("value_float", 0)
	}
	if a, ok := c.attribute("value_floats", onnx.AttributeFloats); ok {
		t.Kind, t.Floats, t.Dims = onnx.Float32, a.Floats, []int{len(a.Floats)}
	}
	if _, ok := c.node.Attributes["value_int"]; ok {
		t.Ints = []int64{c.int("value_int", 0)}
	}
	if list, ok := c.ints("value_ints"); ok {
		t.Ints, t.Dims = list, []int{len(list)}
	}
	if a, ok := c.attribute("value", onnx.AttributeTensor); ok {
		t = a.Tensor
	}
	if c.err != nil {
		return nil, c.err
	}
	return single(fromTensor(t))
}

// importShape gives the dimensions as integers that know whether they count the rows.
func importShape(c *call) ([]*value, error) {
	x := c.in[0]
	if c.b.opset < 15 && len(c.node.Attributes) > 0 {
		return nil, errors.New("start and end exist from opset 15 on")
	}
	rank := int64(len(x.dims))
	place := func(a int64) int64 {
		if a < 0 {
			a += rank
		}
		return min(max(a, 0), rank)
	}
	out := &value{rows: -1, kind: onnx.Int64, ints: []integer{}}
	for i := place(c.int("start", 0)); i < place(c.int("end", rank)); i++ {
		out.ints = append(out.ints, integer{int64(x.dims[i]), int(i) == x.rows})
	}
	out.dims = []int{len(out.ints)}
	return single(out, nil)
}

// importConstantOfShape fills a constant of integers, as exporters do on the way to Expand.
func importConstantOfShape(c *call) ([]*value, error) {
	shape, err := c.integers(0)
	if err != nil {
		return nil, err
	}
	a, ok := c.attribute("value", onnx.AttributeTensor)
	if !ok || a.Tensor.Kind.Floating() || len(a.Tensor.Ints) != 1 {
		return nil, errors.New("it is supported with a value of one integer only")
	}
	out := &value{dims: []int{}, rows: -1, kind: a.Tensor.Kind}
	n := int64(1)
	for i, one := range shape {
		if one.counted {
			return nil, mixes("a constant of as many numbers as there are rows")
		}
		if one.n < 0 || one.n > 1024 || n*one.n > 1024 {
			return nil, fmt.Errorf("dimension %d is %d: at most 1024 numbers are supported", i, one.n)
		}
		n *= one.n
		out.dims = append(out.dims, int(one.n))
	}
	out.ints = make([]integer, n)
	for i := range out.ints {
		out.ints[i].n = a.Tensor.Ints[0]
	}
	return single(out, nil)
}

// importCast widens weights to float; what is computed is float already.
func importCast(c *call) ([]*value, error) {
	x, to := c.in[0], onnx.Kind(c.int("to", 0))
	out := *x
	out.kind = to
	switch {
	case x.ints != nil && (to == onnx.Int64 || to == onnx.Int32):
	case x.ints != nil && to == onnx.Bool:
		out.ints = make([]integer, len(x.ints))
		for i, one := range x.ints {
			if out.ints[i].counted = one.counted; one.n != 0 {
				out.ints[i].n = 1
			}
		}
	case x.ints != nil && to == onnx.Float32:
		out.floats, out.ints = &constant{data: make([]float32, len(x.ints))}, nil
		for i, one := range x.ints {
			if one.counted {
				return nil, mixes("a number computed from the number of rows")
			}
			out.floats.data[i] = float32(one.n)
		}
	case x.floats != nil && to == onnx.Float32:
	case x.node != nil && to == onnx.Float32 && (x.kind == onnx.Float32 || x.kind == onnx.Bool):
	default:
		return nil, fmt.Errorf("a cast from %s to %s is not supported", x.kind, to)
	}
	return single(&out, nil)
}

// importDropout is the identity of inference.
func importDropout(c *call) ([]*value, error) {
	if training := c.at(2); training != nil {
		if training.ints == nil || len(training.ints) != 1 || training.ints[0].n != 0 {
			return nil, errors.New("input 2, training_mode, must be a constant that is false")
		}
	}
	return single(c.in[0], nil)
}

var integerPairings = map[string]func(a, b int64) (int64, error){
	"Add": func(a, b int64) (int64, error) { return a + b, nil },
	"Sub": func(a, b int64) (int64, error) { return a - b, nil },
	"Mul": func(a, b int64) (int64, error) { return a * b, nil },
	"Max": func(a, b int64) (int64, error) { return max(a, b), nil },
	"Min": func(a, b int64) (int64, error) { return min(a, b), nil },
	"Div": func(a, b int64) (int64, error) {
		if b == 0 || (a == math.MinInt64 && b == -1) {
			return 0, fmt.Errorf("%d divided by %d", a, b)
		}
		return a / b, nil
	},
	"Mod": func(a, b int64) (int64, error) { // the sign is the divisor's
		if b == 0 {
			return 0, fmt.Errorf("%d modulo 0", a)
		}
		if b == -1 {
			return 0, nil
		}
		return (a%b + b) % b, nil
	},
	"Equal":          func(a, b int64) (int64, error) { return truth(a == b), nil },
	"Greater":        func(a, b int64) (int64, error) { return truth(a > b), nil },
	"GreaterOrEqual": func(a, b int64) (int64, error) { return truth(a >= b), nil },
	"Less":           func(a, b int64) (int64, error) { return truth(a < b), nil },
	"LessOrEqual":    func(a, b int64) (int64, error) { return truth(a <= b), nil },
}

func truth(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}

// counted computes with constants of integers: the shapes that exporters compute on the way.
func (b *builder) counted(name string, x, y *value) (*value, error) {
	f := integerPairings[name]
	if f == nil {
		return nil, errors.New("it is not supported for integers")
	}
	both, err := b.level(x, y)
	if err != nil {
		return nil, err
	}
	out := &value{dims: both[0].dims, rows: -1, kind: x.kind, ints: make([]integer, len(both[0].ints))}
	if comparisons[name] != nil {
		out.kind = onnx.Bool
	}
	for i, p := range both[0].ints {
		q := both[1].ints[i]
		n, err := f(p.n, q.n)
		if err != nil {
			return nil, err
		}
		out.ints[i] = integer{n, p.counted || q.counted}
	}
	return out, nil
}

func (b *builder) countedWhere(condition, x, y *value) (*value, error) {
	all, err := b.level(condition, x, y)
	if err != nil {
		return nil, err
	}
	out := &value{dims: all[0].dims, rows: -1, kind: x.kind, ints: make([]integer, len(all[0].ints))}
	for i, c := range all[0].ints {
		if out.ints[i] = all[2].ints[i]; c.n != 0 {
			out.ints[i] = all[1].ints[i]
		}
		out.ints[i].counted = out.ints[i].counted || c.counted
	}
	return out, nil
}
