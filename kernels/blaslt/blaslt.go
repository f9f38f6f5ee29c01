// Package blaslt multiplies by weights on a GPU so that a row of the result has the same bits whatever stands beside
// it: cuBLASLt chooses an algorithm once for each weight, and all numbers of rows are computed by it.
//
//	library, err := blaslt.Open(blaslt.Name)
//	product, err := library.Product(kernels.Float16, 4096, 14336)
//	err = product.Run(stream, 77, x, weight, bias, y)        // y = x · weightᵀ + bias
//	integers, err := library.Integers(4096, 14336)           // of int8
//	err = integers.Run(stream, 77, levels, weight, sums)     // sums = levels · weightᵀ
//
// # Why the bits are equal
//
// What makes a row depend on its batch is a sum that is cut: the inner dimension is shared by several blocks, and the
// number of blocks follows the number of rows (split-K, stream-K). So an algorithm is asked for that needs no workspace
// and no reduction across blocks, at [Usual] rows, and is taken for one row and for thousands. That it fits is asked of
// cuBLASLt at every run, and where it does not the run fails: another algorithm would be another score. NVIDIA does not
// promise that one algorithm sums in one order for every number of rows; a load's proof holds it to that.
//
// Sums of int8 are exact in int32, and any algorithm gives the same bits. They are asked for in the same way, which is
// stricter than they need.
package blaslt

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "blaslt.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// Name is the file of cuBLASLt of CUDA 13, which ONNX Runtime's provider has loaded.
const Name = "libcublasLt.so.13"

// Usual is the number of rows that an algorithm is chosen for.
const Usual = 4096

// Library is cuBLASLt on the device that is current. One goroutine at a time may use it and its products.
type Library struct{ c *C.Blas }

// Open loads cuBLASLt from a file, or finds it in the library path.
func Open(file string) (*Library, error) {
	name := C.CString(file)
	defer C.free(unsafe.Pointer(name))
	var why *C.char
	opened := C.blas_open(name, &why)
	if opened == nil {
		return nil, fmt.Errorf("cuBLASLt %s: %s", file, C.GoString(why))
	}
	return &Library{opened}, nil
}

// Version is cuBLASLt's own, such as 130002 for 13.0.2.
func (l *Library) Version() int { return int(C.blas_version(l.c)) }

// Close lets go of the library. Its products are freed.
func (l *Library) Close() { C.blas_close(l.c) }

// Product multiplies by the weights of one shape, in float16 or bfloat16.
type Product struct{ chosen }

// Product chooses the algorithm for weights [columns, inner] of a type, float16 or bfloat16. Sums are float32.
func (l *Library) Product(typed kernels.Type, inner, columns int) (*Product, error) {
	types := map[kernels.Type]C.int{kernels.Float16: C.BLAS_F16, kernels.BFloat16: C.BLAS_BF16}
	number, is := types[typed]
	p := &Product{chosen{shaped: fmt.Sprintf("%v weights [%d, %d]", typed, columns, inner)}}
	if !is {
		return nil, fmt.Errorf("%s: a product is of float16 or bfloat16", p.shaped)
	}
	if inner < 8 || columns < 8 || inner%8 != 0 || columns%8 != 0 {
		return nil, fmt.Errorf("%s: both sides must be multiples of 8", p.shaped)
	}
	if err := p.choose(l, number, inner, columns); err != nil {
		return nil, err
	}
	return p, nil
}

// Run puts y = x · weightᵀ + bias on a stream: x is [rows, inner], weight [columns, inner], bias [columns] and y [rows,
// columns], by rows, at addresses of the device that are multiples of 256.
func (p *Product) Run(stream uintptr, rows int, x, weight, bias, y uintptr) error {
	return p.run(stream, rows, x, weight, bias, y)
}

// Integers multiplies by int8 weights of one shape.
type Integers struct{ chosen }

// Integers chooses the algorithm for int8 weights [columns, inner], both sides multiples of 16 and inner at most
// [operators.MostLevels].
func (l *Library) Integers(inner, columns int) (*Integers, error) {
	p := &Integers{chosen{shaped: fmt.Sprintf("int8 weights [%d, %d]", columns, inner)}}
	if inner < 16 || columns < 16 || inner%16 != 0 || columns%16 != 0 {
		return nil, fmt.Errorf("%s: both sides must be multiples of 16", p.shaped)
	}
	if inner > operators.MostLevels {
		return nil, fmt.Errorf("%s: int32 holds sums of %d products at most", p.shaped, operators.MostLevels)
	}
	if err := p.choose(l, C.BLAS_I8, inner, columns); err != nil {
		return nil, err
	}
	return p, nil
}

// Run puts sums = x · weightᵀ on a stream, exactly: x is int8 [rows, inner], weight int8 [columns, inner] and sums
// int32 [rows, columns], by rows, at addresses of the device that are multiples of 256. Rows may be done a chunk after
// the other, into the same memory; chunks of a multiple of 16 rows begin at multiples of 256 where x does.
func (p *Integers) Run(stream uintptr, rows int, x, weight, sums uintptr) error {
	return p.run(stream, rows, x, weight, 0, sums)
}

// chosen is what both are: weights of one shape and an algorithm for them.
type chosen struct {
	c      C.BlasProduct
	shaped string // for errors
}

// choose has cuBLASLt choose an algorithm.
func (p *chosen) choose(l *Library, factors C.int, inner, columns int) error {
	var what *C.char
	if failed := C.blas_product(l.c, factors, C.int64_t(inner), C.int64_t(columns), Usual, &p.c, &what); failed != 0 {
		return fmt.Errorf("%s: %s gives status %d", p.shaped, C.GoString(what), int(failed))
	}
	return nil
}

// run puts a product on a stream.
func (p *chosen) run(stream uintptr, rows int, x, weight, bias, y uintptr) error {
	if rows == 0 {
		return nil
	}
	var what *C.char
	failed := C.blas_run(&p.c, C.int64_t(rows), C.uintptr_t(x), C.uintptr_t(weight), C.uintptr_t(bias), C.uintptr_t(y), C.uintptr_t(stream), &what)
	if failed != 0 {
		return fmt.Errorf("%s times %d rows: %s gives status %d", p.shaped, rows, C.GoString(what), int(failed))
	}
	return nil
}

// Close frees the product.
func (p *chosen) Close() { C.blas_product_free(&p.c) }
