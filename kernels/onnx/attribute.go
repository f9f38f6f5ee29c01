package onnx

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// attribute reads an AttributeProto into the node.
func (n *Node) attribute(f field) error {
	var name string
	var kind int64
	var a Attribute
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&name)
		case 2:
			if f.wire != protowire.Fixed32Type {
				return fmt.Errorf("field 2 has wire type %d, and a float is wanted", f.wire)
			}
			a.Float = math.Float32frombits(uint32(f.scalar))
		case 3:
			return f.int(&a.Int)
		case 4:
			return f.text(&a.Text)
		case 5:
			var err error
			a.Tensor, err = readTensor(f)
			return err
		case 7:
			return f.floats(&a.Floats)
		case 8:
			return f.ints(&a.Ints)
		case 20:
			return f.int(&kind)
		case 21:
			return errors.New("a reference to a function's attribute is not read")
		}
		return nil // the type says whether another field was wanted
	})
	if err != nil {
		return fmt.Errorf("attribute %q: %w", name, err)
	}
	a.Type = AttributeType(kind)
	switch a.Type {
	case AttributeFloat, AttributeInt, AttributeString, AttributeFloats, AttributeInts:
	case AttributeTensor:
		if a.Tensor == nil {
			return fmt.Errorf("attribute %q is a tensor and has none", name)
		}
	default:
		return fmt.Errorf("attribute %q: %s is not read", name, a.Type)
	}
	if _, twice := n.Attributes[name]; twice {
		return fmt.Errorf("attribute %q comes twice", name)
	}
	n.Attributes[name] = a
	return nil
}

// appendValue reads a ValueInfoProto: name 1, type 2.
func appendValue(into *[]Value, f field) error {
	if len(*into) == maxPorts {
		return fmt.Errorf("the graph has more than %d inputs or outputs", maxPorts)
	}
	var v Value
	tensors := 0
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&v.Name)
		case 2:
			return f.message(func(f field) error { // TypeProto: tensor_type 1
				if f.number != 1 {
					return nil
				}
				tensors++
				return f.message(v.typeField)
			})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("value %q: %w", v.Name, err)
	}
	if tensors != 1 {
		return fmt.Errorf("value %q is not a tensor", v.Name)
	}
	*into = append(*into, v)
	return nil
}

// typeField reads a field of a TypeProto.Tensor: elem_type 1, shape 2 → dim 1 → dim_value 1.
func (v *Value) typeField(f field) error {
	switch f.number {
	case 1:
		var kind int64
		err := f.int(&kind)
		v.Kind = Kind(kind)
		return err
	case 2:
		v.Dims = []int{}
		return f.message(func(f field) error {
			if f.number != 1 {
				return nil
			}
			if len(v.Dims) == maxRank {
				return fmt.Errorf("more than %d dimensions", maxRank)
			}
			size := int64(-1)
			err := f.message(func(f field) error {
				if f.number != 1 {
					return nil
				}
				if err := f.int(&size); err != nil || size < 0 || size > maxElements {
					return fmt.Errorf("dimension %d is %d, and at most %d is read", len(v.Dims), size, maxElements)
				}
				return nil
			})
			v.Dims = append(v.Dims, int(size))
			return err
		})
	}
	return nil
}
