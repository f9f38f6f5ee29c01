package graphs

import (
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels"
)

// FuzzLoad looks for panics and long errors: what loads must run for one row and for three, and give each row the same
// bits, on a backend too.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"operators/*.21.onnx", "operators/*.13.onnx", "refused/*.onnx", "heads/*.onnx"} {
		for _, file := range files(f, pattern, 40) {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Load(data)
		if err != nil {
			if text := err.Error(); len(text) > 500 || strings.Contains(text, "\n") {
				t.Errorf("an error of %d bytes: %s", len(text), text)
			}
			return
		}
		for _, v := range g.Inputs() {
			if size(v.Dims) > 1<<12 || size(v.Dims) < -1<<12 {
				return
			}
		}
		inputs := example(g, 3, 1)
		fused, err := LoadOn(data, kernels.Host{}) // never refused where a graph without a backend is not
		must(t, err)
		for _, g := range []*Graph{g, fused} {
			batch, err := g.Run(inputs)
			must(t, err)
			alone, err := g.Run(row(g, inputs, 1))
			must(t, err)
			for name := range batch {
				if !sameBits(batch[name], alone[name], 1) {
					t.Errorf("output %s of a row differs from that row alone", name)
				}
			}
		}
		output := g.Outputs()[0]
		if len(output.Dims) == 2 && output.Dims[1] > 0 {
			// It may have no path to the input; it must not panic.
			_, _ = g.Gradient(inputs, output.Name, 0, g.Inputs()[0].Name)
		}
	})
}
