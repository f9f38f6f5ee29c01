package graphs

import (
	"fmt"
	"math"
)

// cut takes count places of an axis, from start on, step apart.
func (b *builder) cut(v *value, along, start, step, count int) (*value, error) {
	if along == v.rows && (start != 0 || step != 1 || count != v.dims[along]) {
		return nil, mixes(fmt.Sprintf("a part of axis %d", along))
	}
	dims, stride := append([]int{}, v.dims...), strides(v.dims)
	offset := start * stride[along]
	dims[along] = count
	stride[along] *= step
	return b.take(v, strided(dims, stride, offset), dims, v.rows)
}

// importSlice reads starts, ends, axes and steps, all of them constants.
func importSlice(c *call) ([]*value, error) {
	out := c.in[0]
	var lists [4][]integer
	for i := range lists {
		if c.at(i+1) == nil {
			continue
		}
		var err error
		if lists[i], err = c.fixed(i + 1); err != nil {
			return nil, err
		}
		if len(lists[i]) != len(lists[0]) {
			return nil, fmt.Errorf("%d starts and %d numbers in input %d", len(lists[0]), len(lists[i]), i+1)
		}
	}
	for i, start := range lists[0] {
		step, at := int64(1), int64(i)
		if lists[3] != nil {
			step = lists[3][i].n
		}
		if lists[2] != nil {
			at = lists[2][i].n
		}
		along, err := axis(at, len(out.dims))
		if err != nil {
			return nil, err
		}
		from, by, count, err := span(int64(out.dims[along]), start.n, lists[1][i].n, step)
		if err != nil {
			return nil, err
		}
		if out, err = c.b.cut(out, along, from, by, count); err != nil {
			return nil, err
		}
	}
	return single(out, nil)
}

// span turns start, end and step of a slice of n places into places that exist.
func span(n, start, end, step int64) (from, by, count int, err error) {
	if step == 0 || step < -math.MaxInt32 || step > math.MaxInt32 {
		return 0, 0, 0, fmt.Errorf("step %d is not supported", step)
	}
	place := func(at, low, high int64) int64 {
		if at < 0 && at >= -n {
			at += n
		} else if at < 0 {
			at = low
		}
		return min(max(at, low), high)
	}
	if step > 0 {
		start, end = place(start, 0, n), place(end, 0, n)
		count = int(max(0, (end-start+step-1)/step))
	} else {
		start, end = place(start, 0, n-1), place(end, -1, n-1)
		count = int(max(0, (start-end-step-1)/-step))
	}
	if count == 0 {
		start = 0
	}
	return int(start), int(step), count, nil
}

// importSplit cuts an axis into parts: of the sizes given, or alike; since opset 18 the last may be smaller.
func importSplit(c *call) ([]*value, error) {
	x, parts := c.in[0], len(c.node.Outputs)
	along, err := axis(c.int("axis", 0), len(x.dims))
	if err != nil {
		return nil, err
	}
	whole := x.dims[along]
	var sizes []int
	if c.at(1) != nil {
		list, err := c.fixed(1)
		if err != nil {
			return nil, err
		}
		for i, one := range list {
			if one.n < 0 || one.n > int64(whole) {
				return nil, fmt.Errorf("part %d has %d places of %d", i, one.n, whole)
			}
			sizes = append(sizes, int(one.n))
		}
	} else {
		if n := c.int("num_outputs", int64(parts)); c.b.opset >= 18 && n != int64(parts) {
			return nil, fmt.Errorf("attribute num_outputs is %d, and there are %d outputs", n, parts)
		}
		each := (whole + parts - 1) / parts
		if c.b.opset < 18 && whole%parts != 0 {
			return nil, fmt.Errorf("%d places do not split into %d parts alike", whole, parts)
		}
		for left := whole; len(sizes) < parts; left -= each {
			sizes = append(sizes, max(0, min(each, left)))
		}
	}
	total := 0
	for _, n := range sizes {
		total += n
	}
	if len(sizes) != parts || total != whole {
		return nil, fmt.Errorf("parts of %v places for %d outputs, and the axis has %d places", sizes, parts, whole)
	}
	outs, start := make([]*value, parts), 0
	for i, n := range sizes {
		if outs[i], err = c.b.cut(x, along, start, 1, n); err != nil {
			return nil, err
		}
		start += n
	}
	return outs, nil
}

// importGather takes places of an axis that are named by a constant of integers of any dimensions.
func importGather(c *call) ([]*value, error) {
	x, places := c.in[0], c.in[1]
	along, err := axis(c.int("axis", 0), len(x.dims))
	switch {
	case err != nil:
		return nil, err
	case places.ints == nil:
		return nil, fmt.Errorf("input 1, %q, must be a constant of integers", c.node.Inputs[1])
	case along == x.rows:
		return nil, mixes(fmt.Sprintf("gathering on axis %d", along))
	}
	outer, n, inner := size(x.dims[:along]), x.dims[along], size(x.dims[along+1:])
	dims := append(append(append([]int{}, x.dims[:along]...), places.dims...), x.dims[along+1:]...)
	if err := few(dims, maxSpread); err != nil {
		return nil, err
	}
	index := make([]int32, 0, outer*len(places.ints)*inner)
	for o := range outer {
		for _, place := range places.ints {
			if place.counted {
				return nil, fmt.Errorf("input 1, %q, depends on the number of rows", c.node.Inputs[1])
			}
			at, err := axis(place.n, n)
			if err != nil {
				return nil, fmt.Errorf("index %d, and axis %d has %d places", place.n, along, n)
			}
			for i := range inner {
				index = append(index, int32((o*n+at)*inner+i))
			}
		}
	}
	rows := x.rows
	if rows > along {
		rows += len(places.dims) - 1
	}
	return single(c.b.take(x, index, dims, rows))
}
