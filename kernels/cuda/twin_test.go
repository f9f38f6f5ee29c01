package cuda

import (
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/kerneltest"
)

// The kernels' own sources hold to their definitions, in several orders of the threads.
func TestTwin(t *testing.T) {
	for seed := range uint64(3) {
		twin := New(seed)
		kerneltest.Run(t, kernels.On(twin), seed)
		if live := twin.Live(); live != 0 {
			t.Errorf("%d buffers were not freed", live)
		}
	}
}
