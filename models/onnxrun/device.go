package onnxrun

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/models/fault"
)

// Device is where the forwards of a model run. The zero value is the processors.
type Device struct {
	GPUs   []int             // numbers of the NVIDIA GPUs; none: the processors
	Stages int               // how many GPUs in a row share a copy of the weights, each with a stage; 0: each has a copy
	Memory int64             // bytes that ONNX Runtime may take of each GPU; 0: as much as there is
	Fast   bool              // refuse a graph whose precision the processors have no instructions for
	CUDA   map[string]string // more options of ONNX Runtime's CUDA provider; they overwrite ours
}

// ownOptions of the CUDA provider may not be given: on another GPU or stream than ours, the graph would read what is
// not there yet.
var ownOptions = []string{"device_id", "has_user_compute_stream", "user_compute_stream"}

// maxGPUs is the most GPUs that one model may have.
const maxGPUs = 16

// ParseDevice reads "cpu", "cuda" (the first GPU), "cuda:0,2" (these GPUs, each with a copy of the weights), or
// "cuda:0+1,2+3" (two copies, each on two GPUs).
func ParseDevice(text string) (Device, error) {
	if text == "cpu" || text == "" {
		return Device{}, nil
	}
	if text == "cuda" {
		return Device{GPUs: []int{0}}, nil
	}
	list, ok := strings.CutPrefix(text, "cuda:")
	if !ok {
		return Device{}, fmt.Errorf("device %q is none of cpu, cuda, cuda:0, cuda:0,1 and cuda:0+1", text)
	}
	var d Device
	for i, group := range strings.Split(list, ",") {
		numbers := strings.Split(group, "+")
		if i > 0 && len(numbers) != max(1, d.Stages) {
			return Device{}, fmt.Errorf("device %q has %d GPUs in one copy and %d in another, and all copies have as many", text, max(1, d.Stages), len(numbers))
		}
		if len(numbers) > 1 {
			d.Stages = len(numbers)
		}
		for _, number := range numbers {
			gpu, err := strconv.ParseUint(number, 10, 16)
			switch {
			case err != nil:
				return Device{}, fmt.Errorf("device %q: %q is no number of a GPU", text, number)
			case slices.Contains(d.GPUs, int(gpu)):
				return Device{}, fmt.Errorf("device %q names GPU %d twice", text, gpu)
			case len(d.GPUs) == maxGPUs:
				return Device{}, fmt.Errorf("device %q names more than %d GPUs", text, maxGPUs)
			}
			d.GPUs = append(d.GPUs, int(gpu))
		}
	}
	return d, nil
}

// OnGPU tells whether forwards run on a GPU.
func (d Device) OnGPU() bool { return len(d.GPUs) > 0 }

// copies are the GPUs of each copy of the weights.
func (d Device) copies() [][]int { return slices.Collect(slices.Chunk(d.GPUs, max(1, d.Stages))) }

// Copies names each copy of the weights by its GPUs: "0", or "0+1" where they share it.
func (d Device) Copies() []string {
	var names []string
	for _, gpus := range d.copies() {
		numbers := make([]string, len(gpus))
		for i, gpu := range gpus {
			numbers[i] = strconv.Itoa(gpu)
		}
		names = append(names, strings.Join(numbers, "+"))
	}
	return names
}

// String names the device as [ParseDevice] reads it.
func (d Device) String() string {
	if !d.OnGPU() {
		return "cpu"
	}
	return "cuda:" + strings.Join(d.Copies(), ",")
}

// Check refuses the options of the CUDA provider that may not be given. Its error is a *fault.Error.
func (d Device) Check() error {
	for _, name := range ownOptions {
		if value, given := d.CUDA[name]; given {
			return fault.New(fault.CodeDevice,
				"option %s of the CUDA provider is %q, and cannot be given: the device says where forwards run", name,
				value)
		}
	}
	return nil
}

// checkStages refuses a graph that is not cut into as many stages as GPUs share a copy of the weights.
func (d Device) checkStages(file *Graph) error {
	have := len(file.Stages)
	if d.Stages < 2 || have == d.Stages {
		return nil
	}
	parts, or := "parts", ""
	if have == 1 {
		parts = "part"
	}
	if file.Stages[0].Path == "" {
		or = ", or leave embedded models out with --no-builtin"
	}
	export := fmt.Sprintf("export the checkpoint with assay-export --stages %d, or ", d.Stages)
	switch g := &file.Manifest.Graph; {
	case !g.Packed() || g.Bidirectional():
		export = "" // which has no stages
	case !g.Fused():
		export = fmt.Sprintf("export the checkpoint with assay-export --compute float16 --stages %d, or ", d.Stages)
	}
	return fault.New(fault.CodeDevice, "device %s has %d GPUs in a copy, and the graph is in %d %s: %sserve it with --device cuda:%d%s",
		d, d.Stages, have, parts, export, d.GPUs[0], or)
}

