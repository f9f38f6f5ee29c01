package graphs

import (
	"errors"
	"fmt"
	"slices"
)

// reshaped gives v other dimensions of the same size; the axis that carries the rows must stay one axis.
func (b *builder) reshaped(v *value, dims []int) (*value, error) {
	if err := few(dims, maxCopied); err != nil {
		return nil, err
	}
	if size(dims) != size(v.dims) {
		return nil, fmt.Errorf("dimensions %v do not fit into %v", v.dims, dims)
	}
	rows := -1
	if v.rows >= 0 {
		before := size(v.dims[:v.rows])
		for i, d := range dims {
			if d == v.dims[v.rows] && size(dims[:i]) == before {
				rows = i
				break
			}
		}
		if rows < 0 {
			return nil, mixes(fmt.Sprintf("reshaping %v with rows on axis %d to %v", v.dims, v.rows, dims))
		}
	}
	index := strided([]int{size(dims)}, []int{1}, 0)
	return b.take(v, index, dims, rows)
}

func importReshape(c *call) ([]*value, error) {
	x := c.in[0]
	wanted := c.integers
	if x.rows < 0 {
		wanted = c.fixed
	}
	shape, err := wanted(1)
	if err != nil {
		return nil, err
	}
	dims, open := make([]int, len(shape)), -1
	for i, one := range shape {
		switch {
		case one.n == -1 && open < 0:
			open, dims[i] = i, 1
		case one.n == 0 && c.int("allowzero", 0) == 0:
			if i >= len(x.dims) {
				return nil, fmt.Errorf("the shape keeps axis %d of dimensions %v", i, x.dims)
			}
			dims[i] = x.dims[i]
		case one.n < 0 || one.n > maxComputed:
			return nil, fmt.Errorf("dimension %d of the shape is %d", i, one.n)
		default:
			dims[i] = int(one.n)
		}
	}
	if open >= 0 {
		rest := size(dims)
		if rest == 0 || size(x.dims)%rest != 0 {
			return nil, fmt.Errorf("dimensions %v do not fit into %v with an open axis %d", x.dims, dims, open)
		}
		dims[open] = size(x.dims) / rest
	}
	return single(c.b.reshaped(x, dims))
}

func importFlatten(c *call) ([]*value, error) {
	x := c.in[0]
	at := c.int("axis", 1)
	if at != int64(len(x.dims)) {
		a, err := axis(at, len(x.dims))
		if err != nil {
			return nil, err
		}
		at = int64(a)
	}
	return single(c.b.reshaped(x, []int{size(x.dims[:at]), size(x.dims[at:])}))
}

func importSqueeze(c *call) ([]*value, error) {
	x := c.in[0]
	list, named, err := c.axes(1, minOpset)
	if err != nil {
		return nil, err
	}
	var gone []int
	for _, a := range list {
		one, err := axis(a, len(x.dims))
		if err != nil {
			return nil, err
		}
		if x.dims[one] != 1 || one == x.rows {
			return nil, fmt.Errorf("axis %d of dimensions %v is not 1", one, x.dims)
		}
		gone = append(gone, one)
	}
	if !named {
		if x.rows >= 0 {
			return nil, errors.New("without axes it would take the rows away when there is one")
		}
		for i, d := range x.dims {
			if d == 1 {
				gone = append(gone, i)
			}
		}
	}
	out := *x
	out.dims = []int{}
	for i, d := range x.dims {
		if i == x.rows {
			out.rows = len(out.dims)
		}
		if !slices.Contains(gone, i) {
			out.dims = append(out.dims, d)
		}
	}
	return single(c.b.renamed(x, out))
}

