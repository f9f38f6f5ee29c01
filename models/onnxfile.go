package models

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/assay-rm/assay/models/onnxrun"
)

// onnxFile is what the server wants to know of a graph before ONNX Runtime reads it.
// Field numbers are those of onnx.proto3 (onnx/onnx, onnx/onnx.proto3).
type onnxFile struct {
	inputs, outputs []onnxrun.Value
	external        []string // locations of external data
	batchScale      string   // an operation that rounds the whole batch by one scale
}

// parseONNX walks the file's outer structure; weights are skipped, not copied.
func parseONNX(data []byte) (*onnxFile, error) {
	var file onnxFile
	var graphs int
	weights := map[string]bool{}
	err := walk(data, func(field int, value []byte) error {
		switch field { // ModelProto: graph 7, functions 25, each FunctionProto's node 7
		case 7:
			graphs++
			return file.graph(value, weights)
		case 25:
			return walk(value, func(field int, value []byte) error {
				if field != 7 {
					return nil
				}
				return file.node(value)
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
		return nil, fmt.Errorf("%s takes one activation scale for the whole batch, so a score would depend on its batch mates; "+
			"export the checkpoint with assay-export --int8, which takes one for each token", file.batchScale)
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

// graph reads a GraphProto: node 1, initializer 5, input 11, output 12.
func (f *onnxFile) graph(data []byte, weights map[string]bool) error {
	return walk(data, func(field int, value []byte) error {
		switch field {
		case 1:
			return f.node(value)
		case 5:
			return f.tensor(value, weights)
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

// node reads a NodeProto's op_type (4), and its attributes (5) for the tensors (5, 10) and graphs (6, 11) that they hold.
func (f *onnxFile) node(data []byte) error {
	return walk(data, func(field int, attribute []byte) error {
		if field == 4 && strings.HasPrefix(string(attribute), "DynamicQuantize") { // …Linear, and ONNX Runtime's …MatMul and …LSTM
			f.batchScale = string(attribute)
		}
		if field != 5 {
			return nil
		}
		return walk(attribute, func(field int, value []byte) error {
			switch field {
			case 5, 10:
				return f.tensor(value, map[string]bool{})
			case 6, 11:
				inner := onnxFile{external: f.external, batchScale: f.batchScale}
				err := inner.graph(value, map[string]bool{})
				f.external, f.batchScale = inner.external, inner.batchScale
				return err
			}
			return nil
		})
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

// parseValue reads a ValueInfoProto: name 1, type 2 → tensor_type 1 → elem_type 1, shape 2 → dim 1 → dim_value 1.
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

// walkAll calls visit for each field: number holds a varint, value a length-delimited field (never nil for one).
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
