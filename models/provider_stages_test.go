//go:build provider

package models

import (
	"slices"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/onnxrun"
)

// TestStagesOnTheProvider: of a graph in two stages each lies whole on a device of its own, which has as many nodes,
// products and launches together as one device with both. Nothing is copied to the host but what goes from one stage to
// the other, at the end of the first, and what is read.
func TestStagesOnTheProvider(t *testing.T) {
	const bundle = "fused/qwen2-float32-stages"
	one := onDevice(t, bundle, nil)
	t.Setenv("FAKECUDA_DEVICES", "2")
	two := onDevices(t, bundle, onnxrun.Device{GPUs: []int{0, 1}, Stages: 2})
	for name, r := range map[string]*record{"one device": one, "two devices": two} {
		if off := r.elsewhere(); len(off) > 0 || r.memcpy > 0 || len(r.refused) > 0 {
			t.Errorf("%s: off the device %s; %d copying nodes; refused %s", name, tally(off), r.memcpy, tally(r.refused))
		}
		used := slices.ContainsFunc(r.asked, func(fields []string) bool { return slices.Equal(fields, []string{"device", "1"}) })
		if used != (name == "two devices") {
			t.Errorf("%s: the second device is turned to: %t", name, used)
		}
	}
	if a, b := len(one.placed[cudaProvider]), len(two.placed[cudaProvider]); a != b || a == 0 {
		t.Errorf("%d nodes on one device, %d on two", a, b)
	}
	for _, kind := range []string{"launch", "product"} {
		if a, b := len(one.kinds(kind)), len(two.kinds(kind)); a != b || a == 0 {
			t.Errorf("%ss: %d on one device, %d on two", kind, a, b)
		}
	}
}

// TestStagesOfOperatorsOnTheProvider: each stage of a graph of domain assay lies on its device whole, nine nodes of
// ours a layer.
func TestStagesOfOperatorsOnTheProvider(t *testing.T) {
	ours := 0
	for stage := range 2 {
		r, _ := runTold(t, "qwen3-assay-float16-stages", ort.TensorElementDataTypeFloat16, stage)
		if off := r.elsewhere(); len(off) > 0 || r.memcpy > 0 {
			t.Errorf("stage %d: off the device: %s; %d copying nodes", stage, tally(off), r.memcpy)
		}
		ours += len(r.kinds("ours"))
	}
	if ours != 18 {
		t.Errorf("%d nodes of ours in two layers, want 18", ours)
	}
}
