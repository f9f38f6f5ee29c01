//go:build !gpu

package models

// gpuKernels is empty in a build without CUDA.
func gpuKernels() []Library { return nil }
