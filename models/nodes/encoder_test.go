package nodes

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
	"github.com/assay-rm/assay/kernels/kerneltest"
	"github.com/assay-rm/assay/kernels/operators"
)

// runEncoder runs the encoder's layer of a type once, on sequences of 5 and of 6 tokens.
func runEncoder(t *testing.T, typed kernels.Type, options *ort.SessionOptions) (layer, error) {
	t.Helper()
	const tiles, queries, keys = 2, 6, 8
	inputs := []string{"residual", "x", "positions", "query_index", "key_index", "key_len", "scatter_index"}
	outputs := []string{"y", "after"}
	session, err := ort.NewDynamicAdvancedSession("testdata/encoder."+typed.String()+".onnx", inputs, outputs, options)
	if err != nil {
		return layer{}, err
	}
	defer session.Destroy() //nolint:errcheck // freeing cannot fail
	drawn := rand.New(rand.NewPCG(1, 2))
	random := func() []float32 {
		made := make([]float32, tokens*hidden)
		for i := range made {
			made[i] = float32(drawn.NormFloat64())
		}
		return made
	}
	v := &values{t, typed, map[string]ort.Value{}, map[string][]byte{}}
	v.floats("residual", random(), tokens, hidden)
	v.numbers("x", random(), tokens, hidden)
	v.ints("positions", []int64{0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5}, tokens)
	v.ints("query_index", []int64{0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10}, tiles, queries)
	v.ints("key_index", []int64{0, 1, 2, 3, 4, 0, 0, 0, 5, 6, 7, 8, 9, 10, 5, 5}, tiles, keys)
	v.ints("key_len", []int64{5, 6}, tiles)
	v.ints("scatter_index", []int64{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11}, tokens)
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
	for _, name := range outputs {
		err = errors.Join(err, binding.BindOutput(name, v.given[name]))
	}
	if err != nil {
		t.Fatal(err)
	}
	err = session.RunWithBinding(binding)
	for _, value := range v.given {
		value.Destroy() //nolint:errcheck // freeing cannot fail
	}
	return layer{y: v.read("y", typed), after: v.read("after", kernels.Float32)}, err
}

// TestEncodersDoAsTheBodies runs an encoder's layer by the bodies, by loops, and in half precision by the kernels.
func TestEncodersDoAsTheBodies(t *testing.T) {
	bodies, err := runEncoder(t, kernels.Float32, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	loops, err := runEncoder(t, kernels.Float32, registered(t, float32s, plain(calls)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"Linear": 5, "RotateQkv": 1, "TileAttention": 1, "AddLayerNorm": 2, "GeGLU": 1, "Gelu": 1}
	if !maps.Equal(calls, want) {
		t.Errorf("called %v times, want %v", calls, want)
	}
	compare(t, loops, bodies, 4e-6)
	file, err := kerneltest.BuildBlasLt(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for typed, half := range halves {
		bodies, err := runEncoder(t, typed, nil)
		if err != nil {
			t.Fatal(err)
		}
		by := NewKernels(typed, host{cuda.New(0)}, file)
		ran, err := runEncoder(t, typed, registered(t, half.kind, by.All()))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, ran, bodies, 8*half.roundoff) // eight roundings lie one behind the other
		by.Close()
	}
}

// TestPartsThatDoNotFitAreRefused: a norm whose residual or weights have another width than its rows starts no kernel.
func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	x, wide := Tensor{Shape: []int64{3, 16}}, Tensor{Shape: []int64{32}}
	for want, inputs := range map[string][]Tensor{
		"a residual [3 8] does not fit to [3 16]":        {{Shape: []int64{3, 8}}, x, {Shape: []int64{16}}},
		"weights [32] do not fit to rows of 16 numbers":  {x, x, wide},
		"weights [32] do not fit to rows of 16 numbers ": {x, x, {Shape: []int64{16}}, wide},
		"a residual [3 16] does not fit to [3 16 1]":     {x, {Shape: []int64{3, 16, 1}}, {Shape: []int64{16}}},
	} {
		if _, _, err := twoRows(&Call{Inputs: inputs}); err == nil || err.Error() != strings.TrimSpace(want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestRotationsAndAttentionOfOtherShapesAreRefused: what a kernel would read or write outside its memory starts none. A
// token without a slot would be one.
func TestRotationsAndAttentionOfOtherShapesAreRefused(t *testing.T) {
	k, shape := NewKernels(kernels.Float16, host{cuda.New(0)}, "none"), func(sizes ...int64) Tensor { return Tensor{Shape: sizes} }
	of := &node{lists: map[string][]int64{"heads": {4, 2, 2}, "turned": {32, 0}}, ints: map[string]int64{"normed": 1}}
	rotate := []Tensor{shape(3, 256), shape(3), shape(9, 16), shape(9, 16), shape(32), shape(32), shape(3), shape(7, 2, 32), shape(7, 2, 32)}
	attend := []Tensor{shape(3, 128), shape(3), shape(1, 3), shape(1, 5), shape(1), shape(3), shape(7, 2, 32), shape(7, 2, 32)}
	for _, test := range []struct {
		run   Compute
		given []Tensor
		at    int
		wrong Tensor
		want  string
	}{
		{k.rotateQkv, rotate[:6], 0, shape(3, 192), "queries, keys and values [3 192] have 576 numbers, and must have 768"},
		{k.rotateQkv, rotate[:6], 3, shape(8, 16), "sines [8 16] have 128 numbers, and must have 144"},
		{k.rotateQkv, rotate[:6], 5, shape(16), "norms of keys [16] have 16 numbers, and must have 32"},
		{k.tileAttention, attend, 1, shape(2), "positions [2] have 2 numbers, and must have 3"},
		{k.tileAttention, attend, 3, shape(2, 5), "key_slots [2 5] have 10 numbers, and must have 5"},
		{k.tileAttention, attend, 7, shape(6, 2, 32), "queries [3 128], keys [7 2 32] and values [6 2 32] do not fit each other"},
	} {
		inputs := slices.Clone(test.given)
		inputs[test.at] = test.wrong
		if err := test.run(&Call{node: of, Inputs: inputs}); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	for want, at := range map[string]int{
		"slots [0] have 0 numbers, and must have 3":                                    6,
		"pools of keys [7 2 32] and of values [0] do not fit to 2 heads of 32 numbers": 8,
	} {
		inputs := slices.Clone(rotate)
		inputs[at] = shape(0)
		if err := poolsFit(inputs, operators.Rotate{Tokens: 3, Groups: 2, Size: 32}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
