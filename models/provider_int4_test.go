//go:build provider

package models

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestWeightsOfFourBitsOnTheProvider: in the smallest plan that a GPU gets, one token that is filled up to 256, and to
// 64 readings, each product widens its weight and then multiplies in half precision. Where the token stands alone a
// kernel reads the four bits, which adds up in an order of its own: no server makes such a plan.
func TestWeightsOfFourBitsOnTheProvider(t *testing.T) {
	const layers, each = 3, 4
	for _, c := range []struct {
		rounding        batching.Rounding
		widened, direct int
	}{
		{roundingOn(onnxrun.Device{GPUs: []int{0}}), layers * each, 0},
		{batching.Rounding{Keys: 4}, 0, layers * each},
	} {
		read, err := readBundle(Dir(filepath.Join("testdata", "fused", "qwen2-int4-float16")))
		if err != nil {
			t.Fatal(err)
		}
		r := watch(t, func() error {
			session, err := onnxrun.Open(t.Context(), read.graphFile(), 1, onnxrun.Device{GPUs: []int{0}})
			if session != nil {
				defer session.Close()
			}
			if err != nil {
				return err
			}
			plan, _, err := batching.MakePlan([]batching.Sequence{{IDs: []int64{7}, Positions: []int{0}}}, batching.Options{Rounding: c.rounding})
			if err != nil {
				return err
			}
			_, err = session.Run(t.Context(), plan)
			return err
		})
		kernels := r.kinds("launch")
		count := func(name string) int {
			return len(slices.DeleteFunc(slices.Clone(kernels), func(kernel string) bool { return !strings.Contains(kernel, name) }))
		}
		if widened, direct := count("Dequantize4Bits"), count("MatMulFloatInt4"); widened != c.widened || direct != c.direct {
			t.Errorf("filled up by %+v: %d products widen their weight and %d read four bits, want %d and %d: %s", c.rounding, widened, direct,
				c.widened, c.direct, tally(kernels))
		}
	}
}
