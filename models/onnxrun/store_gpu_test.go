//go:build gpu

package onnxrun

import (
	"slices"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
)

// TestGPUStoreLends: a forward's present and then its past are values in the GPU's memory with the shapes that the
// graph wants, and the next forward gets the store when the one before has closed its own. What the copies hold,
// kernels/device tests.
func TestGPUStoreLends(t *testing.T) {
	library, err := FindRuntime("")
	if err != nil {
		t.Fatal(err)
	}
	if err := StartRuntime(library); err != nil {
		t.Fatal(err)
	}
	onnx, err := inplace.Attach(loadedRuntime())
	if err != nil {
		t.Fatal(err)
	}
	on, err := openGPU(0, onnx)
	if err != nil {
		t.Fatal(err)
	}
	defer on.close() //nolint:errcheck // the test is over
	for _, compute := range []string{"float32", "float16", "bfloat16"} {
		lends(t, on, blockShape{numbers: numbersOf(&manifest.Graph{Compute: compute}), parts: 4, heads: 2, dim: 8})
	}
	odd := blockShape{numbers: numbersOf(&manifest.Graph{Compute: "float16"}), parts: 2, heads: 1, dim: 4}
	held, err := on.newStore(3, odd)
	if err != nil {
		t.Fatal(err)
	}
	defer held.free()
	if _, ok := held.(*hostStore); !ok {
		t.Errorf("the store of tokens of 8 bytes is %T", held)
	}
}

// lends takes a store of one shape through two forwards.
func lends(t *testing.T, on accelerator, shape blockShape) {
	t.Helper()
	held, err := on.newStore(3, shape)
	if err != nil {
		t.Fatal(err)
	}
	defer held.free()
	if _, ok := held.(*gpuStore); !ok {
		t.Fatalf("the store is %T", held)
	}
	const tokens = 2*batching.BlockTokens + 5
	blocks := []*batching.Block{{Slot: 2}, {Slot: 0}}
	first := &batching.Plan{IDs: make([]int64, tokens)}
	for i, block := range blocks {
		keep := batching.Keep{Block: block}
		for j := range keep.Tokens {
			keep.Tokens[j] = int64(i*batching.BlockTokens + j)
		}
		first.Keep = append(first.Keep, keep)
	}
	lent, err := held.open(first)
	if err != nil {
		t.Fatal(err)
	}
	for part := range shape.parts {
		value, err := lent.present(part)
		checkLent(t, value, err, tokens)
	}
	if err := lent.keep(); err != nil {
		t.Fatal(err)
	}
	lent.close()
	lent, err = held.open(&batching.Plan{IDs: make([]int64, 1), Past: blocks})
	if err != nil {
		t.Fatal(err)
	}
	defer lent.close()
	for part := range shape.parts {
		value, err := lent.past(part)
		checkLent(t, value, err, int64(len(blocks)*batching.BlockTokens))
	}
}

func checkLent(t *testing.T, value ort.Value, err error, tokens int64) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{tokens, 2, 8}; !slices.Equal(value.GetShape(), want) {
		t.Errorf("shape %d, want %d", value.GetShape(), want)
	}
	if err := value.Destroy(); err != nil {
		t.Error(err)
	}
}

// TestGPUIsNamed: the doctor opens the GPU and says its name.
func TestGPUIsNamed(t *testing.T) {
	found := gpuKernels()
	if len(found) != 1 || found[0].Err != nil || found[0].Version == "" {
		t.Errorf("%+v", found)
	}
}
