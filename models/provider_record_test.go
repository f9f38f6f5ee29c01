//go:build provider

package models

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/onnxrun"
)

// record is what ONNX Runtime and its CUDA provider made of one graph and one forward of it: where its log says that
// nodes lie, and what the provider asked of CUDA (kernels/fakecuda/runtime/trace.hpp).
type record struct {
	placed  map[string][]string // the operators of the nodes on each provider, one for each node
	memcpy  int                 // nodes put in that copy between the host's memory and the device's
	asked   [][]string          // the lines of the trace, by field
	first   int                 // the first launch or product in asked; what lies before is weights and inputs
	last    int                 // the last
	refused []string            // functions that were asked for and that the fake does not have
}

// startProvider loads the ONNX Runtime that has the CUDA provider, and has it tell everything.
var startProvider = sync.OnceValue(func() error {
	provider := os.Getenv("ASSAY_PROVIDER")
	if provider == "" || os.Getenv("FAKECUDA_TRACE") == "" {
		return errors.New("ASSAY_PROVIDER and FAKECUDA_TRACE must be set: kernels/tools/test-provider.sh does it")
	}
	if err := onnxrun.StartRuntime(filepath.Join(filepath.Dir(provider), onnxrun.RuntimeFile)); err != nil {
		return err
	}
	return ort.SetEnvironmentLogLevel(ort.LoggingLevelVerbose)
})

// watch does something with the provider and records it.
func watch(t *testing.T, do func() error) *record {
	t.Helper()
	if err := startProvider(); err != nil {
		t.Fatal(err)
	}
	trace := os.Getenv("FAKECUDA_TRACE")
	if err := os.Remove(trace); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	log, err := standardError(filepath.Join(t.TempDir(), "log"), do)
	if err != nil {
		t.Fatalf("%v\n%s", err, log[max(0, len(log)-2000):])
	}
	lines, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	r := &record{placed: placements(log), memcpy: copyingNodes(log), first: -1}
	for line := range strings.Lines(string(lines)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch fields[0] {
		case "launch", "product":
			if r.last = len(r.asked); r.first < 0 {
				r.first = r.last
			}
		case "refused":
			r.refused = append(r.refused, fields[1])
		}
		r.asked = append(r.asked, fields)
	}
	return r
}

const cudaProvider = "CUDAExecutionProvider"

// elsewhere are the operators of the nodes that are not on the device.
func (r *record) elsewhere() []string {
	var operators []string
	for provider, on := range r.placed {
		if provider != cudaProvider {
			operators = append(operators, on...)
		}
	}
	return operators
}

// kinds are the second fields of the lines of one sort, such as the kernels launched or where copies went.
func (r *record) kinds(sort string) []string {
	var kinds []string
	for _, fields := range r.asked {
		if fields[0] == sort {
			kinds = append(kinds, fields[1])
		}
	}
	return kinds
}

// layer are the launches and products of one layer: from the attention kernel of the first to that of the second. Where
// there is one layer, they are all.
func (r *record) layer() (launches, products []string) {
	attends := 0
	begin, end := max(0, r.first), r.last+1
	for i, fields := range r.asked {
		if fields[0] == "launch" && attentionWay(fields[1]) != "" {
			switch attends++; attends {
			case 1:
				begin = i
			case 2:
				end = i
			}
		}
	}
	if attends < 2 {
		begin = max(0, r.first)
	}
	part := &record{asked: r.asked[begin:end]}
	return part.kinds("launch"), part.kinds("product")
}

// products tells what a product multiplies and in which type it adds, for each.
func (r *record) products() []string {
	var products []string
	for _, fields := range r.asked {
		if fields[0] == "product" {
			products = append(products, fmt.Sprintf("%s summed in %s (%s)", fields[6], fields[7], fields[8]))
		}
	}
	return products
}

// attentionWay is the way of attention that a kernel is of: one kernel for all of it, or the softmax between two
// products. It is empty for any other kernel.
func attentionWay(kernel string) string {
	switch name := kernelName(kernel); {
	case strings.Contains(name, "flash_fwd"):
		return "flash"
	case strings.Contains(name, "attention_kernel_batched"):
		return "memory-efficient"
	case strings.Contains(strings.ToLower(name), "softmax"):
		return "unfused"
	}
	return ""
}

// attention are the ways of attention that were taken.
func (r *record) attention() string {
	ways := map[string]bool{}
	for _, kernel := range r.kinds("launch") {
		ways[attentionWay(kernel)] = true
	}
	delete(ways, "")
	return strings.Join(slices.Sorted(maps.Keys(ways)), " and ")
}

// copies count what crossed the bus: before the work, while it went on, and behind it.
func (r *record) copies(where string) (before, within, behind int) {
	for i, fields := range r.asked {
		switch {
		case fields[0] != "copy" || fields[1] != where:
		case i < r.first:
			before++
		case i < r.last:
			within++
		default:
			behind++
		}
	}
	return before, within, behind
}

// kernelName is the name of a kernel without its namespaces, template and arguments.
func kernelName(kernel string) string {
	depth, from := 0, 0
	kernel = strings.ReplaceAll(kernel, "(anonymous namespace)", "")
	for i, letter := range kernel {
		switch {
		case letter == '<' || letter == '(':
			if depth == 0 && i > from {
				return kernel[from:i]
			}
			depth++
		case letter == '>' || letter == ')':
			depth--
		case depth == 0 && (letter == ' ' || letter == ':'):
			from = i + 1
		}
	}
	return kernel[from:]
}

// tally counts equal words: "2 Concat, 1 Mul".
func tally(words []string) string {
	counts := map[string]int{}
	for _, word := range words {
		counts[word]++
	}
	var parts []string
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
