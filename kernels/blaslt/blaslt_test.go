package blaslt

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// fake is a cuBLASLt whose device is the host, made of kernels/fakecuda.
var fake string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "blaslt")
	if err != nil {
		panic(err)
	}
	if fake, err = kerneltest.BuildBlasLt(folder); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(folder) //nolint:errcheck // nothing depends on it
	os.Exit(status)
}

func open(t *testing.T) *Library {
	t.Helper()
	library, err := Open(fake)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(library.Close)
	return library
}

const inner, columns = 264, 24

// operands are random numbers of a type, and their widened values.
func operands(typed kernels.Type, rows int) (x, weight, bias []uint16) {
	drawn := rand.New(rand.NewPCG(3, 5))
	random := func(n int, scale float64) []uint16 {
		made := make([]uint16, n)
		for i := range made {
			made[i] = typed.Narrow(float32(drawn.NormFloat64() * scale))
		}
		return made
	}
	return random(rows*inner, 1), random(columns*inner, 0.1), random(columns, 1)
}

func address(numbers []uint16) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(numbers))) }

// product is y for some rows of x, by a product that is made for them.
func product(t *testing.T, library *Library, typed kernels.Type, x, weight, bias []uint16) []uint16 {
	t.Helper()
	p, err := library.Product(typed, inner, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	y := make([]uint16, len(x)/inner*columns)
	if err := p.Run(0, len(x)/inner, address(x), address(weight), address(bias), address(y)); err != nil {
		t.Fatal(err)
	}
	return y
}

// TestProduct is within a rounding of float64, and a row has the same bits alone and in any batch, also where the
// library offers an algorithm first that does not keep to it.
func TestProduct(t *testing.T) {
	for _, mode := range []string{"", "careless"} {
		for typed, half := range map[kernels.Type]float64{kernels.Float16: 0x1p-11, kernels.BFloat16: 0x1p-8} {
			t.Setenv("FAKECUDA_BLASLT", mode)
			library := open(t)
			const rows = 7
			x, weight, bias := operands(typed, rows)
			all := product(t, library, typed, x, weight, bias)
			for row := range rows {
				own := x[row*inner : (row+1)*inner]
				for column := range columns {
					want := float64(typed.Widen(bias[column]))
					for i, v := range own {
						want += float64(typed.Widen(v)) * float64(typed.Widen(weight[column*inner+i]))
					}
					if got := float64(typed.Widen(all[row*columns+column])); !(math.Abs(got-want) <= 1.01*half*math.Abs(want)+1e-5) {
						t.Fatalf("%v: y[%d, %d] is %v, want %v", typed, row, column, got, want)
					}
				}
				for first := range row + 1 {
					batch := product(t, library, typed, x[first*inner:(row+1)*inner], weight, bias)
					if !slices.Equal(batch[len(batch)-columns:], all[row*columns:(row+1)*columns]) {
						t.Fatalf("%v %s: row %d has other bits behind %d others", typed, mode, row, row-first)
					}
				}
			}
		}
	}
}

// TestRefusals has a sentence for each way in which there is no such product.
func TestRefusals(t *testing.T) {
	if _, err := Open("/none/" + Name); err == nil || !strings.Contains(err.Error(), "cuBLASLt /none/"+Name+": ") {
		t.Error(err)
	}
	library := open(t)
	if v := library.Version(); v != 130002 {
		t.Error(v)
	}
	for _, test := range []struct {
		typed          kernels.Type
		inner, columns int
		mode, want     string
	}{
		{kernels.Float32, 64, 64, "", "float32 weights [64, 64]: a product is of float16 or bfloat16"},
		{kernels.Float16, 60, 64, "", "float16 weights [64, 60]: both sides must be multiples of 8"},
		{kernels.Float16, 64, 0, "", "float16 weights [0, 64]: both sides must be multiples of 8"},
		{kernels.BFloat16, 64, 72, "cut", "bfloat16 weights [72, 64]: the choice of an algorithm whose sums are not split gives status 15"},
	} {
		t.Setenv("FAKECUDA_BLASLT", test.mode)
		if _, err := library.Product(test.typed, test.inner, test.columns); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	t.Setenv("FAKECUDA_BLASLT", "narrow")
	p, err := library.Product(kernels.Float16, inner, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	x, weight, bias := operands(kernels.Float16, 101)
	y := make([]uint16, 101*columns)
	run := func(rows int) error { return p.Run(0, rows, address(x), address(weight), address(bias), address(y)) }
	if err := run(100); err != nil {
		t.Error(err)
	}
	if err := run(101); err == nil || err.Error() != "float16 weights [24, 264] times 101 rows: cublasLtMatmulAlgoCheck gives status 15" {
		t.Error(err)
	}
	if err := run(0); err != nil {
		t.Error(err)
	}
}