// cudaOptions are the options of the CUDA provider for one GPU, and for the stream of our kernels there; 0: they have
// none. TensorFloat-32 is off, since it rounds the factors of float32 products to 10 bits. Norms with a residual add up
// in float32 (strict mode), whatever the type of their rows. The arena grows by what is asked for, since doubling it
// would claim memory that other models of the process need.
func (d Device) cudaOptions(gpu int, stream uintptr) map[string]string {
	options := map[string]string{
		"device_id":             strconv.Itoa(gpu),
		"use_tf32":              "0",
		"arena_extend_strategy": "kSameAsRequested",

		"enable_skip_layer_norm_strict_mode": "1",
	}
	if d.Memory > 0 {
		options["gpu_mem_limit"] = strconv.FormatInt(d.Memory, 10)
	}
	maps.Copy(options, d.CUDA)
	if stream != 0 {
		options["has_user_compute_stream"], options["user_compute_stream"] = "1", strconv.FormatUint(uint64(stream), 10)
	}
	return options
}

// appendCUDA has sessions of these options run on a GPU. It ends when Update fails: appending the options would succeed
// all the same, and the sessions would run on the processors.
func appendCUDA(options *ort.SessionOptions, cuda map[string]string) error {
	provider, err := ort.NewCUDAProviderOptions()
	if err == nil {
		defer provider.Destroy() //nolint:errcheck // freeing cannot fail
		err = provider.Update(cuda)
	}
	if err == nil {
		err = options.AppendExecutionProviderCUDA(provider)
	}
	if err != nil {
		return unusable(cuda["device_id"], cudaMissing(err))
	}
	return nil
}

// unusable is the error of a GPU that cannot be used.
func unusable(gpu, why string) error {
	return fault.New(fault.CodeDevice, "device cuda:%s cannot be used: %s", gpu, why)
}

// source is what ONNX Runtime puts around the sentence of an error: where in its own sources it comes from.
var source = regexp.MustCompile(`^.*\[ONNXRuntimeError\] : \d+ : \w+ : (\S+\.(h|cc):\d+ \S+ )?| ; GPU=.*$`)

var unloadable = regexp.MustCompile(`error: (?:\S*/)?(lib[^\s/:]+): cannot open shared object file`)

// noSuchGPU is how ONNX Runtime refuses the number of a GPU that is not there.
var noSuchGPU = regexp.MustCompile(`Invalid device ID: \d+, must be between 0 \(inclusive\) and (\d+) \(exclusive\)`)

// cudaMissing says in a sentence what the CUDA provider lacks.
func cudaMissing(err error) string {
	text := err.Error()
	library := ""
	if found := unloadable.FindStringSubmatch(text); found != nil {
		library = found[1]
	}
	switch {
	case strings.Contains(text, "not enabled in this build"):
		return "this ONNX Runtime has no CUDA provider; make runtime-cuda installs one that has, " +
			"or name it with --onnxruntime"
	case strings.HasPrefix(library, "libcuda."):
		return "the NVIDIA driver (" + library + ") is not installed, or not visible here: a container needs --gpus"
	case strings.HasPrefix(library, "libcudnn"):
		return "cuDNN 9 (" + library + ") is not in the library path: make runtime-cuda installs it"
	case strings.HasPrefix(library, "libonnxruntime_providers"):
		return "the CUDA provider (" + library + ") is not beside ONNX Runtime: make runtime-cuda installs both"
	case library != "":
		return library + " of CUDA 13 is not in the library path: make runtime-cuda installs it"
	case strings.Contains(text, "CUDA failure 100:"):
		return "the NVIDIA driver finds no GPU; nvidia-smi -L lists what it finds, and a container needs --gpus"
	}
	if found := noSuchGPU.FindStringSubmatch(text); found != nil {
		gpus := " GPUs"
		if found[1] == "1" {
			gpus = " GPU"
		}
		return "the NVIDIA driver finds " + found[1] + gpus + ", and numbers them from 0"
	}
	return strings.TrimSpace(source.ReplaceAllString(text, ""))
}
