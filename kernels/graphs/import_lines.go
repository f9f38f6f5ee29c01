package graphs

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// lines brings the axes named last, so that they make lines of numbers; order is the order of axes that does so.
func (b *builder) lines(v *value, named []int) (turned *value, order []int, err error) {
	for i := range v.dims {
		if !slices.Contains(named, i) {
			order = append(order, i)
		}
	}
	order = append(order, named...)
	turned, err = b.transposed(v, order)
	return turned, order, err
}

// onAxis imports Softmax and LogSoftmax, which since opset 13 work along one axis, the last by default.
func onAxis(f fold) func(*call) ([]*value, error) {
	return func(c *call) ([]*value, error) {
		x, err := c.numbers(0)
		if err != nil {
			return nil, err
		}
		along, err := axis(c.int("axis", -1), len(x.dims))
		switch {
		case err != nil:
			return nil, err
		case along == x.rows:
			return nil, mixes(fmt.Sprintf("axis %d", along))
		}
		turned, order, err := c.b.lines(x, []int{along})
		if err != nil {
			return nil, err
		}
		width := x.dims[along]
		out, err := c.b.folded(c.node.Op, turned, turned.dims, turned.rows, width, width, f)
		if err != nil {
			return nil, err
		}
		back := make([]int, len(order))
		for i, from := range order {
			back[from] = i
		}
		return single(c.b.transposed(out, back))
	}
}

// axesSince says from which opset on a reduction's axes are an input.
func axesSince(name string) int64 {
	if name == "ReduceSum" {
		return 13
	}
	return 18
}

func onReduction(name string) func(*call) ([]*value, error) {
	return func(c *call) ([]*value, error) {
		x, err := c.numbers(0)
		if err != nil {
			return nil, err
		}
		axes, err := c.reduced(x, axesSince(name))
		switch {
		case err != nil:
			return nil, err
		case slices.Contains(axes, x.rows):
			return nil, mixes(fmt.Sprintf("axis %d", x.rows))
		}
		turned, _, err := c.b.lines(x, axes)
		if err != nil {
			return nil, err
		}
		keep := c.int("keepdims", 1) != 0
		width, dims, rows := 1, []int{}, -1
		for i, d := range x.dims {
			if slices.Contains(axes, i) {
				if width *= d; !keep {
					continue
				}
				d = 1
			}
			if i == x.rows {
				rows = len(dims)
			}
			dims = append(dims, d)
		}
		if width == 0 {
			return nil, errEmpty
		}
		return single(c.b.folded(name, turned, dims, rows, width, 1, reductions[name]))
	}
}

// reduced gives the axes of a reduction in order: those named, or all.
func (c *call) reduced(x *value, inputSince int64) ([]int, error) {
	list, _, err := c.axes(1, inputSince)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		if c.int("noop_with_empty_axes", 0) != 0 {
			return nil, errors.New("noop_with_empty_axes without axes is not supported")
		}
		for i := range x.dims {
			list = append(list, int64(i))
		}
	}
	var axes []int
	for _, a := range list {
		one, err := axis(a, len(x.dims))
		if err != nil {
			return nil, err
		}
		axes = append(axes, one)
	}
	slices.Sort(axes)
	return slices.Compact(axes), nil
}

// importLayerNorm normalizes over the axes from axis on, then scales and shifts.
func importLayerNorm(c *call) ([]*value, error) {
	x, err := c.numbers(0)
	if err != nil {
		return nil, err
	}
	from, err := axis(c.int("axis", -1), len(x.dims))
	switch {
	case err != nil:
		return nil, err
	case x.rows >= from:
		return nil, mixes(fmt.Sprintf("axis %d", x.rows))
	case c.int("stash_type", 1) != 1:
		return nil, fmt.Errorf("attribute stash_type is %d, and 1 is supported", c.int("stash_type", 1))
	}
	width := size(x.dims[from:])
	if width == 0 {
		return nil, errEmpty
	}
	epsilon := c.float("epsilon", float64(float32(1e-5)))
	out, err := c.b.folded(c.node.Op, x, x.dims, x.rows, width, width, normalized(epsilon))
	for i, name := range []string{"Mul", "Add"} {
		if err != nil || c.at(i+1) == nil {
			continue
		}
		var v *value
		if v, err = c.numbers(i + 1); err == nil {
			out, err = c.b.paired(name, out, v, pairings[name])
		}
	}
	return single(out, err)
}

// importBatchNorm applies the trained mean and variance of each channel, axis 1: scale · (x − mean) / √(variance +
// epsilon) + bias.
func importBatchNorm(c *call) ([]*value, error) {
	x, err := c.numbers(0)
	switch {
	case err != nil:
		return nil, err
	case c.int("training_mode", 0) != 0:
		return nil, errors.New("attribute training_mode is set")
	case len(x.dims) < 2:
		return nil, fmt.Errorf("dimensions %v have no axis of channels", x.dims)
	}
	channels := x.dims[1]
	var parts [4][]float32
	for i := range parts {
		v := c.in[i+1]
		if _, err := c.numbers(i + 1); err != nil {
			return nil, err
		}
		if v.floats == nil || len(v.dims) != 1 || v.dims[0] != channels {
			return nil, fmt.Errorf("input %d, %q, must be a constant of %d numbers", i+1, c.node.Inputs[i+1], channels)
		}
		parts[i] = v.floats.data
	}
	epsilon := c.float("epsilon", float64(float32(1e-5)))
	slope, shift := make([]float32, channels), make([]float32, channels)
	for i := range slope {
		s := float64(parts[0][i]) / math.Sqrt(float64(parts[3][i])+epsilon)
		slope[i], shift[i] = float32(s), float32(float64(parts[1][i])-float64(parts[2][i])*s)
	}
	if i, ok := finite(slope); !ok {
		return nil, fmt.Errorf("channel %d: variance %g with epsilon %g is not positive", i, parts[3][i], epsilon)
	}
	dims := make([]int, len(x.dims)-1)
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = channels
	out := x
	for i, data := range [][]float32{slope, shift} {
		name := []string{"Mul", "Add"}[i]
		v := &value{dims: dims, rows: -1, kind: x.kind, floats: &constant{data: data}}
		if out, err = c.b.paired(name, out, v, pairings[name]); err != nil {
			return nil, err
		}
	}
	return single(out, nil)
}
