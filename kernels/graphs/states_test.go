package graphs

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/cuda"
)

// keeping is the twin as a backend that keeps tensors in its memory, as a device does.
type keeping struct {
	kernels.Backend
	twin  *cuda.Twin
	after int // uploads that work; -1: all
}

func keeps(after int) *keeping {
	twin := cuda.New(3)
	return &keeping{kernels.On(twin), twin, after}
}

func (k *keeping) Upload(t kernels.Tensor) (kernels.Tensor, error) {
	if k.after == 0 {
		return t, errors.New("out of memory")
	}
	k.after--
	address, err := k.twin.Alloc(len(t.Bytes()))
	if err != nil {
		return t, err
	}
	return kernels.OnDevice(t.Type, t.Rows, t.Cols, address), k.twin.Write(address, t.Bytes())
}

func (k *keeping) Free(t kernels.Tensor) error { return k.twin.Free(t.Address) }

// TestWeightsAreUploadedOnceAndFreed counts the buffers of a backend that keeps tensors.
func TestWeightsAreUploadedOnceAndFreed(t *testing.T) {
	for name, want := range map[string]int{
		"mlp-relu": 4,
		"linear":   1,
		"pairrm":   4, // two heads of the same weights
		"gating":   8, // one of them of the product with a constant
	} {
		backend := keeps(-1)
		g, err := LoadOn(read(t, "testdata/heads/"+name+".onnx"), backend)
		must(t, err)
		for range 2 {
			if _, err := g.Run(example(g, 3, 1)); err != nil || backend.twin.Live() != want {
				t.Errorf("%s: %d buffers after a run, and its weights are %d: %v", name, backend.twin.Live(), want, err)
			}
		}
		must(t, g.Close())
		must(t, g.Close())
		if backend.twin.Live() != 0 {
			t.Errorf("%s: Close left %d buffers", name, backend.twin.Live())
		}
		if _, err := g.Run(example(g, 3, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: a run after Close: %v", name, err)
		}
	}
	backend := keeps(2)
	_, err := LoadOn(read(t, "testdata/heads/mlp-relu.onnx"), backend)
	if want := "head graph: hidden → Gemm Relu Gemm → score: upload the weights: out of memory"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if backend.twin.Live() != 0 {
		t.Errorf("a graph that could not be loaded left %d buffers", backend.twin.Live())
	}
}

// checkStates holds a backend that keeps tensors to the same bits for states there as for numbers of the host.
// Positions come out of order and twice, and are more than a batch.
func checkStates(t *testing.T, backend keeper, graph func(data []byte) *Graph, types ...kernels.Type) {
	t.Helper()
	g := graph(read(t, "testdata/heads/gating.onnx"))
	const positions, rows = 23, 19 // 16, 2 and 1
	for _, typed := range types {
		all := example(g, positions, 9)
		numbers := all["hidden"].Data
		matrix := kernels.Matrix(positions, 16, numbers)
		if typed != kernels.Float32 {
			bits := make([]uint16, len(numbers))
			for i, x := range numbers {
				bits[i] = typed.Narrow(x)
				numbers[i] = float32(typed.Widen(bits[i]))
			}
			matrix = kernels.Tensor{Type: typed, Rows: positions, Cols: 16, Halves: bits}
		}
		there, err := backend.Upload(matrix)
		must(t, err)
		picked := States{Matrix: there}
		inputs := map[string]Tensor{"prompt": example(g, rows, 2)["prompt"], "hidden": {Dims: []int{rows, 16}}}
		for i := range rows {
			at := (i*7 + 3) % positions
			picked.Rows = append(picked.Rows, int64(at))
			inputs["hidden"] = Tensor{inputs["hidden"].Dims, append(inputs["hidden"].Data, numbers[at*16:(at+1)*16]...)}
		}
		want, err := g.Run(inputs)
		must(t, err)
		got, err := g.RunStates(map[string]Tensor{"prompt": inputs["prompt"]}, map[string]States{"hidden": picked})
		must(t, err)
		for name := range want {
			if !slices.Equal(bitsOf(got[name]), bitsOf(want[name])) {
				t.Errorf("%v: output %s of states is %v, and of numbers %v", typed, name, got[name].Data, want[name].Data)
			}
		}
		must(t, backend.Free(there))
	}
}

func TestStatesOnADeviceGiveTheSameBits(t *testing.T) {
	backend := keeps(-1)
	checkStates(t, backend, func(data []byte) *Graph { return loadOn(t, data, backend) }, kernels.Float32, kernels.Float16, kernels.BFloat16)
}

// TestStatesAreThoseOfTheirRun: a program that ran on states reads numbers afterwards, and a row that is NaN spoils no
// other.
func TestStatesAreThoseOfTheirRun(t *testing.T) {
	g := loadOn(t, read(t, "testdata/heads/mlp-tanh.onnx"), kernels.Host{})
	inputs := example(g, 4, 1)
	want, err := g.Run(inputs)
	must(t, err)
	states := statesOf(example(g, 4, 2)["hidden"])
	states.Matrix.Float32s[16] = float32(math.NaN())
	first, err := g.RunStates(nil, map[string]States{"hidden": states})
	must(t, err)
	for i, x := range first["score"].Data {
		if math.IsNaN(float64(x)) != (i == 1) || x == want["score"].Data[i] {
			t.Errorf("row %d of the states is %g", i, x)
		}
	}
	again, err := g.Run(inputs)
	must(t, err)
	if !slices.Equal(bitsOf(again["score"]), bitsOf(want["score"])) {
		t.Errorf("after a run on states: %v, before it %v", again, want)
	}
}

// TestStatesAreRefusedByNameAndPlace names what stands in the way of states, in one sentence.
func TestStatesAreRefusedByNameAndPlace(t *testing.T) {
	matrix := func(rows, cols int) kernels.Tensor { return kernels.Matrix(rows, cols, make([]float32, rows*cols)) }
	whole := States{matrix(4, 16), []int64{0, 3}}
	given := func(s States) map[string]States { return map[string]States{"hidden": s} }
	shaped := newDraft(Value{"hidden", []int{-1, 6}}, Value{"cube", []int{-1, 2, 6}}).weight("w", 6, 4).integers("axes", 1).
		node("score = Gemm hidden w").node("m = MatMul cube w").node("o = ReduceMax m axes", "keepdims", 0).file("score", "o")
	both := newDraft(Value{"hidden", []int{-1, 16}}).weight("w", 16, 4).node("score = Gemm hidden w").file("score", "hidden")
	unread := newDraft(Value{"hidden", []int{-1, 16}}, Value{"o", []int{-1, 2}}).weight("w", 2, 4).node("score = Gemm o w").file("score")
	head := func(name string) []byte { return read(t, "testdata/heads/"+name+".onnx") }
	for _, one := range []struct {
		file   []byte
		states map[string]States
		want   string
	}{
		{head("linear"), map[string]States{"own": whole}, `input "own": the graph has [hidden [-1 16]]`},
		{head("linear"), given(States{matrix(4, 15), []int64{0}}), `input "hidden": states of 15 numbers, and dimensions [-1 16] are wanted`},
		{head("linear"), given(States{matrix(4, 16), nil}), `input "hidden": states of no rows, and at least one is wanted`},
		{head("linear"), given(States{matrix(4, 16), []int64{0, 4}}), `input "hidden": row 1 is position 4, and the states have 4`},
		{head("linear"), given(States{matrix(4, 16), []int64{-1}}), `input "hidden": row 0 is position -1, and the states have 4`},
		{head("linear"), given(States{kernels.Matrix(4, 16, nil), []int64{0}}), `input "hidden": states: (4, 16) float32 has 0 numbers, and needs 64`},
		{head("linear"), given(States{kernels.OnDevice(kernels.Float32, 4, 16, 4096), []int64{0}}), `hidden: it lies on a device, and the host cannot read it`},
		{head("value-head"), given(whole), `input "hidden" is given as states, which fused ops alone must read: node "node_layer_norm", LayerNormalization, reads it on the host`},
		{head("user-dot"), map[string]States{"hidden": whole, "latent": {matrix(4, 4), []int64{0, 3}}}, `input "latent" is given as states, which fused ops alone must read: node "node_mul", Mul, reads it on the host`},
		{head("preference-pair"), map[string]States{"first": whole, "second": {matrix(4, 16), []int64{1}}}, `input "second" has 1 rows, and another has 2`},
		{head("pairrm"), map[string]States{"source": whole}, `input "source" is given as states`},
		{head("gating"), given(whole), `input "prompt" is missing`},
		{both, given(whole), `input "hidden" is given as states, which fused ops alone must read: it is an output too`},
		{unread, map[string]States{"o": {matrix(4, 2), []int64{0, 3}}, "hidden": whole}, `input "hidden" is given as states, which fused ops alone must read: none does`},
		{shaped, map[string]States{"hidden": {matrix(1, 6), []int64{0}}, "cube": {matrix(1, 12), []int64{0}}}, `input "cube": states of 12 numbers, and dimensions [-1 2 6] are wanted`},
	} {
		g := loadOn(t, one.file, kernels.Host{})
		if _, err := g.RunStates(nil, one.states); err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("error %v does not say %s", err, one.want)
		}
	}
	g := load(t, "testdata/heads/linear.onnx")
	_, err := g.RunStates(nil, given(whole))
	if want := `input "hidden" is given as states, and the graph was loaded without a backend`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	g = loadOn(t, head("linear"), kernels.Host{})
	_, err = g.RunStates(example(g, 2, 1), given(whole))
	if want := `input "hidden" is given as numbers and as states`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
