package cuda

import (
	"slices"
	"testing"
	"unsafe"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// The kernels' own sources hold to their definitions, in several orders of the threads.
func TestTwin(t *testing.T) {
	for seed := range uint64(3) {
		twin := New(seed)
		kerneltest.Run(t, kernels.On(twin), seed, slices.Concat(kerneltest.Checks(), kerneltest.HalfChecks()))
		kerneltest.RunOperators(t, twin, seed)
		if live := twin.Live(); live != 0 {
			t.Errorf("%d buffers were not freed", live)
		}
	}
}

// TestARowAroundABufferCanBeRead: a kernel with a bug reads a row too far, and must give a wrong number then wherever
// the buffer lies.
func TestARowAroundABufferCanBeRead(t *testing.T) {
	const row, bytes = 4 * 4099, 10 // the longest row that the tests ask for outside of a matrix
	twin := New(0)
	address, err := twin.Alloc(bytes)
	if err != nil {
		t.Fatal(err)
	}
	for at, b := range unsafe.Slice((*byte)(pointer(address-row)), row+bytes+row) {
		if b != 0x7b {
			t.Fatalf("byte %d from the buffer is %#x", at-row, b)
		}
	}
	if err := twin.Free(address); err != nil {
		t.Error(err)
	}
}
