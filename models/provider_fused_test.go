//go:build provider

package models

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/manifest"
)

// fused says what is wrong with a graph that was made for the device: it must lie there whole, attend in this way, and
// add up every product in float32, whose factors are of this type or, in a head, float32.
func (r *record) fused(compute, attention string) []string {
	var wrong []string
	if off := r.elsewhere(); len(off) > 0 {
		wrong = append(wrong, "nodes off the device: "+tally(off))
	}
	if r.memcpy > 0 {
		wrong = append(wrong, fmt.Sprintf("%d nodes copy between host and device", r.memcpy))
	}
	if _, within, _ := r.copies("to host"); within > 0 {
		wrong = append(wrong, fmt.Sprintf("%d copies to the host while it computes", within))
	}
	if way := r.attention(); way != attention {
		wrong = append(wrong, "attention is "+way)
	}
	ours := compute + " summed in float32 (exact)"
	others := slices.DeleteFunc(r.products(), func(product string) bool { return product == ours || product == "float32 summed in float32 (exact)" })
	if products := tally(r.products()); len(others) > 0 || !strings.Contains(products, ours) {
		wrong = append(wrong, "products: "+products)
	}
	return wrong
}

// fusedBundle is what is demanded of a bundle of testdata/fused: what it computes in, its way of attention, and how
// many products and kernels each layer launches at most.
type fusedBundle struct {
	compute, attention string
	products, launches int
}

// fusedDemands has a line for each bundle of the folder.
var fusedDemands = map[string]fusedBundle{
	"fused/qwen2-float16":      {"float16", "memory-efficient", 5, 25},
	"fused/qwen2-bfloat16":     {"bfloat16", "memory-efficient", 5, 21},
	"fused/qwen2-float32":      {"float32", "unfused", 7, 23},
	"fused/bert-float16":       {"float16", "memory-efficient", 5, 14},
	"fused/bert-bfloat16":      {"bfloat16", "memory-efficient", 5, 14},
	"fused/bert-float32":       {"float32", "memory-efficient", 5, 10},
	"fused/modernbert-float16": {"float16", "memory-efficient", 4, 24},
	"fused/qwen2-int4-float16": {"float16", "memory-efficient", 4, 30},
}

// TestFusedBundlesOnTheProvider holds every bundle that was made for the device to what is demanded of it.
func TestFusedBundlesOnTheProvider(t *testing.T) {
	bundles := fusedBundles(t)
	for name := range fusedDemands {
		if !slices.Contains(bundles, name) {
			t.Errorf("testdata/%s is gone, and its line in the table with it", name)
		}
	}
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			demand, known := fusedDemands[bundle]
			if !known {
				t.Fatalf("testdata/%s has no line in the table of what is demanded", bundle)
			}
			r := onDevice(t, bundle, nil)
			if wrong := r.fused(demand.compute, demand.attention); len(wrong) > 0 {
				t.Errorf("%q", wrong)
			}
			launches, products := r.layer()
			if len(products) > demand.products || len(launches) > demand.launches {
				t.Errorf("a layer has %d products and launches %d kernels, and at most %d and %d are demanded", len(products), len(launches),
					demand.products, demand.launches)
			}
		})
	}
}

// fusedBundles are the bundles that were made for the device, by their paths in testdata.
func fusedBundles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/fused/*/" + manifest.File)
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		files[i] = strings.TrimPrefix(filepath.Dir(file), "testdata/")
	}
	// The operators of domain assay have kernels in a build for GPUs alone: TestOperatorsOnTheProvider. A graph in stages
	// is held to the uncut one: TestStagesOnTheProvider.
	return slices.DeleteFunc(files, func(file string) bool { return strings.Contains(file, "-assay-") || strings.HasSuffix(file, "-stages") })
}
