package kernels

import "math"

// Widen gives the value of a number's bits, exactly. The type is Float16 or BFloat16.
func (t Type) Widen(bits uint16) float64 {
	if t == BFloat16 {
		return float64(math.Float32frombits(uint32(bits) << 16))
	}
	exponent, fraction := int(bits>>10&31), float64(bits&0x3ff)
	var value float64
	switch exponent {
	case 0:
		value = math.Ldexp(fraction, -24)
	case 31:
		value = math.Inf(1)
		if fraction != 0 {
			value = math.NaN()
		}
	default:
		value = math.Ldexp(1024+fraction, exponent-25)
	}
	if bits>>15 == 1 {
		return -value
	}
	return value
}

// Narrow gives the bits of the number of this type, Float16 or BFloat16, that is nearest to one of float32, and of two
// equally near the even one. What is too large becomes infinite.
func (t Type) Narrow(number float32) uint16 {
	bits := math.Float32bits(number)
	if t == BFloat16 {
		if number != number {
			return uint16(bits>>16) | 0x40
		}
		return uint16((bits + 0x7fff + bits>>16&1) >> 16)
	}
	sign, size := uint16(bits>>16&0x8000), math.Abs(float64(number))
	switch {
	case number != number:
		return sign | 0x7e00
	case size >= 65520: // half-way between the largest and what would follow it
		return sign | 0x7c00
	case size < 0x1p-14: // of such numbers the step is 2^-24
		return sign | uint16(math.RoundToEven(size*0x1p24))
	}
	_, exponent := math.Frexp(size) // size is in [1/2, 1) · 2^exponent, its step 2^(exponent-11)
	steps := uint16(math.RoundToEven(math.Ldexp(size, 11-exponent)))
	return sign | uint16(exponent+13)<<10 + steps
}
