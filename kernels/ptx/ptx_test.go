package ptx

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/kernels/cuda"
)

var entry = regexp.MustCompile(`(?s)\.entry (\w+)\((.*?)\)`)

// The PTX has the kernels of the sources, each with as many parameters of 8 bytes, for the architecture that was asked for.
func TestModules(t *testing.T) {
	for major, architecture := range map[int]int{8: 80, 9: 90, 10: 90, 12: 90} {
		modules, err := Modules(major)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for _, module := range modules {
			if target := fmt.Sprintf(".target sm_%d\n", architecture); !strings.Contains(module, target) {
				t.Errorf("a module for compute capability %d lacks %q", major, target)
			}
			for _, match := range entry.FindAllStringSubmatch(module, -1) {
				found[match[1]] = strings.Count(match[2], ".param .u64")
			}
		}
		if diff := cmp.Diff(cuda.Kernels(), found); diff != "" {
			t.Errorf("kernels and parameters (-sources +PTX):\n%s", diff)
		}
	}
	if _, err := Modules(7); err == nil || !strings.Contains(err.Error(), "compute capability 7.x is below 8.0") {
		t.Errorf("a device that is too old: %v", err)
	}
}

// The products that must be skew-symmetric are not fused into multiply-adds, and the widest loads and stores are used.
func TestInstructions(t *testing.T) {
	modules, err := Modules(9)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(modules, "")
	for instruction, atLeast := range map[string]int{"mul.rn.f32": 6, "ld.global.v4.u32": 3, "st.global.v4.u32": 2, "cvt.f32.f16": 4} {
		if n := strings.Count(all, instruction); n < atLeast {
			t.Errorf("the PTX has %d %s, want at least %d", n, instruction, atLeast)
		}
	}
}