func importUnsqueeze(c *call) ([]*value, error) {
	x := c.in[0]
	list, _, err := c.axes(1, minOpset)
	if err != nil {
		return nil, err
	}
	rank := len(x.dims) + len(list)
	var added []int
	for _, a := range list {
		one, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(added, one) {
			return nil, fmt.Errorf("axis %d comes twice", one)
		}
		added = append(added, one)
	}
	out := *x
	out.dims = []int{}
	next := 0
	for i := range rank {
		if slices.Contains(added, i) {
			out.dims = append(out.dims, 1)
			continue
		}
		if next == x.rows {
			out.rows = i
		}
		out.dims = append(out.dims, x.dims[next])
		next++
	}
	return single(c.b.renamed(x, out))
}

// renamed is a value with other dimensions and the same numbers.
func (b *builder) renamed(v *value, out value) (*value, error) {
	return b.take(v, strided([]int{size(v.dims)}, []int{1}, 0), out.dims, out.rows)
}

func importTranspose(c *call) ([]*value, error) {
	x := c.in[0]
	var order []int
	list, named := c.ints("perm")
	for i := range x.dims {
		order = append(order, len(x.dims)-1-i)
	}
	if named {
		if len(list) != len(x.dims) {
			return nil, fmt.Errorf("attribute perm has %d axes, and the value has %d", len(list), len(x.dims))
		}
		seen := map[int64]bool{}
		for i, a := range list {
			if a < 0 || a >= int64(len(x.dims)) || seen[a] {
				return nil, fmt.Errorf("attribute perm %v is not an order of %d axes", list, len(x.dims))
			}
			seen[a] = true
			order[i] = int(a)
		}
	}
	return single(c.b.transposed(x, order))
}

func importExpand(c *call) ([]*value, error) {
	x := c.in[0]
	shape, err := c.integers(1)
	if err != nil {
		return nil, err
	}
	want := make([]int, len(shape))
	for i, one := range shape {
		if one.n < 0 || one.n > maxComputed {
			return nil, fmt.Errorf("dimension %d of the shape is %d", i, one.n)
		}
		want[i] = int(one.n)
	}
	dims, ok := broadcast(x.dims, want)
	if !ok {
		return nil, fmt.Errorf("dimensions %v do not expand to %v", x.dims, want)
	}
	if err := few(dims, maxSpread); err != nil {
		return nil, err
	}
	rows := x.rows
	if rows >= 0 {
		rows += len(dims) - len(x.dims)
	}
	for i, one := range shape {
		at := i + len(dims) - len(shape)
		if !one.counted || at == rows {
			continue
		}
		if rows >= 0 || dims[at] != c.b.rows {
			return nil, mixes(fmt.Sprintf("expanding %v to %v", x.dims, want))
		}
		rows = at
	}
	return single(c.b.take(x, spread(x.dims, dims), dims, rows))
}

func importConcat(c *call) ([]*value, error) {
	firstIn := c.in[0]
	if _, named := c.node.Attributes["axis"]; !named {
		return nil, errors.New("attribute axis is left out")
	}
	along, err := axis(c.int("axis", 0), len(firstIn.dims))
	if err != nil {
		return nil, err
	}
	rows := -1
	for i, v := range c.in {
		switch {
		case v == nil:
			return nil, fmt.Errorf("input %d is left out", i)
		case v.kind != firstIn.kind || (v.ints == nil) != (firstIn.ints == nil):
			return nil, fmt.Errorf("input %d is %s, and input 0 is %s", i, v.kind, firstIn.kind)
		case len(v.dims) != len(firstIn.dims):
			return nil, fmt.Errorf("dimensions %v and %v do not go together", firstIn.dims, v.dims)
		case v.rows == along || (v.rows >= 0 && rows >= 0 && v.rows != rows):
			return nil, mixes(fmt.Sprintf("axis %d", along))
		}
		rows = max(rows, v.rows)
		for a, d := range v.dims {
			if a != along && d != firstIn.dims[a] {
				return nil, fmt.Errorf("dimensions %v and %v do not go together", firstIn.dims, v.dims)
			}
		}
	}
	return single(c.b.joined(c.in, along))
}
