package onnxrun

import (
	"errors"
	"strings"
	"testing"

	"github.com/assay-rm/assay/kernels/processor"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// TestWhatAProcessorLacksIsToldOrRefused: a precision that a tier has no instructions for is told with what it costs,
// and refused where the device is to be fast. No graph but one of domain assay is.
func TestWhatAProcessorLacksIsToldOrRefused(t *testing.T) {
	graph := func(compute, precision string) *manifest.Graph {
		return &manifest.Graph{Operators: "assay", Compute: compute, Precision: precision}
	}
	for _, tier := range processor.Tiers() {
		for _, g := range []*manifest.Graph{graph("float32", "float32"), graph("float16", "float16"), graph("bfloat16", "bfloat16"), graph("bfloat16", "int8")} {
			instructions, fast := tier.Products(kindOf(g))
			slow, err := (Device{}).slow(g, tier), (Device{Fast: true}).checkFast(g, tier)
			if fast != (slow == "") || fast != (err == nil) {
				t.Errorf("%s, %s: fast is %v, told %q, refused: %v", tier, g.Precision, fast, slow, err)
			}
			if known := new(fault.Error); !fast && (!errors.As(err, &known) || known.Code != fault.CodeDevice || !strings.Contains(err.Error(), slow) ||
				!strings.Contains(slow, "by "+instructions) || !strings.Contains(err.Error(), "leave out --require-fast")) {
				t.Errorf("%s, %s: %v", tier, g.Precision, err)
			}
			if (Device{}).checkFast(g, tier) != nil || (Device{GPUs: []int{0}}).slow(g, tier) != "" {
				t.Errorf("%s, %s: refused where nobody asked for it", tier, g.Precision)
			}
		}
		if (Device{Fast: true}).checkFast(&manifest.Graph{Precision: "int8"}, tier) != nil {
			t.Error("a graph of ONNX Runtime's operators is refused")
		}
	}
	plain := processor.Tiers()[0]
	const says = "graph.precision is int8, and this processor multiplies it by plain C: that takes many times as long as with AVX2 or AVX-512"
	if got := (Device{}).slow(graph("bfloat16", "int8"), plain); got != says {
		t.Errorf("%s, want %s", got, says)
	}
}
