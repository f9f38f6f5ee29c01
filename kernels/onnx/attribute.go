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
	other := false // what no type that is read has
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&name)
		case 2:
			if f.wire != protowire.Fixed32Type {
				return f.wants("a float")
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
		case 6, 10, 11, 22, 23: // graphs, tensors, and sparse ones
			other = true
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
	if other {
		return fmt.Errorf("attribute %q is of type %s, and holds graphs or tensors", name, a.Type)
	}
	if _, twice := n.Attributes[name]; twice {
		return fmt.Errorf("attribute %q comes twice", name)
	}
	n.Attributes[name] = a
	return nil
}
