//go:build !gpu

package onnxrun

import "github.com/assay-rm/assay/models/inplace"

// gpuKernels is empty in a build without CUDA.
func gpuKernels() []Library { return nil }

// openGPU gives none: keys, values and rows for a head are copied between the GPU and the host.
func openGPU(int, *inplace.Runtime) (accelerator, error) {
	return nil, nil
} //nolint:nilnil // there is none, which is no error
