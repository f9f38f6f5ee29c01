package nodes

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
	"github.com/assay-rm/assay/kernels/kerneltest"
	"github.com/assay-rm/assay/models/inplace"
)

const library = "../../.runtime/lib/libonnxruntime.so.1.27.0"

func TestMain(m *testing.M) {
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// The sizes of testdata/layer.float32.onnx, and of what it is given: a prompt of 5 tokens and two answers of 3.
const (
	hidden, keyHeads, dim, poolSlots = 64, 2, 32, 40
	tokens, tiles, queries, keys     = 11, 3, 5, 8
)

// layer is one run of the layer: what it gave, and the pools behind it, widened.
type layer struct{ y, after, keys, values []float32 }

var (
	inputs  = []string{"residual", "x", "positions", "slots", "query_index", "key_slots", "key_len", "scatter_index", "key_pool", "value_pool"}
	outputs = []string{"y", "after", "keys", "values"}
)

// values are the inputs and outputs of a run by name, in memory that lasts as long as they.
type values struct {
	t     *testing.T
	typed kernels.Type // of what is not float32 or int64
	given map[string]ort.Value
	bytes map[string][]byte
}

func (v *values) put(name string, typed ort.TensorElementDataType, bytes []byte, shape []int64) {
	v.t.Helper()
	aligned := make([]byte, len(bytes)+64)
	aligned = aligned[(64-uintptr(unsafe.Pointer(&aligned[0]))%64)%64:][:len(bytes)]
	copy(aligned, bytes)
	value, err := ort.NewCustomDataTensor(ort.NewShape(shape...), aligned, typed)
	if err != nil {
		v.t.Fatal(err)
	}
	v.given[name], v.bytes[name] = value, aligned
}

func (v *values) floats(name string, data []float32, shape ...int64) {
	v.put(name, ort.TensorElementDataTypeFloat, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data)), shape)
}

func (v *values) ints(name string, data []int64, shape ...int64) {
	v.put(name, ort.TensorElementDataTypeInt64, unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 8*len(data)), shape)
}

// typed numbers are rounded to the type that the layer computes in.
func (v *values) numbers(name string, data []float32, shape ...int64) {
	if v.typed == kernels.Float32 {
		v.floats(name, data, shape...)
		return
	}
	halves := make([]uint16, len(data))
	for i, x := range data {
		halves[i] = v.typed.Narrow(x)
	}
	kind := map[kernels.Type]ort.TensorElementDataType{kernels.Float16: ort.TensorElementDataTypeFloat16, kernels.BFloat16: ort.TensorElementDataTypeBFloat16}
	v.put(name, kind[v.typed], unsafe.Slice((*byte)(unsafe.Pointer(&halves[0])), 2*len(halves)), shape)
}

// read widens numbers of the type that the layer computes in, or gives float32.
func (v *values) read(name string, typed kernels.Type) []float32 {
	bytes := v.bytes[name]
	if typed == kernels.Float32 {
		return slices.Clone(unsafe.Slice((*float32)(unsafe.Pointer(&bytes[0])), len(bytes)/4))
	}
	var wide []float32
	for _, bits := range unsafe.Slice((*uint16)(unsafe.Pointer(&bytes[0])), len(bytes)/2) {
		wide = append(wide, float32(typed.Widen(bits)))
	}
	return wide
}

// runLayer runs the layer of a type once, with pools that are written where they are. integers is ".int8" where its
// linear layers multiply these.
func runLayer(t *testing.T, typed kernels.Type, integers string, options *ort.SessionOptions) (layer, error) {
	t.Helper()
	session, err := ort.NewDynamicAdvancedSession("testdata/layer."+typed.String()+integers+".onnx", inputs, outputs, options)
	if err != nil {
		return layer{}, err
	}
	defer session.Destroy() //nolint:errcheck // freeing cannot fail
	drawn := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		made := make([]float32, n)
		for i := range made {
			made[i] = float32(drawn.NormFloat64())
		}
		return made
	}
	v := &values{t, typed, map[string]ort.Value{}, map[string][]byte{}}
	slots := []int64{7, 3, 30, 12, 1, 22, 9, 4, 17, 39, 0} // of the tokens
	v.floats("residual", random(tokens*hidden), tokens, hidden)
	v.numbers("x", random(tokens*hidden), tokens, hidden)
	v.ints("positions", []int64{0, 1, 2, 3, 4, 5, 6, 7, 5, 6, 7}, tokens)
	v.ints("slots", slots, tokens)
	v.ints("query_index", []int64{0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 10, 10}, tiles, queries)
	v.ints("key_slots", slices.Concat(slots[:5], []int64{7, 7, 7}, slots[:8], slots[:5], slots[8:]), tiles, keys)
	v.ints("key_len", []int64{5, 8, 8}, tiles)
	v.ints("scatter_index", []int64{0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12}, tokens)
	v.numbers("key_pool", random(poolSlots*keyHeads*dim), poolSlots, keyHeads, dim)
	v.numbers("value_pool", random(poolSlots*keyHeads*dim), poolSlots, keyHeads, dim)
	v.numbers("y", make([]float32, tokens*hidden), tokens, hidden)
	v.floats("after", make([]float32, tokens*hidden), tokens, hidden)
	binding, err := session.CreateIoBinding()
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Destroy() //nolint:errcheck // freeing cannot fail
	for _, name := range inputs {
		err = errors.Join(err, binding.BindInput(name, v.given[name]))
	}
	for at, value := range []string{"y", "after", "key_pool", "value_pool"} {
		err = errors.Join(err, binding.BindOutput(outputs[at], v.given[value]))
	}
	if err != nil {
		t.Fatal(err)
	}
	err = session.RunWithBinding(binding)
	for _, value := range v.given {
		value.Destroy() //nolint:errcheck // freeing cannot fail
	}
	return layer{v.read("y", typed), v.read("after", kernels.Float32), v.read("key_pool", typed), v.read("value_pool", typed)}, err
}

