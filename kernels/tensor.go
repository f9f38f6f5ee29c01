package kernels

import (
	"fmt"
	"math"
)

// Type is the type of a tensor's numbers.
type Type int

// The types that kernels read. They compute in float32 and write float32; copies keep the type.
const (
	Float32  Type = iota
	Float16       // IEEE 754 binary16
	BFloat16      // the upper half of a float32
)

// String is the name as manifests and ONNX write it.
func (t Type) String() string {
	switch t {
	case Float32:
		return "float32"
	case Float16:
		return "float16"
	case BFloat16:
		return "bfloat16"
	}
	return fmt.Sprintf("type %d", int(t))
}

// Size is how many bytes a number has.
func (t Type) Size() int {
	if t == Float32 {
		return 4
	}
	return 2
}

// suffix ends the name of the kernel that reads this type.
func (t Type) suffix() string { return [...]string{"_f32", "_f16", "_bf16"}[t] }

// Tensor is a matrix (Rows, Cols), row after row. Its numbers lie in one of three places: Float32s, Halves, or a
// device's memory. It owns none of them.
type Tensor struct {
	Type       Type
	Rows, Cols int
	Float32s   []float32 // on the host, of Type Float32
	Halves     []uint16  // on the host, of the other types: the bits
	Address    uintptr   // in the memory of the device whose backend is called; 0: on the host
}

// Matrix is a tensor of float32 numbers on the host.
func Matrix(rows, cols int, numbers []float32) Tensor {
	return Tensor{Type: Float32, Rows: rows, Cols: cols, Float32s: numbers}
}

// OnDevice is a tensor in a device's memory, such as an output of ONNX Runtime's CUDA provider. The memory must stay
// until the call that reads it has returned, and what writes it must have finished, or write on the device's own
// stream.
func OnDevice(t Type, rows, cols int, address uintptr) Tensor {
	return Tensor{Type: t, Rows: rows, Cols: cols, Address: address}
}

// Check refuses a tensor whose numbers are not Rows times Cols of its type. The error begins with the name.
func (t Tensor) Check(name string) error {
	if t.Type < Float32 || t.Type > BFloat16 {
		return fmt.Errorf("%s: %v is unknown", name, t.Type)
	}
	if t.Rows < 0 || t.Cols < 0 || t.Cols > 0 && t.Rows > math.MaxInt/8/t.Cols {
		return fmt.Errorf("%s: the shape is (%d, %d)", name, t.Rows, t.Cols)
	}
	if t.Address != 0 {
		return nil
	}
	numbers := len(t.Float32s)
	if t.Type != Float32 {
		numbers = len(t.Halves)
	}
	if numbers != t.Rows*t.Cols {
		return fmt.Errorf("%s: (%d, %d) %v has %d numbers, and needs %d", name, t.Rows, t.Cols, t.Type, numbers, t.Rows*t.Cols)
	}
	return nil
}

// Bytes is the memory of a tensor on the host.
func (t Tensor) Bytes() []byte {
	if t.Type == Float32 {
		return bytesOf(t.Float32s)
	}
	return bytesOf(t.Halves)
}

// onHost refuses a tensor that lies on a device, which the host cannot read.
func (t Tensor) onHost(name string) error {
	if t.Address != 0 {
		return fmt.Errorf("%s: it lies on a device, and the host cannot read it", name)
	}
	return nil
}

// row gives the numbers of a row that is on the host.
func (t Tensor) row(r int) []float64 {
	numbers := make([]float64, t.Cols)
	for i := range numbers {
		if at := r*t.Cols + i; t.Type == Float32 {
			numbers[i] = float64(t.Float32s[at])
		} else {
			numbers[i] = t.Type.Widen(t.Halves[at])
		}
	}
	return numbers
}

// in says whether a row's index, as it comes from data, is one of so many rows.
func in(index int64, rows int) bool { return index >= 0 && index < int64(rows) }

// allNaN is a row of a result that has no value.
func allNaN(n int) []float64 {
	row := make([]float64, n)
	for i := range row {
		row[i] = math.NaN()
	}
	return row
}
