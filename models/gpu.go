//go:build !gpu

package models

// gpuKernels is empty in a build without CUDA.
func gpuKernels() []Library { return nil }

// newStore reserves memory of the host, also for a GPU: its keys and values are copied there and back.
func (Device) newStore(_, blocks int, shape blockShape) (store, error) {
	return newHostStore(blocks, shape)
}
