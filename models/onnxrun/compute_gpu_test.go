//go:build gpu

package onnxrun

import (
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/manifest"
)

// TestBFloat16NeedsATensorCoreGPU: a GPU of compute capability 7.0 multiplies no bfloat16, and the sentence says what
// does; one of 9.0 does.
func TestBFloat16NeedsATensorCoreGPU(t *testing.T) {
	for major, says := range map[string]string{
		"7": "device cuda:0 cannot be used: graph.compute is bfloat16, which needs compute capability 8.0, and it has 7.0: " +
			"export the checkpoint with assay-export --compute float16",
		"8": "", "9": "",
	} {
		t.Setenv("FAKECUDA_MAJOR", major)
		told := ""
		if err := (Device{GPUs: []int{0}}).checkCompute(&manifest.Graph{Compute: "bfloat16"}); err != nil {
			told = err.Error()
		}
		if told != says {
			t.Errorf("compute capability %s.0: %q, want %q", major, told, says)
		}
	}
}

// TestACacheThatTheGPULacksIsRefused: a pool that does not fit beside what is there names the GPU and the flag.
func TestACacheThatTheGPULacksIsRefused(t *testing.T) {
	startRuntime(t)
	g := &manifest.Graph{KVHeads: 2, HeadDim: 8, Compute: "float16"}
	st := &stage{of: g, numbers: numbersOf(g), presents: []string{"k", "v"}}
	s := &Session{graph: g, places: [][]*stage{{st}}}
	on, err := openGPU(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer on.close() //nolint:errcheck // the test is over
	st.gpu = on
	const says = "a key-value cache of 1152921504606846976 bytes does not fit on GPU 0: give less with --cache: pool: device 0: allocate "
	if _, err := s.Reserve(1<<60, 0); err == nil || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("%v, want %s", err, says)
	}
}
