//go:build gpu

package models

import "github.com/assay-rm/assay/kernels/device"

// gpuKernels opens the first GPU and loads our kernels there, for the doctor.
func gpuKernels() []Library {
	library := Library{Name: "CUDA kernels", Path: "GPU 0", Accepted: "compute capability 8.0 or later"}
	gpu, err := device.Open(0)
	if err != nil {
		library.Err = err
		return []Library{library}
	}
	library.Version, library.Err = gpu.Name(), gpu.Close()
	return []Library{library}
}
