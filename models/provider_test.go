//go:build provider

package models

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/onnxrun"
)

var update = flag.Bool("update", false, "write testdata/provider/graphs.txt anew")

const providerGolden = "testdata/provider/graphs.txt"

// providerBundles are bundles of each layout, storage and kind of model.
var providerBundles = []string{
	"bundles/qwen3-reward-packed", "bundles/qwen3-reward-padded", "bundles/qwen3-reward-packed-float16",
	"bundles/qwen3-reward-packed-bfloat16", "bundles/qwen3-reward-packed-int8", "bundles/qwen3-reward-packed-external",
	"bundles/qwen2prm-process-packed", "bundles/llama-process-packed", "bundles/mistral-reward-packed",
	"bundles/gemma2-reward-packed", "bundles/phi3-reward-packed", "encoders/bert-reranker-packed", "encoders/bert-reranker-padded",
	"encoders/modernbert-reranker-mean-packed", "heads/mlp-packed", "heads/steps",
}

// onDevice opens a bundle's graph on the fake device, as a server does, but for the proof: no number is computed there.
// It runs all probes in one plan.
func onDevice(t *testing.T, bundle string, cuda map[string]string) *record {
	t.Helper()
	return onDevices(t, bundle, onnxrun.Device{GPUs: []int{0}, CUDA: cuda})
}

// onDevices is onDevice on other devices.
func onDevices(t *testing.T, bundle string, device onnxrun.Device) *record {
	t.Helper()
	read, err := readBundle(Dir(filepath.Join("testdata", bundle)))
	if err != nil {
		t.Fatal(err)
	}
	return watch(t, func() error {
		session, err := onnxrun.Open(t.Context(), read.graphFile(), 1, device)
		if session != nil {
			defer session.Close()
		}
		if err != nil {
			return err
		}
		m := &Model{info: Info{Manifest: read.manifest, Device: device}, session: session}
		plan, _, err := batching.MakePlan(m.probes(), m.batching(Options{}))
		if err != nil {
			return err
		}
		_, err = session.Run(t.Context(), plan)
		return err
	})
}

// heavyElsewhere are the kinds of nodes of a graph that compute on numbers of the model, and do so on the processors:
// the provider has no product of uint8 with int8. What else is not on the device are shapes, and where a row's padding
// ends.
var heavyElsewhere = map[string][]string{"bundles/qwen3-reward-packed-int8": {"MatMulInteger"}}

// heavy are the kinds of nodes that are not on the device, but for those of shapes and positions.
func (r *record) heavy() []string {
	light := []string{"ArgMax", "Concat", "Gather", "Mul", "Reshape", "Shape", "Squeeze", "Unsqueeze"}
	off := slices.DeleteFunc(r.elsewhere(), func(operator string) bool { return slices.Contains(light, operator) })
	slices.Sort(off)
	return slices.Compact(off)
}

// providerCase is a graph that is opened on the fake device, and run once.
type providerCase struct {
	name string
	run  func(t *testing.T) *record
}

// providerCases are all graphs of the golden file.
func providerCases(t *testing.T) []providerCase {
	t.Helper()
	var cases []providerCase
	for _, bundle := range append(slices.Clone(providerBundles), fusedBundles(t)...) {
		cases = append(cases, providerCase{bundle, func(t *testing.T) *record { t.Helper(); return onDevice(t, bundle, nil) }})
	}
	for _, layer := range halfLayers {
		cases = append(cases, providerCase{layer.String(), func(t *testing.T) *record { t.Helper(); return layer.onDevice(t) }})
	}
	return cases
}

