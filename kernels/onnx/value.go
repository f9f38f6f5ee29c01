package onnx

import (
	"errors"
	"fmt"
)

// Value is an input or an output of the graph.
type Value struct {
	Name string
	Kind Kind
	Dims []int // -1: not fixed by the file; nil: the file does not say how many there are
}

// String is the value as a message names it: "input_ids int64 [-1 -1]". Of a long name it has the beginning.
func (v Value) String() string {
	return fmt.Sprintf("%s %s %d", beginning(printable(v.Name), 80), v.Kind, v.Dims)
}

// Fits tells whether the value has the kind and allows the dimensions wanted; -1 is any size, on either side, and so is
// a value that has no dimensions.
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
	for i, size := range v.Dims {
		if size >= 0 && want.Dims[i] >= 0 && size != want.Dims[i] {
			return false
		}
	}
	return true
}

// appendValue reads a ValueInfoProto: name 1, type 2. What is no tensor has Kind 0.
func appendValue(values []Value, f field) ([]Value, error) {
	if len(values) == maxPorts {
		return nil, fmt.Errorf("the graph has more than %d inputs or outputs", maxPorts)
	}
	var v Value
	types := 0
	err := f.message(func(f field) error {
		switch f.number {
		case 1:
			return f.text(&v.Name)
		case 2:
			return f.message(func(f field) error { // TypeProto: tensor_type 1
				if f.number != 1 {
					return nil
				}
				types++
				return f.message(v.typeField)
			})
		}
		return nil
	})
	if err == nil && types > 1 {
		err = errors.New("its type comes twice")
	}
	if err != nil {
		return nil, fmt.Errorf("value %q: %w", v.Name, err)
	}
	return append(values, v), nil
}

// typeField reads a field of a TypeProto.Tensor: elem_type 1, shape 2 → dim 1.
func (v *Value) typeField(f field) error {
	switch f.number {
	case 1:
		var kind int64
		err := f.int(&kind)
		v.Kind = Kind(kind)
		return err
	case 2:
		if v.Dims != nil {
			return errors.New("its shape comes twice")
		}
		v.Dims = []int{}
		return f.message(func(f field) error {
			if f.number != 1 {
				return nil
			}
			return v.dim(f)
		})
	}
	return nil
}

// dim reads a TensorShapeProto.Dimension: dim_value 1. One that is below 0 is not fixed, as some exporters write it.
func (v *Value) dim(f field) error {
	if len(v.Dims) == maxRank {
		return fmt.Errorf("more than %d dimensions", maxRank)
	}
	size := int64(-1)
	err := f.message(func(f field) error {
		if f.number != 1 {
			return nil
		}
		if err := f.int(&size); err != nil {
			return err
		}
		if size > maxElements {
			return fmt.Errorf("dimension %d is %d, and at most %d is read", len(v.Dims), size, maxElements)
		}
		return nil
	})
	v.Dims = append(v.Dims, int(max(size, -1)))
	return err
}
