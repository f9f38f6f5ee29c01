package graphs

import (
	"fmt"
	"math"
	"sync"

	"github.com/assay-rm/assay/kernels/onnx"
)

// value is a value of the file's graph while a graph is made from it, for a fixed number of rows. It is a
// constant of floats, a constant of integers, or computed.
type value struct {
	dims []int // as the file has them
	rows int   // the axis that carries the rows; -1: the same for every row
	kind onnx.Kind

	floats *constant // of a floating kind, not computed
	ints   []integer // of int64, int32 or bool, not computed
	node   *vector
	active bool // computed from the input whose gradient is wanted
}

// integer is a number of a constant.
type integer struct {
	n       int64
	counted bool // it is the number of rows, or computed from it
}

// constant is a row-major array of weights. It is shared by the graphs of all batch sizes and never written.
type constant struct {
	data []float32
	once sync.Once
	flip *constant
}

// turned is the constant, a matrix of [k, m], as [m, k]. It is made once, and its own turned is the constant itself.
func (c *constant) turned(k, m int) *constant {
	c.once.Do(func() {
		if k == 1 || m == 1 {
			c.flip = c
			return
		}
		c.flip = &constant{data: taken(c.data, strided([]int{m, k}, []int{1, m}, 0)), flip: c}
		c.flip.once.Do(func() {})
	})
	return c.flip
}

// size is the number of elements of dims.
func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// few refuses dimensions of more than that many elements, however large each is.
func few(dims []int, most int) error {
	n := 1
	for _, d := range dims {
		if d > 0 && n > most/d {
			return fmt.Errorf("dimensions %v hold more than %d numbers", dims, most)
		}
		n *= d
	}
	return nil
}

// strides gives how far apart neighbours along each axis lie, row-major.
func strides(dims []int) []int {
	s := make([]int, len(dims))
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		s[i] = n
		n *= dims[i]
	}
	return s
}

// strided lists the places offset + Σ coordinate · stride of an array of dims, row-major.
func strided(dims, stride []int, offset int) []int32 {
	index := make([]int32, size(dims))
	if len(index) == 0 {
		return index
	}
	at, place := make([]int, len(dims)), offset
	for i := range index {
		index[i] = int32(place)
		for axis := len(dims) - 1; axis >= 0; axis-- {
			at[axis]++
			place += stride[axis]
			if at[axis] < dims[axis] {
				break
			}
			place -= at[axis] * stride[axis]
			at[axis] = 0
		}
	}
	return index
}

// taken copies the elements at index.
func taken[T any](from []T, index []int32) []T {
	out := make([]T, len(index))
	for i, j := range index {
		out[i] = from[j]
	}
	return out
}

// identity says whether index names every one of n elements in order.
func identity(index []int32, n int) bool {
	if len(index) != n {
		return false
	}
	for i, j := range index {
		if int(j) != i {
			return false
		}
	}
	return true
}

// broadcast gives the dimensions that a and b have together by ONNX's rule, false when they have none.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	dims := append([]int{}, a...)
	lead := len(a) - len(b)
	for i, d := range b {
		switch have := dims[lead+i]; {
		case have == d, d == 1:
		case have == 1:
			dims[lead+i] = d
		default:
			return nil, false
		}
	}
	return dims, true
}

// spread lists the places from which an array of dims fills one of the broadcast dimensions to.
func spread(dims, to []int) []int32 {
	stride, own := make([]int, len(to)), strides(dims)
	lead := len(to) - len(dims)
	for i, d := range dims {
		if d != 1 {
			stride[lead+i] = own[i]
		}
	}
	return strided(to, stride, 0)
}

// constantOf is a constant of one number.
func constantOf(x float64) *value {
	return &value{dims: []int{}, rows: -1, kind: onnx.Float32, floats: &constant{data: []float32{float32(x)}}}
}

// finite gives the first place of a number that is NaN or infinite: one whose exponent has all bits set.
func finite(data []float32) (int, bool) {
	const exponent = 0x7f800000
	for i, x := range data {
		if math.Float32bits(x)&exponent == exponent {
			return i, false
		}
	}
	return 0, true
}
