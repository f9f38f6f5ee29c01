package kerneltest

import (
	"testing"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/operators"
)

// OperatorCheck is one thing that the kernels of the operators must hold to on any machine.
type OperatorCheck struct {
	Kernel string // the .cu file that it tries, without the ending
	Name   string
	// Run tries a machine with random numbers made from a seed. Its error says what is wrong.
	Run func(machine kernels.Machine, seed uint64) (Worst, error)
}

// OperatorChecks is what the kernels of the operators must hold to.
func OperatorChecks() []OperatorCheck {
	return []OperatorCheck{
		{"add_rms_norm", "shapes", normShapes},
		{"add_rms_norm", "batch", normBatch},
		{"add_layer_norm", "shapes", layerNormShapes},
		{"add_layer_norm", "batch", layerNormBatch},
		{"add_layer_norm", "far from zero", layerNormOffsets},
		{"add_layer_norm", "equal numbers", layerNormEqual},
		{"gelu", "shapes", geluShapes},
		{"gelu", "every number", geluNumbers},
		{"gelu", "batch", geluBatch},
		{"swiglu", "shapes", gateShapes},
		{"swiglu", "batch", gateBatch},
		{"linear8", "rows", quantizeShapes},
		{"linear8", "halves", quantizeHalves},
		{"linear8", "extreme rows", quantizeExtremes},
		{"linear8", "rows that are not finite", quantizeNotFinite},
		{"linear8", "sums", scaleShapes},
		{"linear8", "extreme sums", scaleExtremes},
		{"rotate", "shapes", rotateShapes},
		{"rotate", "batch", rotateBatch},
		{"rotate", "outside", rotateOutside},
		{"rotate", "without slots", rotateWithoutSlots},
		{"attention", "windows", attentionWindows},
		{"attention", "extremes", attentionExtremes},
		{"attention", "no keys", attentionNoKeys},
		{"attention", "one law for every plan", attentionPlans},
		{"attention", "shapes", attentionShapes},
	}
}

// RunOperators runs the checks of the operators on a machine and prints the worst error of each.
func RunOperators(t *testing.T, machine kernels.Machine, seed uint64) {
	t.Helper()
	for _, check := range OperatorChecks() {
		t.Run(check.Kernel+"/"+check.Name, func(t *testing.T) {
			worst, err := check.Run(machine, seed)
			t.Logf("%s, seed %d: worst error %.2g, %.0f %% of the limit", t.Name(), seed, worst.Error, 100*worst.Share)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}

// halfTypes are those that the operators compute in.
var halfTypes = []kernels.Type{kernels.Float16, kernels.BFloat16}

// roundoff is the largest relative error of one rounding to a type of 16 bits.
func roundoff(typed kernels.Type) float64 {
	if typed == kernels.BFloat16 {
		return 0x1p-8
	}
	return 0x1p-11
}

// oneRounding is the limit of an operator that computes in float32 and rounds once: one rounding of the type, and
// beside it what float32 leaves of numbers of about 1.
func oneRounding(typed kernels.Type) *comparison {
	return &comparison{abs: 4e-6, rel: 1.004 * roundoff(typed)}
}

// stage is the memory of one call on a machine. What goes wrong is the comparison's error, and what follows does
// nothing.
type stage struct {
	*comparison
	machine kernels.Machine
	owned   []uintptr
}

// number is what memory of a call has.
type number interface {
	int8 | int32 | int64 | float32 | uint16
}

// put is the address of a copy of the numbers; 0 of none.
func put[T number](s *stage, numbers []T) uintptr {
	if s.err != nil || len(numbers) == 0 {
		return 0
	}
	bytes := bytesOf(numbers)
	address, err := s.machine.Alloc(len(bytes))
	if err == nil {
		s.owned = append(s.owned, address)
		err = s.machine.Write(address, bytes)
	}
	s.call("put", err)
	return address
}

// get reads numbers over those that are there.
func get[T number](s *stage, address uintptr, into []T) []T {
	if s.err == nil && len(into) > 0 {
		s.call("get", s.machine.Read(bytesOf(into), address))
	}
	return into
}

// start runs a launch.
func (s *stage) start(launch operators.Launch, err error) {
	if err == nil && s.err == nil {
		err = launch.On(s.machine)
	}
	s.call("launch", err)
}

// clear gives the memory back.
func (s *stage) clear() {
	for _, address := range s.owned {
		s.call("free", s.machine.Free(address))
	}
	s.owned = nil
}

func bytesOf[T number](numbers []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), len(numbers)*int(unsafe.Sizeof(numbers[0])))
}

// widened are the values of a type's bits.
func widened(typed kernels.Type, bits []uint16) []float64 {
	out := make([]float64, len(bits))
	for i, b := range bits {
		out[i] = typed.Widen(b)
	}
	return out
}

// nearHalves holds a result of 16 bits to the definition.
func (c *comparison) nearHalves(what string, typed kernels.Type, got []uint16, want []float64) {
	numbers := make([]float32, len(got))
	for i, b := range got {
		numbers[i] = float32(typed.Widen(b))
	}
	c.near(what, numbers, want)
}

// sameHalves holds two results of 16 bits to the same bits.
func (c *comparison) sameHalves(what string, got, want []uint16) {
	if len(got) != len(want) {
		c.fail("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if got[i] != want[i] {
			c.fail("%s: number %d is %#x, want %#x to the last bit", what, i, got[i], want[i])
		}
	}
}
