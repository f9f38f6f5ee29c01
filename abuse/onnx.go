package main

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ONNX files are written field by field, since what they hold here no library would write. The numbers of the fields
// are those of onnx.proto3.

// Element types of a tensor.
const (
	float32Type = 1
	int64Type   = 7
	boolType    = 9
)

// message is a field with a message, text or bytes.
func message(field protowire.Number, parts ...[]byte) []byte {
	var body []byte
	for _, part := range parts {
		body = append(body, part...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), body)
}

// named is a field with text.
func named(field protowire.Number, value string) []byte { return message(field, []byte(value)) }

// number is a field with a whole number.
func number(field protowire.Number, value int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType),
		uint64(value)) //nolint:gosec // its bits, as the format says
}

// onnxModel is a file with a graph of opset 18.
func onnxModel(graph ...[]byte) []byte {
	var file []byte
	file = append(file, number(1, 8)...)
	file = append(file, message(7, append([][]byte{named(2, "g")}, graph...)...)...)
	return append(file, message(8, number(2, 18))...)
}

// node is a node of a graph: its operator, what it reads and what it gives.
func node(operator string, inputs, outputs []string, attributes ...[]byte) []byte {
	var parts [][]byte
	for _, name := range inputs {
		parts = append(parts, named(1, name))
	}
	for _, name := range outputs {
		parts = append(parts, named(2, name))
	}
	return message(1, append(append(parts, named(4, operator)), attributes...)...)
}

// Attributes of a node.
func whole(name string, value int64) []byte {
	return message(5, named(1, name), number(3, value), number(20, 2))
}

func subgraph(name string, parts ...[]byte) []byte {
	return message(5, named(1, name), message(6, append([][]byte{named(2, name)}, parts...)...), number(20, 5))
}

// tensorOf is the content of a tensor, its name last.
func tensorOf(name string, kind int64, dims []int64, content ...[]byte) []byte {
	var parts []byte
	for _, dim := range dims {
		parts = append(parts, number(1, dim)...)
	}
	parts = append(parts, number(2, kind)...)
	for _, part := range content {
		parts = append(parts, part...)
	}
	return append(parts, named(8, name)...)
}

// integers is an initializer with a row of whole numbers.
func integers(name string, values ...int64) []byte {
	var raw []byte
	for _, value := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(value)) //nolint:gosec // its bits
	}
	return message(5, tensorOf(name, int64Type, []int64{int64(len(values))}, message(9, raw)))
}

// scalar is an initializer with one whole number and no dimension.
func scalar(name string, value int64) []byte {
	return message(5, tensorOf(name, int64Type, nil,
		message(9, binary.LittleEndian.AppendUint64(nil, uint64(value))))) //nolint:gosec // its bits
}

// yes is an initializer with the truth.
func yes(name string) []byte { return message(5, tensorOf(name, boolType, nil, message(9, []byte{1}))) }

// real32 is an initializer with one number.
func real32(name string, value float32) []byte {
	return message(5, tensorOf(name, float32Type, nil,
		message(9, binary.LittleEndian.AppendUint32(nil, math.Float32bits(value)))))
}

// elsewhere is the content of a tensor whose numbers are said to lie in a file. The entries say where: key, value, key,
// value.
func elsewhere(dims []int64, entries ...string) []byte {
	content := [][]byte{number(14, 1)}
	for i := 0; i+1 < len(entries); i += 2 {
		content = append(content, message(13, named(1, entries[i]), named(2, entries[i+1])))
	}
	return tensorOf("weight", float32Type, dims, content...)
}

// value is the name, type and shape of an input (field 11) or an output (12). A dimension below 0 has no size.
func value(field protowire.Number, name string, kind int64, dims ...int64) []byte {
	var shape [][]byte
	for _, dim := range dims {
		if dim < 0 {
			shape = append(shape, message(1, named(2, "n")))
		} else {
			shape = append(shape, message(1, number(1, dim)))
		}
	}
	return message(field, named(1, name), message(2, message(1, number(1, kind), message(2, shape...))))
}

func input(name string, kind int64, dims ...int64) []byte  { return value(11, name, kind, dims...) }
func output(name string, kind int64, dims ...int64) []byte { return value(12, name, kind, dims...) }

// names lists the names of a node's inputs or outputs.
func names(of ...string) []string { return of }

// summing is an honest graph in the padded layout: the reading of a row is a thousandth of the sum of its ids. The
// parts come between: they find the sum in "sum", [rows, 1], and the row's greatest id in "most", and must give
// "grown", [rows, 1].
func summing(parts ...[]byte) []byte {
	return onnxModel(append([][]byte{
		input("input_ids", int64Type, -1, -1),
		input("attention_mask", int64Type, -1, -1),
		output("readings", float32Type, -1, 1),
		integers("one", 1),
		real32("thousandth", 0.001),
		real32("nought", 0),
		node("Mul", names("input_ids", "attention_mask"), names("attended")),
		node("ReduceMax", names("attended", "one"), names("most"), whole("keepdims", 1)),
		node("Cast", names("attended"), names("numbers"), whole("to", float32Type)),
		node("ReduceSum", names("numbers", "one"), names("sum"), whole("keepdims", 1)),
		node("Mul", names("grown", "thousandth"), names("readings")),
	}, parts...)...)
}

// swollen adds nothing to the sum, but computes the tensor "big" for it with these parts, which find a number in "seed"
// that only a run knows.
func swollen(parts ...[]byte) []byte {
	return summing(append([][]byte{
		node("ReduceMax", names("sum"), names("seed"), whole("keepdims", 0)),
		node("ReduceMax", names("big"), names("greatest"), whole("keepdims", 0)),
		node("Mul", names("greatest", "nought"), names("nothing")),
		node("Add", names("sum", "nothing"), names("grown")),
	}, parts...)...)
}

// weighing reads the tensor "weight", which these parts give.
func weighing(parts ...[]byte) []byte {
	return swollen(append(parts, node("Identity", names("weight"), names("big")))...)
}
