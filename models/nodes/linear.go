package nodes

import (
	"fmt"

	"github.com/assay-rm/assay/kernels/blaslt"
	"github.com/assay-rm/assay/kernels/operators"
)

// mostSums is the memory for the sums of an integer product, in bytes: what goes beyond is done a chunk of rows after
// the other. It is large enough to keep a GPU busy, and small enough to lie in the caches of the largest.
const mostSums = 64 << 20

// chunkRows is what the rows of a chunk are a multiple of.
const chunkRows = 64

// linears are the products of linear layers, one for each shape of weights.
type linears struct {
	file     string          // of cuBLASLt
	library  *blaslt.Library // nil until the first product, since it is opened where the device is current
	products map[size]*blaslt.Product
	integers map[size]*blaslt.Integers
	sums     uintptr // memory of mostSums bytes; 0 until the first integer product
	most     int     // bytes of sums
}

// size is that of weights [outer, inner].
type size struct{ inner, outer int64 }

func newLinears(file string) linears {
	return linears{file: file, products: map[size]*blaslt.Product{}, integers: map[size]*blaslt.Integers{}, most: mostSums}
}

func (l *linears) close(machine Machine) {
	for _, product := range l.products {
		product.Close()
	}
	for _, product := range l.integers {
		product.Close()
	}
	if l.library != nil {
		l.library.Close()
	}
	if l.sums != 0 {
		machine.Release(l.sums) //nolint:errcheck // what fails here has failed a forward before
	}
	*l = linears{}
}

// open gives cuBLASLt.
func (l *linears) open() (*blaslt.Library, error) {
	if l.library != nil {
		return l.library, nil
	}
	library, err := blaslt.Open(l.file)
	if err == nil {
		l.library = library
	}
	return library, err
}

// product gives what multiplies by weights of a size: what is made, unless it is there.
func product[P any](l *linears, made map[size]P, of size, choose func(library *blaslt.Library) (P, error)) (P, error) {
	if there, is := made[of]; is {
		return there, nil
	}
	var none P
	library, err := l.open()
	if err != nil {
		return none, err
	}
	chosen, err := choose(library)
	if err != nil {
		return none, err
	}
	made[of] = chosen
	return chosen, nil
}

// fit refuses rows, weights and a bias that do not fit each other, and gives the size of the weights.
func fit(x, weight, bias Tensor) (size, error) {
	of := size{inner: weight.Shape[1], outer: weight.Shape[0]}
	if x.Shape[1] != of.inner || bias.Elements() != of.outer {
		return of, fmt.Errorf("rows of %d numbers, weights %d and a bias of %d do not fit each other", x.Shape[1], weight.Shape, bias.Elements())
	}
	return of, nil
}

func (k *Kernels) linear(c *Call) error {
	x, weight, bias := c.Inputs[0], c.Inputs[1], c.Inputs[2]
	of, err := fit(x, weight, bias)
	if err != nil {
		return err
	}
	y, err := c.Output(0, x.Shape[0], of.outer)
	if err != nil {
		return err
	}
	chosen, err := product(&k.linears, k.linears.products, of, func(library *blaslt.Library) (*blaslt.Product, error) {
		return library.Product(k.typed, int(of.inner), int(of.outer))
	})
	if err != nil {
		return err
	}
	return chosen.Run(c.Stream, int(x.Shape[0]), x.Address, weight.Address, bias.Address, y.Address)
}

func (k *Kernels) quantizeRows(c *Call) error {
	x := c.Inputs[0]
	levels, err := c.Output(0, x.Shape...)
	if err != nil {
		return err
	}
	scales, err := c.Output(1, x.Shape[0])
	if err != nil {
		return err
	}
	return k.start(operators.QuantizeRows{
		Type: k.typed, Rows: int(x.Shape[0]), Width: int(x.Shape[1]), X: x.Address, Levels: levels.Address, Scales: scales.Address,
	}.Launch())
}

// linear8 multiplies as many rows at once as there is memory for sums.
func (k *Kernels) linear8(c *Call) error {
	levels, rowScales, weight, scales, bias := c.Inputs[0], c.Inputs[1], c.Inputs[2], c.Inputs[3], c.Inputs[4]
	of, err := fit(levels, weight, bias)
	if err != nil {
		return err
	}
	rows := int(levels.Shape[0])
	if rowScales.Elements() != int64(rows) || scales.Elements() != of.outer {
		return fmt.Errorf("%d rows with %d scales, and %d columns with %d, do not fit each other", rows, rowScales.Elements(), of.outer, scales.Elements())
	}
	y, err := c.Output(0, int64(rows), of.outer)
	if err != nil {
		return err
	}
	chosen, err := product(&k.linears, k.linears.integers, of, func(library *blaslt.Library) (*blaslt.Integers, error) {
		return library.Integers(int(of.inner), int(of.outer))
	})
	if err != nil {
		return err
	}
	sums, chunk, err := k.room(int(of.outer))
	if err != nil {
		return err
	}
	inner, outer := uintptr(of.inner), uintptr(of.outer)
	for first := 0; first < rows; first += chunk {
		from, count := uintptr(first), min(chunk, rows-first)
		err = chosen.Run(c.Stream, count, levels.Address+from*inner, weight.Address, sums)
		if err == nil {
			err = k.start(operators.ScaleSums{
				Type: k.typed, Rows: count, Width: int(of.outer), Sums: sums, RowScales: rowScales.Address + 4*from, Scales: scales.Address,
				Bias: bias.Address, Y: y.Address + 2*from*outer,
			}.Launch())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// room gives the memory for sums, and how many rows of so many columns it holds.
func (k *Kernels) room(columns int) (address uintptr, rows int, err error) {
	l := &k.linears
	rows = l.most / (4 * columns) / chunkRows * chunkRows
	if rows == 0 {
		return 0, 0, fmt.Errorf("weights of %d outputs are over the limit of %d", columns, l.most/(4*chunkRows))
	}
	if l.sums == 0 {
		if l.sums, err = k.machine.Alloc(l.most); err != nil {
			return 0, 0, fmt.Errorf("memory of %d bytes for sums of integers: %w", l.most, err)
		}
	}
	return l.sums, rows, nil
}
