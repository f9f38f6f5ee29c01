// Package ops has the operators that rewards are made of: pure functions of numbers, each of which gives the same bits
// every time.
//
// A number that may be missing is a [Maybe], never NaN and never a nil pointer: of what is not known nothing can be
// computed by mistake.
package ops

// Maybe is a number that may be missing. The zero value is missing, and its Value is then 0.
type Maybe struct {
	Value float64
	Known bool
}

// Some is a number that is there.
func Some(x float64) Maybe { return Maybe{Value: x, Known: true} }

// Pointer points to the number, and is nil where it is missing: the form that encoders of JSON take.
func (m *Maybe) Pointer() *float64 {
	if !m.Known {
		return nil
	}
	return &m.Value
}

// Matrix is a table of numbers that may be missing, (rows, columns), which lie in one array, row by row. Copies of a
// Matrix share it.
type Matrix struct {
	cells   []Maybe
	columns int
}

// NewMatrix is a matrix of which every number is missing. It has at least one column, or no row.
func NewMatrix(rows, columns int) Matrix {
	return Matrix{cells: make([]Maybe, rows*columns), columns: columns}
}

// Rows is the number of rows.
func (m Matrix) Rows() int {
	if m.columns == 0 {
		return 0
	}
	return len(m.cells) / m.columns
}

// Row is one row, which shares the matrix's memory: to write to it is to write to the matrix.
func (m Matrix) Row(i int) []Maybe {
	return m.cells[i*m.columns : (i+1)*m.columns : (i+1)*m.columns]
}
