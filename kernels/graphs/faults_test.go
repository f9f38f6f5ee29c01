package graphs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels"
)

// wrong is a backend with a fault in what a head computes.
type wrong struct {
	kernels.Host
	fault func(kernels.Head) kernels.Head
}

func (w wrong) PooledHead(hidden kernels.Tensor, rows []int64, head kernels.Head) ([]float32, error) {
	head.Layers = slices.Clone(head.Layers)
	return w.Host.PooledHead(hidden, rows, w.fault(head))
}

// TestFaultsOfAFusionAreSeen plants a fault in every head: the comparison with ONNX Runtime is one that can fail.
func TestFaultsOfAFusionAreSeen(t *testing.T) {
	faults := map[string]func(kernels.Head) kernels.Head{
		"weight": func(h kernels.Head) kernels.Head {
			w := &h.Layers[0].Weight
			w.Float32s = slices.Clone(w.Float32s)
			slices.Reverse(w.Float32s)
			return h
		},
		"bias": func(h kernels.Head) kernels.Head {
			units, b := h.Layers[0].Weight.Rows, &h.Layers[0].Bias
			if b.Rows == 1 {
				*b = kernels.Tensor{}
			} else {
				numbers := make([]float32, units)
				fill(numbers, 0.01)
				*b = kernels.Matrix(1, units, numbers)
			}
			if len(h.Layers) == 1 && h.Output == kernels.Softmax { // which a shift of all labels leaves as it is
				h.Output = kernels.Plain
			}
			return h
		},
		"activation": func(h kernels.Head) kernels.Head {
			if len(h.Layers) == 2 {
				h.Activation = (h.Activation + 1) % (kernels.SiLU + 1)
			} else {
				h.Output = (h.Output + 1) % (kernels.Softmax + 1)
			}
			return h
		},
	}
	for what, fault := range faults {
		for _, file := range files(t, "heads/*.onnx", 45) {
			if d := fromRuntime(t, read(t, file), wrong{fault: fault}, 5); d <= tolerance {
				t.Errorf("%s: a fault of the %s changes the outputs by %.2g only", file, what, d)
			}
		}
	}
}

// failing is a backend whose kernel does not work.
type failing struct{ kernels.Host }

func (failing) PooledHead(kernels.Tensor, []int64, kernels.Head) ([]float32, error) {
	return nil, errors.New("the device is gone")
}

func TestErrorsOfABackendNameTheOp(t *testing.T) {
	g := loadOn(t, read(t, "testdata/heads/linear.onnx"), failing{})
	_, err := g.Run(example(g, 1, 1))
	if want := "fused hidden → Gemm → score: the device is gone"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v does not name %s", err, want)
	}
}
