//go:build provider

package models

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/onnxrun"
)

// missingPart is a start on a machine that lacks something, or whose CUDA does.
type missingPart struct {
	library string // that is taken away
	devices string // FAKECUDA_DEVICES
	device  string // that is asked for; empty: cuda:0
	says    string // the sentence that ends the start, behind the bundle's name
}

var missingParts = []missingPart{
	{library: "libcuda.so.1", says: "the NVIDIA driver (libcuda.so.1) is not installed, or not visible here: a container needs --gpus"},
	{library: "libcudnn.so.9", says: "cuDNN 9 (libcudnn.so.9) is not in the library path: make runtime-cuda installs it"},
	{library: "libcudart.so.13", says: "libcudart.so.13 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{library: "libcublas.so.13", says: "libcublas.so.13 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{library: "libcublasLt.so.13", says: "libcublasLt.so.13 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{library: "libcufft.so.12", says: "libcufft.so.12 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{library: "libcurand.so.10", says: "libcurand.so.10 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{library: "libnvrtc.so.13", says: "libnvrtc.so.13 of CUDA 13 is not in the library path: make runtime-cuda installs it"},
	{
		library: "libonnxruntime_providers_cuda.so",
		says:    "the CUDA provider (libonnxruntime_providers_cuda.so) is not beside ONNX Runtime: make runtime-cuda installs both",
	},
	{devices: "stub", says: `Failed to parse provider option "device_id": CUDA failure 34: CUDA driver is a stub library`},
	{devices: "0", says: "the NVIDIA driver finds no GPU; nvidia-smi -L lists what it finds, and a container needs --gpus"},
	{device: "cuda:1", says: "the NVIDIA driver finds 1 GPU, and numbers them from 0"},
}

// TestAMissingPartOfTheProviderIsNamed starts on a folder with everything but one part, in a process of its own, and
// holds the last line of the start to its sentence, and docs/GPU.md to listing it. With everything there the start gets
// beyond the device. What the proof then finds of numbers that nobody computed is not said: they are what lay there.
func TestAMissingPartOfTheProviderIsNamed(t *testing.T) {
	if os.Getenv("ASSAY_PROVIDER_START") != "" {
		startOnProvider(t)
		return
	}
	page, err := os.ReadFile("../docs/GPU.md")
	if err != nil {
		t.Fatal(err)
	}
	if got := (missingPart{}).start(t); strings.Contains(got, "device cuda:0") {
		t.Errorf("with everything there: %s", got)
	}
	for _, part := range missingParts {
		t.Run(part.library+part.devices+part.device, func(t *testing.T) {
			got := part.start(t)
			device := part.device
			if device == "" {
				device = "cuda:0"
			}
			sentence := "device " + device + " cannot be used: " + part.says
			if !strings.HasSuffix(got, sentence) {
				t.Errorf("%s, want %s", got, sentence)
			}
			if listed := strings.ReplaceAll(sentence, part.library+" of CUDA 13", "libcublasLt.so.13 of CUDA 13"); !strings.Contains(string(page), listed) {
				t.Errorf("docs/GPU.md does not list: %s", listed)
			}
		})
	}
}

// start runs a start in a process that has everything but the part, and gives what it ended with.
func (p missingPart) start(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, from := range []string{os.Getenv("ASSAY_FAKE_CUDA"), filepath.Dir(os.Getenv("ASSAY_PROVIDER"))} {
		libraries, err := filepath.Glob(filepath.Join(from, "lib*.so*"))
		if err != nil || len(libraries) < 3 {
			t.Fatalf("%s has %d libraries (%v): kernels/tools/test-provider.sh makes them", from, len(libraries), err)
		}
		for _, library := range libraries {
			if name := filepath.Base(library); name != p.library {
				if err := os.Symlink(library, filepath.Join(folder, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	start := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestAMissingPartOfTheProviderIsNamed$")
	start.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, "ASSAY_PROVIDER_START="+folder, "FAKECUDA_DEVICES="+p.devices, "ASSAY_PROVIDER_DEVICE="+p.device)
	if p.devices == "" {
		start.Env = append(start.Env, "FAKECUDA_DEVICES=1")
	}
	said, err := start.CombinedOutput()
	for line := range strings.Lines(string(said)) {
		if got, is := strings.CutPrefix(line, "the start: "); is {
			return strings.TrimSpace(got)
		}
	}
	t.Fatalf("%v\n%s", err, said)
	return ""
}

// startOnProvider opens a model as a server does, and writes what its start ended with.
func startOnProvider(t *testing.T) {
	t.Helper()
	device, err := onnxrun.ParseDevice(os.Getenv("ASSAY_PROVIDER_DEVICE"))
	if err != nil {
		t.Fatal(err)
	}
	if !device.OnGPU() {
		device.GPUs = []int{0}
	}
	library := filepath.Join(os.Getenv("ASSAY_PROVIDER_START"), onnxrun.RuntimeFile)
	m, err := Open(t.Context(), Dir("testdata/bundles/qwen3-reward-packed"), Options{Runtime: library, Device: device, Tokens: 512})
	if m != nil {
		defer m.freeSession()
	}
	fmt.Printf("the start: %v\n", err)
}

// TestAForwardWithoutMemoryOnTheProviderIsNamed: a forward that takes more of a GPU than ONNX Runtime may have ends
// with what to give less of.
func TestAForwardWithoutMemoryOnTheProviderIsNamed(t *testing.T) {
	read, err := readBundle(Dir(filepath.Join("testdata", "fused", "qwen2-float16")))
	if err != nil {
		t.Fatal(err)
	}
	sequences := make([]batching.Sequence, 40)
	for i := range sequences {
		sequences[i] = batching.Sequence{IDs: probeIDs(400, 300, uint64(i)), Positions: []int{299}}
	}
	var failed error
	watch(t, func() error {
		session, err := onnxrun.Open(t.Context(), read.graphFile(), 1, onnxrun.Device{GPUs: []int{0}, Memory: 2 << 20})
		if session != nil {
			defer session.Close()
		}
		if err != nil {
			return err
		}
		plan, _, err := batching.MakePlan(sequences, batching.Options{Rounding: roundingOn(onnxrun.Device{GPUs: []int{0}})})
		if err == nil {
			_, failed = session.Run(t.Context(), plan)
		}
		return err
	})
	want := regexp.MustCompile(`^device cuda:0 has no memory for a forward of \d+ tokens beside the weights and the cache \(.*\): ` +
		`give less with --cache or --batch-tokens, or more with --device-memory$`)
	if failed == nil || !want.MatchString(failed.Error()) {
		t.Errorf("%v, want %v", failed, want)
	}
}