// TestGraphsOnTheProvider: each graph has the nodes, copies, kernels and products that the golden file says. Whatever
// the file says, the device is asked for nothing that the fake lacks, no float32 product is rounded to TF32, and what
// computes is on the device. docs/GPU.md says the same of those that it names.
func TestGraphsOnTheProvider(t *testing.T) {
	golden, made := readProviderGolden(t), map[string]string{}
	page, err := os.ReadFile("../docs/GPU.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, graph := range providerCases(t) {
		t.Run(graph.name, func(t *testing.T) {
			r := graph.run(t)
			if len(r.refused) > 0 {
				t.Errorf("the provider asked for %s, which the fake runtime does not do", tally(r.refused))
			}
			if len(r.placed[cudaProvider]) == 0 || len(r.products()) == 0 {
				t.Errorf("%d nodes and %d products are on the device", len(r.placed[cudaProvider]), len(r.products()))
			}
			if strings.Contains(tally(r.products()), "tf32") {
				t.Errorf("products: %s", tally(r.products()))
			}
			if off := r.heavy(); !slices.Equal(off, heavyElsewhere[graph.name]) {
				t.Errorf("on the processors are %s, and %q is known", tally(off), heavyElsewhere[graph.name])
			}
			if row := r.row(graph.name); strings.Contains(string(page), "| `"+graph.name+"` |") && !strings.Contains(string(page), row) {
				t.Errorf("docs/GPU.md must say %s", row)
			}
			made[graph.name] = r.String()
			if diff := cmp.Diff(strings.Split(golden[graph.name], "\n"), strings.Split(r.String(), "\n")); diff != "" && !*update {
				t.Errorf("(-%s +provider; kernels/tools/test-provider.sh update writes it anew):\n%s", providerGolden, diff)
			}
		})
	}
	if *update {
		writeProviderGolden(t, made)
		return
	}
	for name := range golden {
		if made[name] == "" {
			t.Errorf("%s has %s, which is no graph of the tests", providerGolden, name)
		}
	}
}

// TestTF32OnTheProviderIsSeen: with the option that allows it, the test above would fail.
func TestTF32OnTheProviderIsSeen(t *testing.T) {
	r := onDevice(t, "bundles/qwen3-reward-packed", map[string]string{"use_tf32": "1"})
	if products := tally(r.products()); !strings.Contains(products, "(tf32)") || strings.Contains(products, "(exact)") {
		t.Errorf("products: %s", products)
	}
}

// String is the record as the golden file has it.
func (r *record) String() string {
	var text strings.Builder
	line := func(name, format string, values ...any) {
		fmt.Fprintf(&text, "  %-19s%s\n", name, fmt.Sprintf(format, values...))
	}
	line("nodes on the GPU", "%d", len(r.placed[cudaProvider]))
	line("nodes elsewhere", "%s", tally(r.elsewhere()))
	line("copying nodes", "%d", r.memcpy)
	before, within, _ := r.copies("to device")
	line("copies to the GPU", "%d of weights and inputs, %d while it computes", before, within)
	_, within, behind := r.copies("to host")
	line("copies to the host", "%d while it computes, %d of outputs", within, behind)
	line("attention", "%s", r.attention())
	launches, products := r.layer()
	line("products", "%s; of a layer %d", tally(r.products()), len(products))
	kernels := r.kinds("launch")
	line("launches", "%d; of a layer %d", len(kernels), len(launches))
	for i, kernel := range kernels {
		kernels[i] = kernelName(kernel)
	}
	for kernel := range strings.SplitSeq(tally(kernels), ", ") {
		line("", "%s", kernel)
	}
	return text.String()
}

// row is the record's row of the table in docs/GPU.md.
func (r *record) row(name string) string {
	launches, products := r.layer()
	return fmt.Sprintf("| `%s` | %d, %d | %d | %s | %d, %d |", name, len(r.placed[cudaProvider]), len(r.elsewhere()), r.memcpy, r.attention(),
		len(products), len(launches))
}

const providerHead = `What ONNX Runtime's CUDA provider makes of graphs, seen on a device that computes nothing; the forward is all probes
of a model in one plan. Written by kernels/tools/test-provider.sh update; do not edit by hand.
`

// readProviderGolden reads the sections of the golden file by their name, which is a line that ends in a colon.
func readProviderGolden(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile(providerGolden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	sections := map[string]string{}
	name := ""
	for line := range strings.Lines(strings.TrimPrefix(string(data), providerHead)) {
		switch found, is := strings.CutSuffix(line, ":\n"); {
		case is:
			name = found
		case line != "\n":
			sections[name] += line
		}
	}
	return sections
}

func writeProviderGolden(t *testing.T, made map[string]string) {
	t.Helper()
	var text strings.Builder
	text.WriteString(providerHead)
	for _, name := range slices.Sorted(maps.Keys(made)) {
		text.WriteString("\n" + name + ":\n" + made[name])
	}
	if err := os.WriteFile(providerGolden, []byte(text.String()), 0o644); err != nil { //nolint:gosec // a file of the sources
		t.Fatal(err)
	}
}
