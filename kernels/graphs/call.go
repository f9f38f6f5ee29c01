package graphs

import (
	"errors"
	"fmt"
	"slices"

	"github.com/assay-rm/assay/kernels/onnx"
)

var errEmpty = errors.New("a computed value without elements is not supported")

// rule says how an operator is imported.
type rule struct {
	since      int64  // first opset of ONNX that has it, or 0 when opset 13 does
	inputs     [2]int // least and most
	attributes []string
	build      func(*call) ([]*value, error)
}

// call is one node that is being imported.
type call struct {
	b    *builder
	node *onnx.Node
	in   []*value // nil: left out
	err  error    // the first attribute that is of another type than wanted
}

// prepare finds the inputs and refuses what the rule does not name.
func (c *call) prepare(r rule) error {
	for len(c.node.Inputs) > len(c.in) {
		name := c.node.Inputs[len(c.in)]
		v := c.b.values[name]
		if v == nil && name != "" {
			return fmt.Errorf("input %d, %q, is computed by no node before it", len(c.in), name)
		}
		c.in = append(c.in, v)
	}
	for len(c.in) > r.inputs[0] && c.in[len(c.in)-1] == nil {
		c.in = c.in[:len(c.in)-1]
	}
	if len(c.in) < r.inputs[0] || len(c.in) > r.inputs[1] {
		return fmt.Errorf("%d inputs, and %d to %d are supported", len(c.in), r.inputs[0], r.inputs[1])
	}
	for i := range r.inputs[0] {
		if c.in[i] == nil {
			return fmt.Errorf("input %d is left out", i)
		}
	}
	for name := range c.node.Attributes {
		if !slices.Contains(r.attributes, name) {
			return fmt.Errorf("attribute %s is not supported", name)
		}
	}
	return nil
}

// at gives an input, nil when it is left out.
func (c *call) at(i int) *value {
	if i < len(c.in) {
		return c.in[i]
	}
	return nil
}

// attribute finds an attribute and notes one of the wrong type.
func (c *call) attribute(name string, want onnx.AttributeType) (onnx.Attribute, bool) {
	a, ok := c.node.Attributes[name]
	if ok && a.Type != want {
		c.err = fmt.Errorf("attribute %s is of type %s, and %s is wanted", name, a.Type, want)
		return a, false
	}
	return a, ok
}

func (c *call) int(name string, otherwise int64) int64 {
	if a, ok := c.attribute(name, onnx.AttributeInt); ok {
		return a.Int
	}
	return otherwise
}

func (c *call) float(name string, otherwise float64) float64 {
	if a, ok := c.attribute(name, onnx.AttributeFloat); ok {
		return float64(a.Float)
	}
	return otherwise
}

func (c *call) text(name, otherwise string) string {
	if a, ok := c.attribute(name, onnx.AttributeString); ok {
		return a.Text
	}
	return otherwise
}

// ints gives an attribute of integers, false when it is left out.
func (c *call) ints(name string) ([]int64, bool) {
	a, ok := c.attribute(name, onnx.AttributeInts)
	return a.Ints, ok
}

// numbers gives an input of float, refusing other kinds.
func (c *call) numbers(i int) (*value, error) {
	v := c.in[i]
	if v.kind != onnx.Float32 {
		return nil, fmt.Errorf("input %d, %q, is %s: head graphs compute in float", i, c.node.Inputs[i], v.kind)
	}
	return v, nil
}

// integers gives a constant input of integers of at most one axis.
func (c *call) integers(i int) ([]integer, error) {
	v := c.in[i]
	switch {
	case v.ints == nil:
		return nil, fmt.Errorf("input %d, %q, must be a constant of integers", i, c.node.Inputs[i])
	case len(v.dims) > 1:
		return nil, fmt.Errorf("input %d, %q, has dimensions %v, and one is wanted", i, c.node.Inputs[i], v.dims)
	}
	return v.ints, nil
}

// fixed gives a constant input of integers that do not depend on the number of rows.
func (c *call) fixed(i int) ([]integer, error) {
	list, err := c.integers(i)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.counted {
			return nil, fmt.Errorf("input %d, %q, depends on the number of rows", i, c.node.Inputs[i])
		}
	}
	return list, nil
}

// axes gives a list of axes from the input at i or, before opset inputSince, from the attribute axes; false when it is
// left out.
func (c *call) axes(i int, inputSince int64) ([]int64, bool, error) {
	attribute, named := c.ints("axes")
	if c.b.opset < inputSince {
		if c.at(i) != nil {
			return nil, false, fmt.Errorf("axes are an input from opset %d on", inputSince)
		}
		return attribute, named, nil
	}
	if named {
		return nil, false, fmt.Errorf("axes are an attribute up to opset %d", inputSince-1)
	}
	if c.at(i) == nil {
		return nil, false, nil
	}
	list, err := c.fixed(i)
	axes := make([]int64, len(list))
	for j, axis := range list {
		axes[j] = axis.n
	}
	return axes, true, err
}

// axis turns an axis of a value of that rank, which may count from the end, into one that does not.
func axis(a int64, rank int) (int, error) {
	if a < -int64(rank) || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d, and a value has %d axes", a, rank)
	}
	if a < 0 {
		a += int64(rank)
	}
	return int(a), nil
}

// mixes is the error of an operation that would let a row depend on others.
func mixes(what string) error {
	return fmt.Errorf("%s would make a row's result depend on other rows of the batch", what)
}
