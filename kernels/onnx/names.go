package onnx

import "fmt"

// names are those of an enum of onnx.proto3, by number. One that is empty is not used.
type names []string

// of names a number; what names it where the enum does not.
func (n names) of(what string, number int32) string {
	if number >= 0 && int(number) < len(n) && n[number] != "" {
		return n[number]
	}
	return fmt.Sprintf("%s %d", what, number)
}

var kinds = names{
	"undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double", "uint32", "uint64",
	"complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1",
}

func (k Kind) String() string { return kinds.of("element type", int32(k)) }

var attributeTypes = names{
	"", "float", "int", "string", "tensor", "graph", "floats", "ints", "strings", "tensors", "graphs", "sparse tensor", "sparse tensors",
	"type", "types",
}

func (t AttributeType) String() string { return attributeTypes.of("attribute type", int32(t)) }
