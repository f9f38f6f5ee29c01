//go:build gpu

package device

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/assay-rm/assay/kernels/blaslt"
)

// integers are the operands of a product of int8 on the host and on the device, with an algorithm for them. Those of a
// row have one sign and are large: float32 would round the sums of so many.
type integers struct {
	shape
	rows            int
	levels, weights []byte
	x, weight, sums uint64
	product         *blaslt.Integers
}

func openedIntegers(tb testing.TB, d *Device, of shape, rows int) *integers {
	tb.Helper()
	drawn := rand.NewChaCha8([32]byte{byte(of.inner)})
	random := func(rows int) []byte {
		numbers := make([]byte, rows*of.inner)
		drawn.Read(numbers) //nolint:errcheck // it gives none
		for i, b := range numbers {
			numbers[i] = 64 | b&63
			if i/of.inner%2 == 1 {
				numbers[i] = -numbers[i]
			}
		}
		return numbers
	}
	p := &integers{shape: of, rows: rows, levels: random(rows), weights: random(of.columns)}
	p.x, p.weight, p.sums = put(tb, d, p.levels), put(tb, d, p.weights), memory(tb, d, 4*rows*of.columns)
	p.product = chosen(tb, d, func(library *blaslt.Library) (*blaslt.Integers, error) { return library.Integers(of.inner, of.columns) })
	return p
}

// run multiplies the first rows. It is called on the device's goroutine.
func (p *integers) run(d *Device, rows int) error {
	return p.product.Run(d.Stream(), rows, uintptr(p.x), uintptr(p.weight), uintptr(p.sums))
}

// sum is one of the product, by a plain loop.
func (p *integers) sum(row, column int) (sum int32) {
	weight := p.weights[column*p.inner:][:p.inner]
	for i, level := range p.levels[row*p.inner:][:p.inner] {
		sum += int32(int8(level)) * int32(int8(weight[i]))
	}
	return sum
}

// Sums of int8 are exact, whatever the number of rows: samples of the first row and the last are those of plain loops.
func TestIntegers(t *testing.T) {
	d := open(t)
	shapes, numbers := products(d)
	if d.Name() == fake {
		shapes = []shape{{"small", 4096, 32}}
	}
	for _, of := range shapes {
		t.Run(of.name, func(t *testing.T) {
			p := openedIntegers(t, d, of, numbers[len(numbers)-1])
			for _, rows := range numbers {
				for _, row := range []int{0, rows - 1} {
					sums := make([]byte, 4*of.columns)
					_, err := on(d, func() (struct{}, error) {
						return struct{}{}, errors.Join(p.run(d, rows), d.machine.wait(), d.machine.Read(sums, uintptr(p.sums)+uintptr(row*len(sums))))
					})
					if err != nil {
						t.Fatal(err)
					}
					for column := 0; column < of.columns; column += 1 + of.columns/31 {
						if got, want := int32(binary.LittleEndian.Uint32(sums[4*column:])), p.sum(row, column); got != want {
							t.Fatalf("row %d of %d, column %d: the sum is %d, want %d", row, rows, column, got, want)
						}
					}
				}
			}
		})
	}
}

// benchmarkIntegers times the products of int8.
func benchmarkIntegers(b *testing.B, d *Device) {
	b.Helper()
	shapes, numbers := products(d)
	for _, of := range shapes {
		for _, rows := range []int{numbers[0], numbers[len(numbers)/2], numbers[len(numbers)-1]} {
			b.Run(fmt.Sprintf("integers/%s/%dx%dx%d", of.name, rows, of.inner, of.columns), func(b *testing.B) {
				p := openedIntegers(b, d, of, rows)
				seconds := measureRuns(b, d, rows*of.inner+of.columns*of.inner+4*rows*of.columns, func() error { return p.run(d, rows) })
				b.ReportMetric(2*float64(rows)*float64(of.inner)*float64(of.columns)/seconds/1e12, "TOP/s")
			})
		}
	}
}
