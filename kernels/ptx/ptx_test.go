package ptx

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/kernels/cuda"
)

var entry = regexp.MustCompile(`(?s)\.entry (\w+)\((.*?)\)`)

// The PTX has the kernels of the sources, but those for hidden states of 16 bits, each with as many parameters of 8
// bytes, and every device from compute capability 8.0 on may load it.
func TestModules(t *testing.T) {
	want := cuda.Kernels()
	for _, half := range []string{"linear_f16", "linear_bf16"} {
		if want[half] == 0 {
			t.Errorf("the sources have no %s", half)
		}
		delete(want, half)
	}
	for _, major := range []int{8, 9, 10, 12} {
		modules := all(t, major)
		found := map[string]int{}
		for _, module := range modules {
			if !strings.Contains(module, ".target sm_80\n") {
				t.Errorf("a module for compute capability %d.x is not for 8.0", major)
			}
			for _, match := range entry.FindAllStringSubmatch(module, -1) {
				found[match[1]] = strings.Count(match[2], ".param .u64")
			}
		}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("kernels and parameters (-sources +PTX):\n%s", diff)
		}
	}
	if _, err := Modules(7); err == nil || !strings.Contains(err.Error(), "compute capability 7.x is below 8.0") {
		t.Errorf("a device that is too old: %v", err)
	}
}

// A layer of int8 rounds each step by itself, as the operators of its body do: the compiler has fused none, and ptxas
// fuses no instruction that says how it rounds.
func TestRoundedStepByStep(t *testing.T) {
	text, err := files.ReadFile("linear8.compute_80.ptx")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, instruction := range regexp.MustCompile(`\b(fma|mad|mul|add|sub|div)\.\S*f32`).FindAllString(string(text), -1) {
		found[instruction] = true
	}
	if diff := cmp.Diff(map[string]bool{"add.rn.f32": true, "div.rn.f32": true, "mul.rn.f32": true}, found); diff != "" {
		t.Errorf("arithmetic in float32 (-want +PTX):\n%s", diff)
	}
}

// all gives every module of a device.
func all(t *testing.T, major int) []string {
	t.Helper()
	modules, err := Modules(major)
	operators, wrong := Operators(major)
	if err != nil || wrong != nil {
		t.Fatal(err, wrong)
	}
	return append(modules, operators...)
}

// The widest loads and stores are used, and tensor cores with what feeds them. A warp's 16 rows and 64 keys take as
// many products as a head has numbers: 656 for the six head sizes.
func TestInstructions(t *testing.T) {
	text := strings.Join(all(t, 9), "")
	for instruction, atLeast := range map[string]int{
		"ld.global.nc.v4.u32": 2, "st.global.v4.u32": 2,
		"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32": 600, "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": 600,
		"ldmatrix.sync.aligned.m8n8.x4.shared.b16": 300, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16": 300,
		"cp.async.cg.shared.global": 24, "cvt.rn.f16x2.f32": 100, "cvt.rn.bf16x2.f32": 100,
	} {
		if n := strings.Count(text, instruction); n < atLeast {
			t.Errorf("the PTX has %d %s, want at least %d", n, instruction, atLeast)
		}
	}
}
