package models

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/assay-rm/assay/models/onnxrun"
)

// onnxFile is what the server must know of a graph before ONNX Runtime reads it. The numbers of fields below are those
// of onnx/onnx.proto3 in the repository onnx/onnx.
type onnxFile struct {
	inputs, outputs []onnxrun.Value
	external        []string // locations of external data, wherever in the file they are named
	batchScale      string   // the name of an operation that rounds the whole batch by one scale; empty: there is none
	depth           int      // of the graph that is read: 0 is the file's own, 1 a branch of it, …
}

// maxDepth bounds graphs inside graphs. An exporter nests a few; a file of a megabyte could nest a hundred thousand,
// and the reader's stack would end the process.
const maxDepth = 64

// parseONNX reads the structure of an ONNX file. It skips the weights and copies nothing of them.
func parseONNX(data []byte) (*onnxFile, error) {
	var file onnxFile
	var graphs int
	weights := map[string]bool{}
	err := walk(data, func(field int, value []byte) error {
		switch field { // ModelProto: graph 7, training_info 20, functions 25
		case 7:
			graphs++
			return file.graph(value, weights)
		case 20: // TrainingInfoProto: graphs 1 and 2
			return walk(value, func(field int, value []byte) error {
				if field != 1 && field != 2 {
					return nil
				}
				return file.branch(value)
			})
		case 25: // FunctionProto: node 7, attribute_proto 11
			return walk(value, func(field int, value []byte) error {
				switch field {
				case 7:
					return file.node(value)
				case 11:
					return file.attribute(value)
				}
				return nil
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("not an ONNX file, or a damaged one: %w", err)
	case graphs != 1:
		return nil, errors.New("not an ONNX file: it has no graph")
	case file.batchScale != "":
		return nil, fmt.Errorf(
			"%s takes one activation scale for the whole batch, so a score would depend on its batch mates; "+
				"export the checkpoint with assay-export --int8, which takes one for each token",
			file.batchScale,
		)
	}
	file.inputs = withoutWeights(file.inputs, weights)
	return &file, nil
}

func withoutWeights(inputs []onnxrun.Value, weights map[string]bool) []onnxrun.Value {
	var kept []onnxrun.Value
	for _, input := range inputs {
		if !weights[input.Name] {
			kept = append(kept, input)
		}
	}
	return kept
}

// graph reads a GraphProto: node 1, initializer 5, input 11, output 12, sparse_initializer 15.
func (f *onnxFile) graph(data []byte, weights map[string]bool) error {
	if f.depth > maxDepth {
		return fmt.Errorf("graphs are nested more than %d deep", maxDepth)
	}
	return walk(data, func(field int, value []byte) error {
		switch field {
		case 1:
			return f.node(value)
		case 5:
			return f.tensor(value, weights)
		case 15:
			return f.sparse(value, weights)
		case 11, 12:
			v, err := parseValue(value)
			if field == 11 {
				f.inputs = append(f.inputs, v)
			} else {
				f.outputs = append(f.outputs, v)
			}
			return err
		}
		return nil
	})
}

// branch reads a graph inside the one that f is of, whose inputs and outputs are its own.
func (f *onnxFile) branch(data []byte) error {
	inner := onnxFile{external: f.external, batchScale: f.batchScale, depth: f.depth + 1}
	err := inner.graph(data, map[string]bool{})
	f.external, f.batchScale = inner.external, inner.batchScale
	return err
}

// node reads a NodeProto: op_type 4, attribute 5.
func (f *onnxFile) node(data []byte) error {
	return walk(data, func(field int, value []byte) error {
		switch field {
		case 4:
			// DynamicQuantizeLinear, and ONNX Runtime's DynamicQuantizeMatMul and DynamicQuantizeLSTM
			if strings.HasPrefix(string(value), "DynamicQuantize") {
				f.batchScale = string(value)
			}
		case 5:
			return f.attribute(value)
		}
		return nil
	})
}

// attribute reads what an AttributeProto holds: tensors 5 and 10, graphs 6 and 11, sparse tensors 22 and 23.
func (f *onnxFile) attribute(data []byte) error {
	return walk(data, func(field int, value []byte) error {
		switch field {
		case 5, 10:
			return f.tensor(value, map[string]bool{})
		case 6, 11:
			return f.branch(value)
		case 22, 23:
			return f.sparse(value, map[string]bool{})
		}
		return nil
	})
}

// sparse reads a SparseTensorProto: the tensors values 1 and indices 2.
func (f *onnxFile) sparse(data []byte, weights map[string]bool) error {
	return walk(data, func(field int, value []byte) error {
		if field != 1 && field != 2 {
			return nil
		}
		return f.tensor(value, weights)
	})
}

// tensor reads a TensorProto: name 8, external_data 13 (StringStringEntryProto: key 1, value 2).
func (f *onnxFile) tensor(data []byte, weights map[string]bool) error {
	return walk(data, func(field int, value []byte) error {
		switch field {
		case 8:
			weights[string(value)] = true
		case 13:
			var key, text string
			err := walk(value, func(field int, value []byte) error {
				switch field {
				case 1:
					key = string(value)
				case 2:
					text = string(value)
				}
				return nil
			})
			if key == "location" {
				f.external = append(f.external, text)
			}
			return err
		}
		return nil
	})
}

// parseValue reads a ValueInfoProto: name 1, and in type 2 the tensor_type 1.
func parseValue(data []byte) (onnxrun.Value, error) {
	var v onnxrun.Value
	err := walk(data, func(field int, value []byte) error {
		switch field {
		case 1:
			v.Name = string(value)
		case 2:
			return walk(value, func(field int, tensor []byte) error {
				if field != 1 {
					return nil
				}
				return tensorType(&v, tensor)
			})
		}
		return nil
	})
	return v, err
}

// tensorType reads a TypeProto.Tensor: elem_type 1, and in shape 2 of every dim 1 the dim_value 1.
func tensorType(v *onnxrun.Value, data []byte) error {
	return walkAll(data, func(field int, number uint64, value []byte) error {
		switch field {
		case 1:
			v.Kind = int64(number)
		case 2:
			return walk(value, func(_ int, dim []byte) error {
				size := int64(-1)
				err := walkAll(dim, func(field int, number uint64, _ []byte) error {
					if field == 1 {
						size = int64(number)
					}
					return nil
				})
				v.Dims = append(v.Dims, size)
				return err
			})
		}
		return nil
	})
}

// walk calls visit for each length-delimited field of a message.
func walk(data []byte, visit func(int, []byte) error) error {
	return walkAll(data, func(field int, _ uint64, value []byte) error {
		if value == nil {
			return nil
		}
		return visit(field, value)
	})
}

// walkAll calls visit for each field of a message: number is the value of a varint, value that of a length-delimited
// field, which is nil for other fields only.
func walkAll(data []byte, visit func(field int, number uint64, value []byte) error) error {
	for len(data) > 0 {
		field, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		var number uint64
		var value []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(data)
			if value == nil {
				value = []byte{}
			}
		default:
			n = protowire.ConsumeFieldValue(field, kind, data)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := visit(int(field), number, value); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
