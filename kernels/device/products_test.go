//go:build gpu

package device

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/blaslt"
)

// shape is the inner size and the columns of a product, and what a layer calls it.
type shape struct {
	name           string
	inner, columns int
}

// products are those of a layer of 8 billion parameters, and numbers of rows of which the last is the greatest. A fake
// device gets small ones.
func products(d *Device) (shapes []shape, rows []int) {
	if d.Name() == fake {
		return []shape{{"small", 128, 256}}, []int{1, 2, 9}
	}
	shapes = []shape{{"qkv", 4096, 6144}, {"out", 4096, 4096}, {"gate_up", 4096, 28672}, {"down", 14336, 4096}}
	return shapes, []int{1, 2, 16, 64, 100, 256, 1000, 4096, 8192}
}

// factors are the operands of a product on the device, with an algorithm for them.
type factors struct {
	shape
	rows               int
	x, weight, bias, y uint64
	product            *blaslt.Product
}

// opened draws the operands of a product for so many rows, and has cuBLASLt choose as a linear layer of domain assay
// does.
func opened(tb testing.TB, d *Device, typed kernels.Type, of shape, rows int) *factors {
	tb.Helper()
	drawn := rand.New(rand.NewPCG(7, uint64(of.inner)))
	table := make([]uint16, 1<<16)
	for i := range table {
		table[i] = typed.Narrow(float32(drawn.NormFloat64() / 8))
	}
	random := func(n int) uint64 {
		numbers := make([]byte, 0, 2*n)
		for range n {
			numbers = binary.LittleEndian.AppendUint16(numbers, table[drawn.Uint32()&0xffff])
		}
		return put(tb, d, numbers)
	}
	f := &factors{shape: of, rows: rows, x: random(rows * of.inner), weight: random(of.columns * of.inner), bias: random(of.columns)}
	f.y = scratch(tb, d, 2*rows*of.columns)
	f.product = chosen(tb, d, func(library *blaslt.Library) (*blaslt.Product, error) {
		return library.Product(typed, of.inner, of.columns)
	})
	return f
}

// chosen opens cuBLASLt on the device until the test ends, and has it choose for weights of one shape.
func chosen[P interface{ Close() }](tb testing.TB, d *Device, choose func(*blaslt.Library) (P, error)) P {
	tb.Helper()
	atEnd := func(free func()) {
		tb.Cleanup(func() {
			if _, err := on(d, func() (struct{}, error) { free(); return struct{}{}, nil }); err != nil {
				tb.Error(err)
			}
		})
	}
	library, err := on(d, func() (*blaslt.Library, error) { return blaslt.Open(blaslt.Name) })
	if err != nil {
		tb.Fatal(err)
	}
	atEnd(library.Close)
	product, err := on(d, func() (P, error) { return choose(library) })
	if err != nil {
		tb.Fatal(err)
	}
	atEnd(product.Close)
	return product
}

// run multiplies rows of x from one on. It is called on the device's goroutine.
func (f *factors) run(d *Device, from, rows int) error {
	x := uintptr(f.x) + uintptr(2*from*f.inner)
	return f.product.Run(d.Stream(), rows, x, uintptr(f.weight), uintptr(f.bias), uintptr(f.y))
}

// row is one row of the result, after a product of so many rows of x from one on.
func (f *factors) row(t *testing.T, d *Device, from, rows, at int) []byte {
	t.Helper()
	into := make([]byte, 2*f.columns)
	_, err := on(d, func() (struct{}, error) {
		return struct{}{}, errors.Join(f.run(d, from, rows), d.machine.wait(), d.machine.Read(into, uintptr(f.y)+uintptr(2*at*f.columns)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return into
}

// A row of a linear layer has the bits that it has alone, first or last of any number of rows: what the scores' bits
// hang on, which NVIDIA does not promise.
func TestProducts(t *testing.T) {
	d := open(t)
	shapes, numbers := products(d)
	for _, typed := range []kernels.Type{kernels.Float16, kernels.BFloat16} {
		for _, of := range shapes {
			t.Run(fmt.Sprintf("%v/%s", typed, of.name), func(t *testing.T) {
				most := numbers[len(numbers)-1]
				f := opened(t, d, typed, of, most)
				first, last := f.row(t, d, 0, 1, 0), f.row(t, d, most-1, 1, 0)
				if bytes.Equal(first, last) {
					t.Fatal("two rows have the same numbers, so that this test sees nothing")
				}
				for _, rows := range numbers {
					if !bytes.Equal(f.row(t, d, 0, rows, 0), first) {
						t.Errorf("the first of %d rows has other bits than alone", rows)
					}
					if !bytes.Equal(f.row(t, d, most-rows, rows, rows-1), last) {
						t.Errorf("the last of %d rows has other bits than alone", rows)
					}
				}
			})
		}
	}
}

// benchmarkProducts times the products in bfloat16.
func benchmarkProducts(b *testing.B, d *Device) {
	b.Helper()
	shapes, numbers := products(d)
	for _, of := range shapes {
		for _, rows := range []int{numbers[0], numbers[len(numbers)/2], numbers[len(numbers)-1]} {
			b.Run(fmt.Sprintf("product/%s/%dx%dx%d", of.name, rows, of.inner, of.columns), func(b *testing.B) {
				f := opened(b, d, kernels.BFloat16, of, rows)
				moved := 2 * (rows*of.inner + of.columns*of.inner + rows*of.columns)
				seconds := measureRuns(b, d, moved, func() error { return f.run(d, 0, rows) })
				b.ReportMetric(2*float64(rows)*float64(of.inner)*float64(of.columns)/seconds/1e12, "TFLOP/s")
			})
		}
	}
}
