package onnx

// Model is a file as it was read. Nobody else holds its slices.
type Model struct {
	IR      int64            // version of the file format
	Opsets  map[string]int64 // version of each operator set by domain; "" is ONNX's own
	Graph   Graph
	Weights map[string]*Tensor // the graph's initializers by name
}

// Graph is the computation: nodes in an order in which every value comes before it is used.
type Graph struct {
	Nodes   []Node
	Inputs  []Value // without those that are weights
	Outputs []Value
}

// Node is one operation. An input that is left out has an empty name.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string
	Attributes       map[string]Attribute
}

// Attribute is a parameter of a node; the field that Type names is set.
type Attribute struct {
	Type   AttributeType
	Int    int64
	Float  float32
	Text   string
	Ints   []int64
	Floats []float32
	Tensor *Tensor
}

// Tensor is a constant, row-major. Floating kinds are widened or rounded to float32 in Floats; integers and booleans
// are in Ints.
type Tensor struct {
	Name   string
	Kind   Kind
	Dims   []int // empty: one number without dimensions
	Floats []float32
	Ints   []int64
}

// Kind is a TensorProto.DataType.
type Kind int32

// The kinds that a file may hold.
const (
	Float32  Kind = 1
	Int32    Kind = 6
	Int64    Kind = 7
	Bool     Kind = 9
	Float16  Kind = 10
	double   Kind = 11 // float64
	BFloat16 Kind = 16
)

// Floating says whether the kind's numbers are in Tensor.Floats.
func (k Kind) Floating() bool {
	return k == Float32 || k == Float16 || k == double || k == BFloat16
}

// width is the size of one number in raw_data in bytes, 0 for a kind that is not read.
func (k Kind) width() int {
	switch k {
	case Float32, Int32:
		return 4
	case Int64, double:
		return 8
	case Float16, BFloat16:
		return 2
	case Bool:
		return 1
	}
	return 0
}

// AttributeType is an AttributeProto.AttributeType.
type AttributeType int32

// The types of attribute that a file may hold.
const (
	AttributeFloat  AttributeType = 1
	AttributeInt    AttributeType = 2
	AttributeString AttributeType = 3
	AttributeTensor AttributeType = 4
	AttributeFloats AttributeType = 6
	AttributeInts   AttributeType = 7
)
