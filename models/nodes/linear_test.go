package nodes

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// The sizes of testdata/linear8.float16.onnx.
const inner8, outer8 = 64, 48

// runLinear8 runs a linear layer of integers on rows, and gives its result.
func runLinear8(t *testing.T, typed kernels.Type, x []float32, options *ort.SessionOptions) ([]byte, error) {
	t.Helper()
	session, err := ort.NewDynamicAdvancedSession("testdata/linear8."+typed.String()+".onnx", []string{"x"}, []string{"y"}, options)
	if err != nil {
		return nil, err
	}
	defer session.Destroy() //nolint:errcheck // freeing cannot fail
	v := &values{t, typed, map[string]ort.Value{}, map[string][]byte{}}
	rows := len(x) / inner8
	v.numbers("x", x, int64(rows), inner8)
	v.numbers("y", make([]float32, rows*outer8), int64(rows), outer8)
	binding, err := session.CreateIoBinding()
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	if err := errors.Join(binding.BindInput("x", v.given["x"]), binding.BindOutput("y", v.given["y"])); err != nil {
		t.Fatal(err)
	}
	err = session.RunWithBinding(binding)
	for _, value := range v.given {
		value.Destroy() //nolint:errcheck // freeing cannot fail
	}
	return v.bytes["y"], err
}

// rows8 draws rows of very different sizes, one of zeros.
func rows8(rows int) []float32 {
	drawn, x := rand.New(rand.NewPCG(3, 4)), make([]float32, rows*inner8)
	for i := range x {
		if row := i / inner8; row != 5 {
			x[i] = float32(drawn.NormFloat64() * math.Exp(float64(row%9-4)))
		}
	}
	return x
}

// TestLinear8HasTheBitsOfItsBody: integers are summed exactly, and all else is rounded in one order, so that kernels
// and body give the same bits, however many rows are done at once.
func TestLinear8HasTheBitsOfItsBody(t *testing.T) {
	file, err := kerneltest.BuildBlasLt(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for typed, half := range halves {
		for _, rows := range []int{1, 64, 150} {
			t.Run(fmt.Sprintf("%v/%d", typed, rows), func(t *testing.T) {
				body, err := runLinear8(t, typed, rows8(rows), nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, most := range []int{mostSums, 4 * outer8 * chunkRows} { // all at once; 64 at a time
					by := NewKernels(typed, host{cuda.New(0)}, file)
					by.linears.most = most
					ran, err := runLinear8(t, typed, rows8(rows), registered(t, half.kind, by.All()))
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(ran, body) {
						t.Errorf("with %d bytes for sums the bits differ from the body's", most)
					}
					by.Close()
				}
			})
		}
	}
}

// TestARowThatIsNotFiniteHasNoNumber: neither the body nor the kernels round a NaN to a level that looks like one of a
// number.
func TestARowThatIsNotFiniteHasNoNumber(t *testing.T) {
	file, err := kerneltest.BuildBlasLt(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for typed, half := range halves {
		by := NewKernels(typed, host{cuda.New(0)}, file)
		defer by.Close()
		for name, options := range map[string]*ort.SessionOptions{"body": nil, "kernels": registered(t, half.kind, by.All())} {
			for _, worst := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				x := rows8(3)
				x[inner8+7] = float32(worst)
				y, err := runLinear8(t, typed, x, options)
				if err != nil {
					t.Fatal(err)
				}
				for row := range 3 {
					number := typed.Widen(uint16(y[2*row*outer8]) | uint16(y[2*row*outer8+1])<<8)
					if math.IsNaN(float64(number)) != (row == 1) {
						t.Errorf("%v %s: row %d behind %g in row 1 is %g", typed, name, row, worst, number)
					}
				}
			}
		}
	}
}

// TestSumsThatDoNotFitAreRefused names the outputs and the limit.
func TestSumsThatDoNotFitAreRefused(t *testing.T) {
	by := NewKernels(kernels.Float16, host{cuda.New(0)}, "none")
	by.linears.most = 4*outer8*chunkRows - 1
	if _, _, err := by.room(outer8); err == nil || !strings.Contains(err.Error(), "weights of 48 outputs are over the limit of 47") {
		t.Error(err)
	}
}
