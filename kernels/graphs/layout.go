package graphs

import (
	"fmt"
	"slices"
)

// take makes a value whose element i is element index[i] of v: every transpose, slice, gather and broadcast is one. A
// constant is copied at once; a computed value that keeps its order is not copied at all.
func (b *builder) take(v *value, index []int32, dims []int, rows int) (*value, error) {
	out := &value{dims: dims, rows: rows, kind: v.kind, node: v.node, active: v.active}
	switch {
	case v.ints != nil && len(index) > maxIntegers:
		return nil, fmt.Errorf("a constant of %d integers, and at most %d are computed", len(index), maxIntegers)
	case v.ints != nil:
		out.rows, out.ints = -1, taken(v.ints, index)
		return out, nil
	case v.floats != nil:
		if out.floats = v.floats; !identity(index, size(v.dims)) {
			if err := b.copies(len(index)); err != nil {
				return nil, err
			}
			out.floats = &constant{data: taken(v.floats.data, index)}
		} else if !slices.Equal(v.dims, dims) {
			out.floats = &constant{data: v.floats.data}
		}
		return out, nil
	case identity(index, size(v.dims)):
		return out, nil
	}
	if err := b.spend(len(index)); err != nil {
		return nil, err
	}
	var err error
	out.node, err = b.taking(v.node, size(v.dims), index, v.active)
	return out, err
}

// taking adds the step of take for a vector of n numbers.
func (t *tape) taking(from *vector, n int, index []int32, active bool) (*vector, error) {
	run := func(out []float32, in [][]float32) {
		from := in[0]
		for i, j := range index {
			out[i] = from[j]
		}
	}
	grad := func(_ []*vector, _, g *vector) ([]*vector, error) {
		d, err := t.putting(g, n, index)
		return []*vector{d}, err
	}
	return t.apply("take", len(index), run, []bool{active}, grad, from)
}

// putting adds take's gradient: element i of the vector is added to place index[i] of n, in order.
func (t *tape) putting(from *vector, n int, index []int32) (*vector, error) {
	return t.apply("put", n, func(out []float32, in [][]float32) {
		clear(out)
		for i, j := range index {
			out[j] += in[0][i]
		}
	}, nil, nil, from)
}

// joined puts values one after the other along an axis; all other dimensions are alike.
func (b *builder) joined(parts []*value, along int) (*value, error) {
	dims := append([]int{}, parts[0].dims...)
	rows, active, floats, ints := -1, []bool{}, 0, 0
	dims[along] = 0
	for _, part := range parts {
		dims[along] += part.dims[along]
		rows = max(rows, part.rows)
		active = append(active, part.active)
		if part.floats != nil {
			floats++
		}
		if part.ints != nil {
			ints++
		}
	}
	inner := size(dims[along:])
	out := &value{dims: dims, rows: rows, kind: parts[0].kind}
	places := make([][2]int, len(parts)) // where in a run of inner numbers each part begins, and how many it has
	begin := 0
	for i, part := range parts {
		n := size(part.dims[along:])
		places[i] = [2]int{begin, n}
		begin += n
		out.active = out.active || part.active
	}
	switch {
	case ints == len(parts) && size(dims) > maxIntegers:
		return nil, fmt.Errorf("a constant of %d integers, and at most %d are computed", size(dims), maxIntegers)
	case ints == len(parts):
		out.ints = make([]integer, size(dims))
		for i, part := range parts {
			lay(out.ints, part.ints, inner, places[i])
		}
		return out, nil
	case floats == len(parts):
		if err := b.copies(size(dims)); err != nil {
			return nil, err
		}
		out.floats = &constant{data: make([]float32, size(dims))}
		for i, part := range parts {
			lay(out.floats.data, part.floats.data, inner, places[i])
		}
		return out, nil
	}
	var err error
	if err = b.spend(size(dims)); err != nil {
		return nil, err
	}
	out.node, err = b.joining(parts, size(dims), inner, places, active)
	return out, err
}

// lay copies a part's runs into runs of inner numbers.
func lay[T any](out, part []T, inner int, place [2]int) {
	for at := place[0]; len(part) > 0 && at < len(out); at += inner {
		copy(out[at:], part[:place[1]])
		part = part[place[1]:]
	}
}

func (b *builder) joining(parts []*value, n, inner int, places [][2]int, active []bool) (*vector, error) {
	nodes := make([]*vector, len(parts))
	for i, part := range parts {
		nodes[i] = b.on(part)
	}
	grad := func(_ []*vector, _, g *vector) ([]*vector, error) {
		grads := make([]*vector, len(parts))
		for i, place := range places {
			if !active[i] {
				continue
			}
			index := strided([]int{n / inner, place[1]}, []int{inner, 1}, place[0])
			var err error
			if grads[i], err = b.taking(g, n, index, false); err != nil {
				return nil, err
			}
		}
		return grads, nil
	}
	return b.apply("Concat", n, func(out []float32, in [][]float32) {
		for i, part := range in {
			lay(out, part, inner, places[i])
		}
	}, active, grad, nodes...)
}
