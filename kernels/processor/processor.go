// Package processor has kernels of the operators of domain assay for processors, in C
// (models/export/assay_export/operators defines the operators, models/nodes has ONNX Runtime run these kernels).
//
// There are several tiers of them, of which [Best] is the fastest that this processor has. All give the same bits, so
// what they compute does not hang on the machine, and a row's bits hang on nothing but the row: not on what else a
// forward has, nor on how many threads compute it. The files tell how:
//
//	vector.h    sixteen floats at a time, by each tier's instructions
//	bits.h      sixteen words of four bytes, likewise
//	numbers.h   three types of numbers; exp, GELU, tanh
//	links.h     what a product adds to a sum, which linear.h and attention.h have in common
//	rows.h      norms, activations, rows rounded to int8
//	linear.h    products in float32, float16, bfloat16 and int8; words.h has what a tier multiplies with
//	rotate.h    queries and keys turned, keys and values put into their slots
//	attention.h queries, keys and values of tiles
package processor

// The standard's C, without GNU's additions, has GCC multiply and add in two roundings where it is written so; else a
// tier with fused instructions would have other bits. Numbers of two bytes pass through memory of floats, which GCC
// would take for memory that nobody wrote if it went by the types of memory.

/*
#cgo CFLAGS: -O3 -std=c11 -fno-strict-aliasing -Wall -Wextra -Wno-unused-function -Wno-unused-parameter
#cgo LDFLAGS: -lm
#include "tiers.h"
*/
import "C"

import (
	"unsafe"

	"github.com/assay-rm/assay/kernels"
)

// Tier is kernels that are made for some of a processor's instructions.
type Tier struct{ c *C.AssayKernels }

// Tiers are those that this processor has, from the slowest on: at least one, in plain C.
func Tiers() (tiers []Tier) {
	for tier := range C.int(C.ASSAY_TIERS) {
		if c := C.assay_tier(tier); c != nil {
			tiers = append(tiers, Tier{c})
		}
	}
	return tiers
}

// Best is the fastest tier of this processor.
func Best() Tier {
	tiers := Tiers()
	return tiers[len(tiers)-1]
}

// String names its instructions: "AVX-512", "AVX2", or "plain C".
func (t Tier) String() string { return C.GoString(t.c.name) }

// Kind is what the weights of a product are made of. The first three are those of [kernels.Type].
type Kind int

// The kinds of weights.
const (
	Float32 Kind = iota
	Float16
	BFloat16
	Int8
)

// String is the name as manifests write it.
func (k Kind) String() string {
	if k == Int8 {
		return "int8"
	}
	return kernels.Type(k).String()
}

// Products names the instructions by which weights of a kind are multiplied, such as "AVX-512 BF16", and tells whether
// they are made for it. Those that are not take about as long as float32 or longer, or with plain C many times as long.
func (t Tier) Products(of Kind) (instructions string, fast bool) {
	return C.GoString(t.c.products[of]), t.c.fast[of] != 0
}

// Pointers are what C needs of a tier: its table AssayKernels, and the functions assay_packed_bytes and
// assay_pack_weights (processor.h).
func (t Tier) Pointers() (table, packedBytes, packWeights unsafe.Pointer) {
	return unsafe.Pointer(t.c), C.assay_packed_bytes, C.assay_pack_weights
}
