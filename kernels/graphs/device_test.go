//go:build gpu

package graphs

import (
	"os"
	"testing"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/device"
)

var _ keeper = (*device.Device)(nil)

// TestDevice runs every head on device 0: a GPU, or the fake driver's. With ASSAY_REQUIRE_GPU=1 the fake one is a
// failure.
func TestDevice(t *testing.T) {
	d, err := device.Open(0)
	must(t, err)
	defer func() { must(t, d.Close()) }()
	t.Logf("device: %s", d.Name())
	if d.Name() == "cpu fibers" && os.Getenv("ASSAY_REQUIRE_GPU") == "1" {
		t.Fatal("ASSAY_REQUIRE_GPU=1, and the device is the fake one")
	}
	t.Run("heads", func(t *testing.T) { checkHeads(t, d, 1, 7) })
	t.Run("rows", func(t *testing.T) { checkRows(t, d, 7) })
	t.Run("states", func(t *testing.T) {
		checkStates(t, d, func(data []byte) *Graph { return loadOn(t, data, d) }, kernels.Float32)
	})
}
