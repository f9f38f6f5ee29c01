package onnxrun

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// TestATypeThatTheDeviceLacksIsRefused: processors multiply no bfloat16, and the sentence says what mends it. A GPU
// that is not there is left to the provider, which says why.
func TestATypeThatTheDeviceLacksIsRefused(t *testing.T) {
	bfloat16 := &Graph{Manifest: &manifest.Manifest{Graph: manifest.Graph{Compute: "bfloat16"}}}
	session, err := Open(t.Context(), bfloat16, 1, Device{})
	var known *fault.Error
	if session != nil || !errors.As(err, &known) || known.Code != fault.CodeDevice {
		t.Fatalf("%v, %v", session, err)
	}
	const says = "graph.compute is bfloat16, and ONNX Runtime has no products of bfloat16 for processors: " +
		"serve it with --device cuda, or export the checkpoint with assay-export --compute float32"
	if err.Error() != says {
		t.Errorf("%v, want %s", err, says)
	}
	for _, compute := range []string{"", "float32", "float16"} {
		if err := (Device{}).checkCompute(&manifest.Graph{Compute: compute}); err != nil {
			t.Errorf("compute %q: %v", compute, err)
		}
	}
	heads := &manifest.Graph{Compute: "float16", Operators: "assay", HeadDim: 48}
	const covers = "graph.head_dim is 48, and the attention of domain assay has kernels for 32 64 80 96 128 256: export the checkpoint without --operators"
	if err := (Device{GPUs: []int{0}}).checkCompute(heads); err == nil || err.Error() != covers {
		t.Errorf("heads of 48 numbers: %v, want %s", err, covers)
	}
	if err := (Device{}).checkCompute(heads); err != nil {
		t.Errorf("heads of 48 numbers on processors: %v", err)
	}
	if err := (Device{GPUs: []int{9}}).checkCompute(&bfloat16.Manifest.Graph); err != nil {
		t.Errorf("a GPU that is not there: %v", err)
	}
}

// TestNodesThatLeaveTheGPUAreTold: what ONNX Runtime 1.27 says of a graph that it would run in part on the processors
// becomes a sentence of our own, and no other error does.
func TestNodesThatLeaveTheGPUAreTold(t *testing.T) {
	s := &Session{graph: &manifest.Graph{Compute: "float16"}}
	err := s.left(errors.New("Error creating C session from file: This session contains graph nodes that are assigned to the default CPU EP, " +
		"but fallback to CPU EP has been explicitly disabled by the user."))
	const says = "graph.compute is float16, and ONNX Runtime has no kernel on a GPU for some nodes of the graph, which would run on the processors: " +
		"export the checkpoint without --compute"
	if known := new(fault.Error); !errors.As(err, &known) || known.Code != fault.CodeDevice || err.Error() != says {
		t.Errorf("%v, want %s", err, says)
	}
	if other := errors.New("out of memory"); !errors.Is(s.left(other), other) || s.left(nil) != nil {
		t.Error("another error has changed")
	}
}

// TestHostStoreKeepsEveryType: what a forward keeps of its present is the past of the next, byte for byte, whatever the
// type of its numbers, and a block of 16 bits has half the bytes of one of 32.
func TestHostStoreKeepsEveryType(t *testing.T) {
	startRuntime(t)
	for compute, size := range map[string]int{"": 4, "float32": 4, "float16": 2, "bfloat16": 2} {
		shape := blockShape{numbers: numbersOf(&manifest.Graph{Compute: compute}), parts: 3, heads: 2, dim: 5}
		if got := shape.bytes(); got != size*3*batching.BlockTokens*10 {
			t.Errorf("compute %q: a block has %d bytes", compute, got)
		}
		held, err := newHostStore(4, shape)
		if err != nil {
			t.Fatal(err)
		}
		keepsAndGives(t, held, size*10)
		held.free()
	}
}

// keepsAndGives takes a store through a forward that keeps two blocks and one that reads them, of tokens of so many
// bytes a part.
func keepsAndGives(t *testing.T, held *hostStore, size int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, uint64(size)))
	blocks := []*batching.Block{{Slot: 3}, {Slot: 1}}
	first := &batching.Plan{IDs: make([]int64, 40)}
	for _, block := range blocks {
		keep := batching.Keep{Block: block}
		for i := range keep.Tokens {
			keep.Tokens[i] = random.Int64N(40)
		}
		first.Keep = append(first.Keep, keep)
	}
	lent, err := held.open(first)
	if err != nil {
		t.Fatal(err)
	}
	presents := make([][]byte, held.parts)
	for part := range presents {
		presents[part] = bytesOf(t, lent.present, part, 40)
		for i := range presents[part] {
			presents[part][i] = byte(random.Uint32())
		}
	}
	if err := lent.keep(); err != nil {
		t.Fatal(err)
	}
	lent.close()
	if lent, err = held.open(&batching.Plan{Past: blocks}); err != nil {
		t.Fatal(err)
	}
	defer lent.close()
	for part, present := range presents {
		past := bytesOf(t, lent.past, part, 32)
		for i := range 32 {
			token := int(first.Keep[i/batching.BlockTokens].Tokens[i%batching.BlockTokens])
			if !bytes.Equal(past[i*size:][:size], present[token*size:][:size]) {
				t.Fatalf("%d bytes a token: part %d, token %d of the past is not token %d of the present", size, part, i, token)
			}
		}
	}
}

// bytesOf is the memory of a part of so many tokens.
func bytesOf(t *testing.T, lend func(int) (ort.Value, error), part int, tokens int64) []byte {
	t.Helper()
	value, err := lend(part)
	if err != nil {
		t.Fatal(err)
	}
	if !value.GetShape().Equals(ort.NewShape(tokens, 2, 5)) {
		t.Fatalf("a part of %d tokens has shape %v", tokens, value.GetShape())
	}
	numbers := value.(*ort.CustomDataTensor).GetData()
	if err := value.Destroy(); err != nil {
		t.Error(err)
	}
	return numbers
}

// startRuntime loads ONNX Runtime, which values are made by.
func startRuntime(t *testing.T) {
	t.Helper()
	library, err := FindRuntime("")
	if err == nil {
		err = StartRuntime(library)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestACacheWithoutPlaceIsRefused: one that holds no block, and one that the host has no addresses for, say which flag
// mends it.
func TestACacheWithoutPlaceIsRefused(t *testing.T) {
	g := &manifest.Graph{KVHeads: 2, HeadDim: 8, Compute: "float16"}
	s := &Session{graph: g, places: [][]*stage{{{of: g, numbers: numbersOf(g), presents: []string{"k", "v"}}}}}
	for size, says := range map[int64]string{
		s.BlockBytes() - 1: "a key-value cache of 1023 bytes holds no block of 16 tokens, which takes 1024: give more with --cache",
		1 << 60:            "a key-value cache of 1152921504606846976 bytes does not fit on the host: give less with --cache",
	} {
		if _, err := s.Reserve(size, 0); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%d bytes: %v, want %s", size, err, says)
		}
	}
}
