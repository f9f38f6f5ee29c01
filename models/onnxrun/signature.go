package onnxrun

import "fmt"

// Value is an input or output of a graph. A dimension without a fixed size is -1.
type Value struct {
	Name string
	Kind int64 // element type: [Float], [Int64], …
	Dims []int64
}

// Element types of ONNX.
const (
	Float = 1
	Int64 = 7
)

func (v Value) String() string {
	kind := map[int64]string{Float: "float", Int64: "int64"}[v.Kind]
	if kind == "" {
		kind = fmt.Sprintf("element type %d", v.Kind)
	}
	return fmt.Sprintf("%s %s %d", v.Name, kind, v.Dims)
}

// Fits tells whether a graph's value has the type and allows the dimensions wanted; -1 is any size, on either side. A graph that names no
// dimensions at all is held to its shape by the forward.
func (v Value) Fits(want Value) bool {
	if v.Kind != want.Kind {
		return false
	}
	if len(v.Dims) == 0 {
		return true
	}
	if len(v.Dims) != len(want.Dims) {
		return false
	}
	for i := range v.Dims {
		if v.Dims[i] >= 0 && want.Dims[i] >= 0 && v.Dims[i] != want.Dims[i] {
			return false
		}
	}
	return true
}
