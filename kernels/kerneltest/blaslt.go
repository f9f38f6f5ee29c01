package kerneltest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// BuildBlasLt makes in a folder a cuBLASLt whose device is the host (kernels/fakecuda/blaslt.cpp), and gives its file.
func BuildBlasLt(folder string) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	source, file := filepath.Join(filepath.Dir(here), "..", "fakecuda", "blaslt.cpp"), filepath.Join(folder, "libcublasLt.so.13")
	said, err := exec.CommandContext(context.Background(), "g++", "-std=c++17", "-O2", "-Wall", "-ffp-contract=off", "-fPIC", "-shared", "-o", file, source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("g++: %w: %s", err, said)
	}
	return file, nil
}
