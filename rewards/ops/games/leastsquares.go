package games

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// leastSquares is target − Σ u_k columns[k] for the u ≥ 0 that make its length least (Lawson and Hanson, "Solving Least
// Squares Problems", 1974, chapter 23: NNLS). Columns join a set one by one, the one that helps most first; u solves
// the least squares of the set, and what would be negative leaves it.
//
// The set's columns are held as Q·R. A column that joins is made orthogonal to Q; behind one that leaves, R is made
// triangular again by rotations.
func leastSquares(columns [][]float64, target []float64) []float64 {
	f := &factored{columns: columns, target: target, in: make([]bool, len(columns)), u: make([]float64, len(columns))}
	var rest []float64
	for range 3 * len(columns) { // a bound, which no game that was tried has come near
		rest = f.rest(rest)
		best, most := -1, 1e-12
		for k, column := range columns {
			if gain := floats.Dot(column, rest); !f.in[k] && gain > most {
				best, most = k, gain
			}
		}
		if best < 0 || !f.join(best) {
			break
		}
		for !f.settle() {
		}
	}
	return f.rest(rest)
}

// factored is a set of columns as Q·R, with the target's part along each column of Q.
type factored struct {
	columns [][]float64
	target  []float64
	in      []bool
	set     []int       // indices of the columns, in the order of R's
	q       [][]float64 // orthonormal columns
	r       [][]float64 // R's columns: r[j][i] for i ≤ j
	along   []float64   // of the target along each column of Q
	u       []float64   // of each column; 0 of those outside the set
}

// settle moves u towards the least squares of the set, and tells whether it got there. Else a column became 0 on the
// way, and has left.
func (f *factored) settle() bool {
	wanted := f.solve()
	step, leaves := 1.0, -1
	for at, k := range f.set {
		if wanted[at] > 0 {
			continue
		}
		share := 0.0 // of the way, at which this one is 0
		if f.u[k] > 0 {
			share = f.u[k] / (f.u[k] - wanted[at])
		}
		if leaves < 0 || share < step {
			step, leaves = share, at
		}
	}
	for at, k := range f.set {
		f.u[k] += step * (wanted[at] - f.u[k])
	}
	if leaves >= 0 {
		f.u[f.set[leaves]] = 0
		f.leave(leaves)
	}
	return leaves < 0
}

// rest is what the set leaves of the target at its least squares, in the memory of into where that is enough.
func (f *factored) rest(into []float64) []float64 {
	rest := append(into[:0], f.target...)
	for at, q := range f.q {
		floats.AddScaled(rest, -f.along[at], q)
	}
	return rest
}

// join adds a column, and tells whether it is more than a sum of those that are there.
func (f *factored) join(k int) bool {
	q := slices.Clone(f.columns[k])
	r := make([]float64, len(f.q)+1)
	size := math.Sqrt(floats.Dot(q, q))
	for range 2 { // a second time for what rounding left of the first
		for i, other := range f.q {
			part := floats.Dot(q, other)
			r[i] += part
			floats.AddScaled(q, -part, other)
		}
	}
	left := math.Sqrt(floats.Dot(q, q))
	if left <= 1e-10*size {
		return false
	}
	floats.Scale(1/left, q)
	r[len(f.q)] = left
	f.set, f.q, f.r, f.along, f.in[k] = append(f.set, k), append(f.q, q), append(f.r, r), append(f.along, floats.Dot(q, f.target)), true
	return true
}

// leave takes out the column at this place of the set.
func (f *factored) leave(at int) {
	f.in[f.set[at]] = false
	f.set = append(f.set[:at], f.set[at+1:]...)
	f.r = append(f.r[:at], f.r[at+1:]...)
	for j := at; j < len(f.r); j++ { // r[j] has one number too many below the diagonal: turn rows j and j + 1
		a, b := f.r[j][j], f.r[j][j+1]
		size := math.Hypot(a, b)
		c, s := a/size, b/size
		for _, column := range f.r[j:] {
			column[j], column[j+1] = c*column[j]+s*column[j+1], c*column[j+1]-s*column[j]
		}
		f.r[j] = f.r[j][:j+1]
		for i := range f.q[j] {
			f.q[j][i], f.q[j+1][i] = c*f.q[j][i]+s*f.q[j+1][i], c*f.q[j+1][i]-s*f.q[j][i]
		}
		f.along[j], f.along[j+1] = c*f.along[j]+s*f.along[j+1], c*f.along[j+1]-s*f.along[j]
	}
	f.q, f.along = f.q[:len(f.r)], f.along[:len(f.r)]
}

// solve gives the least squares of the set, in its order.
func (f *factored) solve() []float64 {
	u := slices.Clone(f.along)
	for j := len(u) - 1; j >= 0; j-- {
		u[j] /= f.r[j][j]
		floats.AddScaled(u[:j], -u[j], f.r[j][:j])
	}
	return u
}
