package nodes

import (
	"slices"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/inplace"
)

// TestProcessorsDoAsTheBodies runs the layers by the bodies, and by every tier of this processor on one thread and on
// several, all of which give the same bits.
func TestProcessorsDoAsTheBodies(t *testing.T) {
	runtime, err := inplace.Attach(library)
	if err != nil {
		t.Fatal(err)
	}
	tolerance := map[kernels.Type]float64{kernels.Float32: 4e-6, kernels.Float16: 8 * 0x1p-11, kernels.BFloat16: 8 * 0x1p-8}
	for typed, allowed := range tolerance {
		for name, run := range map[string]func(options *ort.SessionOptions) (layer, error){
			"":      func(options *ort.SessionOptions) (layer, error) { return runLayer(t, typed, "", options) },
			".int8": func(options *ort.SessionOptions) (layer, error) { return runLayer(t, typed, ".int8", options) },
			"encoder": func(options *ort.SessionOptions) (layer, error) {
				return runEncoder(t, typed, options)
			},
		} {
			bodies, err := run(nil)
			if err != nil {
				t.Fatal(err)
			}
			var first layer
			for _, tier := range processor.Tiers() {
				for _, threads := range []int{1, 2, 4} {
					options, err := ort.NewSessionOptions()
					if err != nil {
						t.Fatal(err)
					}
					if err := options.SetIntraOpNumThreads(threads); err != nil {
						t.Fatal(err)
					}
					weights := NewWeights()
					set, err := RegisterProcessor(runtime.API(), options, typed, tier, threads, weights)
					if err != nil {
						t.Fatal(err)
					}
					ran, err := run(options)
					if err != nil {
						t.Fatal(err)
					}
					options.Destroy() //nolint:errcheck // freeing cannot fail
					set.Close()
					weights.Close()
					compare(t, ran, bodies, allowed+aLevel[name])
					if first.y == nil {
						first = ran
					}
					if !slices.Equal(ran.y, first.y) || !slices.Equal(ran.after, first.after) || !slices.Equal(ran.keys, first.keys) {
						t.Errorf("%v%s by %v on %d threads has other bits than plain C on one", typed, name, tier, threads)
					}
				}
			}
		}
	}
}
