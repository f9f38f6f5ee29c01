package onnxrun

import (
	"os"
	"strings"
	"testing"
)

// TestTheEnvironmentOfCUDAIsKept: a variable that is not given gets our value, and one that is given stays and is told.
func TestTheEnvironmentOfCUDAIsKept(t *testing.T) {
	t.Setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
	t.Setenv("ORT_CUDA_GEMM_OPTIONS", "") // so that the test puts it back
	if err := os.Unsetenv("ORT_CUDA_GEMM_OPTIONS"); err != nil {
		t.Fatal(err)
	}
	if err := setEnvironment(); err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv("CUBLAS_WORKSPACE_CONFIG"); got != ":4096:8" {
		t.Errorf("what was given became %q", got)
	}
	if got := os.Getenv("ORT_CUDA_GEMM_OPTIONS"); got != "2" {
		t.Errorf("what was not given became %q", got)
	}
	told := Overridden()
	if len(told) != 1 || !strings.HasPrefix(told[0], `CUBLAS_WORKSPACE_CONFIG is ":4096:8" in the environment, and would be ":16:8"`) {
		t.Errorf("told: %q", told)
	}
}