func registered(t *testing.T, typed ort.TensorElementDataType, by map[string]Compute) *ort.SessionOptions {
	t.Helper()
	runtime, err := inplace.Attach(library)
	if err != nil {
		t.Fatal(err)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	set, err := Register(runtime.API(), options, typed, "", by)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		options.Destroy() //nolint:errcheck // freeing cannot fail
		set.Close()
	})
	return options
}

// compare holds one run of the layer to another, relative where a number is above 1.
func compare(t *testing.T, got, want layer, tolerance float64) {
	t.Helper()
	for name, pair := range map[string][2][]float32{
		"y": {got.y, want.y}, "after": {got.after, want.after}, "keys": {got.keys, want.keys}, "values": {got.values, want.values},
	} {
		worst := 0.0
		for i, wanted := range pair[1] {
			worst = max(worst, math.Abs(float64(pair[0][i]-wanted))/max(1, math.Abs(float64(wanted))))
		}
		if !(worst <= tolerance) {
			t.Errorf("%s differs by %.3g, and %.3g is allowed", name, worst, tolerance)
		}
	}
}

// TestSetsDoAsTheBodies runs one file by the bodies that stand in it, and by loops that are registered: every node of
// the domain is taken from the set, and both write the pools where they are.
func TestSetsDoAsTheBodies(t *testing.T) {
	for integers, multiplied := range map[string]map[string]int{"": {"Linear": 4}, ".int8": {"QuantizeRows": 4, "Linear8": 4}} {
		bodies, err := runLayer(t, kernels.Float32, integers, nil)
		if err != nil {
			t.Fatal(err)
		}
		calls := map[string]int{}
		loops, err := runLayer(t, kernels.Float32, integers, registered(t, float32s, plain(calls)))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"AddRmsNorm": 2, "Rotate": 1, "TileAttention": 1, "SwiGLU": 1}
		maps.Copy(want, multiplied)
		if !maps.Equal(calls, want) {
			t.Errorf("called %v times, want %v", calls, want)
		}
		compare(t, loops, bodies, 2e-6+aLevel[integers])
	}
}

// aLevel is what a number of the layer may differ by because one that lies between two levels was rounded to the other.
var aLevel = map[string]float64{".int8": 1.0 / 32}

// halves are the types that our kernels compute in, with half a unit in their last place.
var halves = map[kernels.Type]struct {
	kind     ort.TensorElementDataType
	roundoff float64
}{kernels.Float16: {ort.TensorElementDataTypeFloat16, 0x1p-11}, kernels.BFloat16: {ort.TensorElementDataTypeBFloat16, 0x1p-8}}

// host is the twin of the kernels as a machine.
type host struct{ *cuda.Twin }

func (h host) Release(address uintptr) error { return h.Free(address) }

// TestKernelsDoAsTheBodies runs the layer in half precision by the bodies, and by our CUDA kernels, whose twins run on
// the host, and a cuBLASLt of the host: the whole of what a GPU would be given, in another order of sums.
func TestKernelsDoAsTheBodies(t *testing.T) {
	file, err := kerneltest.BuildBlasLt(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for typed, half := range halves {
		for _, integers := range []string{"", ".int8"} {
			bodies, err := runLayer(t, typed, integers, nil)
			if err != nil {
				t.Fatal(err)
			}
			machine := host{cuda.New(0)}
			by := NewKernels(typed, machine, file)
			ran, err := runLayer(t, typed, integers, registered(t, half.kind, by.All()))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, ran, bodies, 8*half.roundoff+aLevel[integers]) // eight roundings lie one behind the other
			if chosen := len(by.linears.products) + len(by.linears.integers); chosen != 4 {
				t.Errorf("%d products were chosen for four weights", chosen)
			}
			if by.Close(); machine.Live() != 0 {
				t.Errorf("%d pieces of memory are left", machine.Live())
			}
		}
	}
}

// TestFailuresNameTheirOperator ends a forward with the sentence of what failed in it.
func TestFailuresNameTheirOperator(t *testing.T) {
	for name, test := range map[string]struct {
		run  Compute
		want string
	}{
		"its own":       {func(*Call) error { return errors.New("the device has no room") }, "SwiGLU node. Name:'' Status Message: the device has no room"},
		"a wrong shape": {func(c *Call) error { _, err := c.Output(0, 1, 1, 1, 1, 1); return err }, "output 0: it has 5 dimensions, and may have 4"},
		"a panic":       {func(*Call) error { panic("out of range") }, "panic: out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			by := plain(map[string]int{})
			by["SwiGLU"] = test.run
			_, err := runLayer(t, kernels.Float32, "", registered(t, float32s, by))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestSetsAreWhole refuses a set that lacks an operator, before any session is made with it.
func TestSetsAreWhole(t *testing.T) {
	by := plain(map[string]int{})
	delete(by, "Rotate")
	_, err := Register(nil, nil, float32s, "", by)
	if err == nil || err.Error() != "domain assay: nothing computes Rotate" {
		t.Error(err)
	}
}
