package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// proto is a TensorProto before its numbers are put together.
type proto struct {
	tensor   Tensor
	kind     int64
	dims     []int64
	raw      []byte
	hasRaw   bool
	floats   []float32 // float_data, or double_data rounded
	ints     []int64   // int32_data or int64_data
	location string    // of external data
	external bool
}

// readTensor reads a TensorProto.
func readTensor(f field) (*Tensor, error) {
	var p proto
	if err := f.message(p.field); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", p.tensor.Name, err)
	}
	if err := p.fill(); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", p.tensor.Name, err)
	}
	return &p.tensor, nil
}

func (p *proto) field(f field) error {
	var err error
	switch f.number {
	case 1:
		return f.ints(&p.dims)
	case 2:
		return f.int(&p.kind)
	case 3:
		return errors.New("a tensor in segments is not read")
	case 4:
		return f.floats(&p.floats)
	case 5, 7:
		return f.ints(&p.ints)
	case 6:
		return errors.New("a tensor of strings is not read")
	case 8:
		return f.text(&p.tensor.Name)
	case 9:
		p.raw, err = f.bytes()
		p.hasRaw = true
		return err
	case 10:
		return f.doubles(&p.floats)
	case 11:
		return errors.New("a tensor of unsigned integers is not read")
	case 13:
		p.external = true
		location, err := readLocation(f)
		if location != "" {
			p.location = location
		}
		return err
	case 14:
		var where int64
		err = f.int(&where)
		p.external = p.external || where == 1
		return err
	}
	return nil // documentation and metadata
}

// fill checks the kind, the dimensions and the count, and sets the tensor's numbers.
func (p *proto) fill() error {
	if p.external {
		return fmt.Errorf("its numbers are in another file, %q, and external data is not read", p.location)
	}
	kind := Kind(p.kind)
	if int64(kind) != p.kind || kind.width() == 0 {
		return fmt.Errorf("%s is not read", kind)
	}
	if len(p.dims) > maxRank {
		return fmt.Errorf("%d dimensions, and at most %d are read", len(p.dims), maxRank)
	}
	count := 1
	for axis, dim := range p.dims {
		if dim < 0 || dim > maxElements || int64(count)*dim > maxElements {
			return fmt.Errorf("dimension %d is %d: a tensor has at most %d numbers", axis, dim, maxElements)
		}
		count *= int(dim)
		p.tensor.Dims = append(p.tensor.Dims, int(dim))
	}
	p.tensor.Kind = kind
	if p.hasRaw {
		if len(p.floats) > 0 || len(p.ints) > 0 {
			return errors.New("it has numbers in raw_data and beside it")
		}
		return p.fromRaw(count)
	}
	return p.fromTyped(count)
}

func (p *proto) fromRaw(count int) error {
	kind, raw := p.tensor.Kind, p.raw
	width := kind.width()
	if len(raw) != count*width {
		return fmt.Errorf("%d bytes of raw data, and %v %s is %d", len(raw), p.tensor.Dims, kind, count*width)
	}
	if kind.Floating() {
		p.tensor.Floats = make([]float32, count)
	} else {
		p.tensor.Ints = make([]int64, count)
	}
	for i := range count {
		b := raw[i*width:]
		switch kind {
		case Float32:
			p.tensor.Floats[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		case double:
			p.tensor.Floats[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
		case Float16:
			p.tensor.Floats[i] = half(binary.LittleEndian.Uint16(b))
		case BFloat16:
			p.tensor.Floats[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
		case Int32:
			p.tensor.Ints[i] = int64(int32(binary.LittleEndian.Uint32(b)))
		case Int64:
			p.tensor.Ints[i] = int64(binary.LittleEndian.Uint64(b))
		case Bool:
			p.tensor.Ints[i] = truth(int64(b[0]))
		}
	}
	return nil
}

// fromTyped takes float_data, double_data, int64_data, or int32_data, which also holds booleans and 16-bit floats by
// their bits.
func (p *proto) fromTyped(count int) error {
	kind := p.tensor.Kind
	got, other := len(p.ints), len(p.floats)
	if kind == Float32 || kind == double {
		got, other = other, got
	}
	if got != count || other != 0 {
		return fmt.Errorf("%d numbers, and %v is %d", got+other, p.tensor.Dims, count)
	}
	switch kind {
	case Float32, double:
		p.tensor.Floats = p.floats
	case Float16, BFloat16:
		p.tensor.Floats = make([]float32, count)
		for i, bits := range p.ints {
			if p.tensor.Floats[i] = half(uint16(bits)); kind == BFloat16 {
				p.tensor.Floats[i] = math.Float32frombits(uint32(uint16(bits)) << 16)
			}
		}
	case Int32, Int64, Bool:
		p.tensor.Ints = p.ints
		for i, v := range p.ints {
			switch kind {
			case Bool:
				p.tensor.Ints[i] = truth(v)
			case Int32:
				p.tensor.Ints[i] = int64(int32(v))
			default:
			}
		}
	}
	return nil
}

func truth(v int64) int64 {
	if v != 0 {
		return 1
	}
	return 0
}

// half widens an IEEE 754 binary16 number; every one has a float32 of the same value.
func half(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	exponent, fraction := uint32(bits>>10)&0x1f, uint32(bits)&0x3ff
	switch exponent {
	case 0: // zero and subnormal: fraction · 2^-24
		v := float32(fraction) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
