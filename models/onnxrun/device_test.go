package onnxrun

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/fault"
)

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]Device{
		"": {}, "cpu": {}, "cuda": {GPUs: []int{0}}, "cuda:3": {GPUs: []int{3}}, "cuda:1,0": {GPUs: []int{1, 0}},
		"cuda:1+0": {GPUs: []int{1, 0}, Stages: 2}, "cuda:0+1,4+3": {GPUs: []int{0, 1, 4, 3}, Stages: 2},
	} {
		got, err := ParseDevice(text)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if again, err := ParseDevice(got.String()); err != nil || !cmp.Equal(got, again) {
			t.Errorf("%q is written %q, which is read as %v, %v", text, got, again, err)
		}
	}
	for text, says := range map[string]string{
		"gpu":          `device "gpu" is none of cpu, cuda, cuda:0, cuda:0,1 and cuda:0+1`,
		"cuda:":        `device "cuda:": "" is no number of a GPU`,
		"cuda:-1":      `device "cuda:-1": "-1" is no number of a GPU`,
		"cuda:0,0":     `device "cuda:0,0" names GPU 0 twice`,
		"cuda:0+":      `device "cuda:0+": "" is no number of a GPU`,
		"cuda:0+1,1":   `device "cuda:0+1,1" has 2 GPUs in one copy and 1 in another, and all copies have as many`,
		"cuda:0,1+2":   `device "cuda:0,1+2" has 1 GPUs in one copy and 2 in another`,
		"cuda:0+1,1+2": `device "cuda:0+1,1+2" names GPU 1 twice`,
		"cuda:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16": "names more than 16 GPUs",
	} {
		if _, err := ParseDevice(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %s", text, err, says)
		}
	}
}

// TestWhatCUDALacksIsNamed reads what ONNX Runtime 1.27 says, as seen with one library after the other taken away.
func TestWhatCUDALacksIsNamed(t *testing.T) {
	const failed = "provider_bridge_ort.cc:1988 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : " +
		"Failed to load library /opt/ort/libonnxruntime_providers_cuda.so with error: "
	for library, says := range map[string]string{
		"libcuda.so.1":      "the NVIDIA driver (libcuda.so.1) is not installed",
		"libcudnn.so.9":     "cuDNN 9 (libcudnn.so.9) is not in the library path",
		"libcublasLt.so.13": "libcublasLt.so.13 of CUDA 13 is not in the library path",
		"/opt/ort/libonnxruntime_providers_shared.so": "the CUDA provider (libonnxruntime_providers_shared.so) is not beside ONNX Runtime",
	} {
		err := errors.New(failed + library + ": cannot open shared object file: No such file or directory")
		if got := cudaMissing(err); !strings.HasPrefix(got, says) {
			t.Errorf("%s: %s", library, got)
		}
	}
	other := errors.New("/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc:60 static onnxruntime::CUDAExecutionProviderInfo " +
		"onnxruntime::CUDAExecutionProviderInfo::FromProviderOptions(const onnxruntime::ProviderOptions&) [ONNXRuntimeError] : 1 : FAIL : " +
		"provider_options_utils.h:187 Parse Failed to parse provider option \"device_id\": CUDA failure 34: CUDA driver is a stub library ; GPU=-1 ; " +
		"hostname=vm ; file=/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc ; line=67 ; expr=cudaGetDeviceCount(&num_devices);")
	const says = `Failed to parse provider option "device_id": CUDA failure 34: CUDA driver is a stub library`
	if got := cudaMissing(other); got != says {
		t.Errorf("another error: %s", got)
	}
}

// TestAGPUThatIsNotThereIsNamed reads what ONNX Runtime 1.27 says where the driver finds no GPU, and fewer than asked
// for.
func TestAGPUThatIsNotThereIsNamed(t *testing.T) {
	const parse = "provider_options_utils.h:187 Parse Failed to parse provider option \"device_id\": "
	for text, says := range map[string]string{
		parse + "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm":                                          "the NVIDIA driver finds no GPU; nvidia-smi -L lists what it finds, and a container needs --gpus",
		parse + "cuda_execution_provider_info.cc:68 operator() Invalid device ID: 4, must be between 0 (inclusive) and 2 (exclusive).": "the NVIDIA driver finds 2 GPUs, and numbers them from 0",
	} {
		if got := cudaMissing(errors.New(text)); got != says {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestOptionsOfTheCUDAProvider: TensorFloat-32 is off unless it is asked for.
func TestOptionsOfTheCUDAProvider(t *testing.T) {
	d := Device{GPUs: []int{2}, Memory: 1 << 30}
	want := map[string]string{"device_id": "2", "use_tf32": "0", "arena_extend_strategy": "kSameAsRequested", "gpu_mem_limit": "1073741824", "enable_skip_layer_norm_strict_mode": "1"}
	if diff := cmp.Diff(want, d.cudaOptions(2, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want["has_user_compute_stream"], want["user_compute_stream"] = "1", "140737488355328"
	if diff := cmp.Diff(want, d.cudaOptions(2, 1<<47)); diff != "" {
		t.Errorf("with a stream of our kernels (-want +got):\n%s", diff)
	}
	d.CUDA = map[string]string{"use_tf32": "1"}
	if got := d.cudaOptions(2, 0)["use_tf32"]; got != "1" {
		t.Errorf("use_tf32=%s", got)
	}
	d.CUDA["user_compute_stream"] = "1"
	err := d.Check()
	const says = `option user_compute_stream of the CUDA provider is "1", and cannot be given: the device says where forwards run`
	if known := new(fault.Error); !errors.As(err, &known) || known.Code != fault.CodeDevice || err.Error() != says {
		t.Errorf("another stream: %v", err)
	}
}
