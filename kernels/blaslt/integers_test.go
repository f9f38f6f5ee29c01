package blaslt

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// levels are random whole numbers from -127 to 127. Those of one sign have sums of so many that float32 rounds them.
func levels(n int, oneSign bool) []int8 {
	drawn := rand.New(rand.NewPCG(11, uint64(n)))
	made := make([]int8, n)
	for i := range made {
		made[i] = int8(drawn.IntN(255) - 127)
		if oneSign {
			made[i] = int8(100 + drawn.IntN(28))
		}
	}
	return made
}

func addressOf[T int8 | int32](numbers []T) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(numbers)))
}

// summed are the sums of a product of some rows, by plain loops.
func summed(x, weight []int8, inner int) []int32 {
	var sums []int32
	for row := range slices.Chunk(x, inner) {
		for column := range slices.Chunk(weight, inner) {
			sum := int32(0)
			for i, level := range row {
				sum += int32(level) * int32(column[i])
			}
			sums = append(sums, sum)
		}
	}
	return sums
}

// TestIntegers is exact, for one row and for many, in chunks, and also where the library cuts its sums. Sums in float32
// would not be.
func TestIntegers(t *testing.T) {
	const rows, inner, columns = 35, 2064, 48
	for _, mode := range []string{"", "careless", "untold", "rounded"} {
		t.Setenv("FAKECUDA_BLASLT", mode)
		p, err := open(t).Integers(inner, columns)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		for _, oneSign := range []bool{false, true} {
			x, weight := levels(rows*inner, oneSign), levels(columns*inner, oneSign)
			sums, want := make([]int32, rows*columns), summed(x, weight, inner)
			for from := 0; from < rows; from += 16 {
				chunk := min(16, rows-from)
				if err := p.Run(0, chunk, addressOf(x[from*inner:]), addressOf(weight), addressOf(sums[from*columns:])); err != nil {
					t.Fatal(err)
				}
			}
			if exact := slices.Equal(sums, want); exact == (mode == "rounded" && oneSign) {
				t.Errorf("mode %q, levels of one sign %v: the sums are exact: %v", mode, oneSign, exact)
			}
			if err := p.Run(0, 1, addressOf(x), addressOf(weight), addressOf(sums)); err != nil {
				t.Fatal(err)
			}
			if mode != "rounded" && !slices.Equal(sums[:columns], want[:columns]) {
				t.Errorf("mode %q: the first row has other sums alone", mode)
			}
		}
	}
}

// TestIntegersRefused has a sentence for each way in which there is no such product.
func TestIntegersRefused(t *testing.T) {
	library := open(t)
	for _, test := range []struct {
		inner, columns int
		mode, want     string
	}{
		{40, 64, "", "int8 weights [64, 40]: both sides must be multiples of 16"},
		{64, 24, "", "int8 weights [24, 64]: both sides must be multiples of 16"},
		{0, 64, "", "int8 weights [64, 0]: both sides must be multiples of 16"},
		{131088, 64, "", "int8 weights [64, 131088]: int32 holds sums of 131072 products at most"},
		{64, 80, "cut", "int8 weights [80, 64]: the choice of an algorithm whose sums are not split gives status 15"},
	} {
		t.Setenv("FAKECUDA_BLASLT", test.mode)
		if _, err := library.Integers(test.inner, test.columns); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	t.Setenv("FAKECUDA_BLASLT", "narrow")
	p, err := library.Integers(32, 16)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	x, weight, sums := levels(101*32+4, false), levels(16*32, false), make([]int32, 101*16)
	run := func(rows int, offset uintptr) error {
		return p.Run(0, rows, addressOf(x)+offset, addressOf(weight), addressOf(sums))
	}
	for _, test := range []struct {
		rows   int
		offset uintptr
		want   string
	}{
		{101, 0, "int8 weights [16, 32] times 101 rows: cublasLtMatmulAlgoCheck gives status 15"},
		{100, 2, "int8 weights [16, 32] times 100 rows: cublasLtMatmul gives status 7"},
	} {
		if err := run(test.rows, test.offset); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	for _, rows := range []int{0, 100} {
		if err := run(rows, 4); err != nil {
			t.Error(err)
		}
	}
}
