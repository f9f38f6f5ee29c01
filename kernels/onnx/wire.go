package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// What the bytes of a file may ask for, whatever they mean. With these bounds the walk of any file ends within seconds.
const (
	maxFields = 1 << 24 // fields of all messages of a file together
	maxName   = 1024    // bytes of a name
)

// field is one field of a protobuf message.
type field struct {
	number int
	wire   protowire.Type
	scalar uint64 // of a varint, fixed32 or fixed64 field
	data   []byte // of a length-delimited field; a part of the file
	walker *walker
}

// walker walks the messages of one file.
type walker struct{ fields int }

// walk calls visit for each field of a message and stops at its first error.
func (w *walker) walk(data []byte, visit func(field) error) error {
	for len(data) > 0 {
		if w.fields++; w.fields > maxFields {
			return fmt.Errorf("the file has more than %d fields", maxFields)
		}
		f, n, err := w.next(data)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// next reads the field with which a message begins, and gives its length.
func (w *walker) next(data []byte) (f field, size int, err error) {
	number, wire, size := protowire.ConsumeTag(data)
	if size < 0 {
		return f, 0, damaged(protowire.ParseError(size))
	}
	f = field{number: int(number), wire: wire, walker: w}
	var n int
	data = data[size:]
	switch wire {
	case protowire.VarintType:
		f.scalar, n = protowire.ConsumeVarint(data)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(data)
		f.scalar = uint64(v)
	case protowire.Fixed64Type:
		f.scalar, n = protowire.ConsumeFixed64(data)
	case protowire.BytesType:
		f.data, n = protowire.ConsumeBytes(data)
	default:
		return f, 0, damaged(fmt.Errorf("field %d has wire type %d, which ONNX does not use", number, wire))
	}
	if n < 0 {
		return f, 0, damaged(protowire.ParseError(n))
	}
	return f, size + n, nil
}

// damaged is the error of bytes that are no message of onnx.proto3.
func damaged(err error) error { return fmt.Errorf("not an ONNX file, or a damaged one: %w", err) }

// wants is the error of a field that is of another type than onnx.proto3 says.
func (f field) wants(what string) error {
	return damaged(fmt.Errorf("field %d has wire type %d, and %s is wanted", f.number, f.wire, what))
}

// bytes gives a length-delimited field's content.
func (f field) bytes() ([]byte, error) {
	if f.wire != protowire.BytesType {
		return nil, f.wants("a length")
	}
	return f.data, nil
}

// message visits the fields of an inner message.
func (f field) message(visit func(field) error) error {
	data, err := f.bytes()
	if err != nil {
		return err
	}
	return f.walker.walk(data, visit)
}

// text sets a string of at most maxName bytes.
func (f field) text(into *string) error {
	data, err := f.bytes()
	if err != nil {
		return err
	}
	if len(data) > maxName {
		return fmt.Errorf("field %d: a name of %d bytes, and at most %d are read", f.number, len(data), maxName)
	}
	*into = string(data)
	return nil
}

// int sets an integer.
func (f field) int(into *int64) error {
	if f.wire != protowire.VarintType {
		return f.wants("an integer")
	}
	*into = int64(f.scalar)
	return nil
}

// ints appends the integers of a repeated field, packed or not.
func (f field) ints(into *[]int64) error {
	if f.wire == protowire.VarintType {
		*into = append(*into, int64(f.scalar))
		return nil
	}
	data, err := f.bytes()
	for err == nil && len(data) > 0 {
		v, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return damaged(protowire.ParseError(n))
		}
		*into = append(*into, int64(v))
		data = data[n:]
	}
	return err
}

// product multiplies into by the integers of a repeated field, packed or not. One below 0 counts as 0.
func (f field) product(into *int64) error {
	if f.wire == protowire.VarintType {
		*into = times(*into, max(0, int64(f.scalar)))
		return nil
	}
	data, err := f.bytes()
	for err == nil && len(data) > 0 {
		v, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return damaged(protowire.ParseError(n))
		}
		*into = times(*into, max(0, int64(v)))
		data = data[n:]
	}
	return err
}

// times and sum are those of numbers that are not negative, or the greatest number where there is none.
func times(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// floats appends the numbers of a repeated float field, packed or not.
func (f field) floats(into *[]float32) error {
	if f.wire == protowire.Fixed32Type {
		*into = append(*into, math.Float32frombits(uint32(f.scalar)))
		return nil
	}
	data, err := f.bytes()
	if err != nil {
		return err
	}
	if len(data)%4 != 0 {
		return damaged(errors.New("packed floats end inside a number"))
	}
	for ; len(data) > 0; data = data[4:] {
		*into = append(*into, math.Float32frombits(binary.LittleEndian.Uint32(data)))
	}
	return nil
}

// doubles appends the numbers of a repeated double field, rounded to float32.
func (f field) doubles(into *[]float32) error {
	if f.wire == protowire.Fixed64Type {
		*into = append(*into, float32(math.Float64frombits(f.scalar)))
		return nil
	}
	data, err := f.bytes()
	if err != nil {
		return err
	}
	if len(data)%8 != 0 {
		return damaged(errors.New("packed doubles end inside a number"))
	}
	for ; len(data) > 0; data = data[8:] {
		*into = append(*into, float32(math.Float64frombits(binary.LittleEndian.Uint64(data))))
	}
	return nil
}
