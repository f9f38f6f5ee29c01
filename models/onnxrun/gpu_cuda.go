//go:build gpu

package onnxrun

import (
	"context"

	"github.com/assay-rm/assay/kernels/device"
	"github.com/assay-rm/assay/models/inplace"
)

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

// gpu is a GPU with our kernels, and the ONNX Runtime that binds its memory.
type gpu struct {
	memory  inplace.Memory
	runtime *inplace.Runtime
	device  *device.Device
}

var _ accelerator = (*gpu)(nil)

// openGPU takes a GPU by its number.
func openGPU(number int, runtime *inplace.Runtime) (accelerator, error) {
	opened, err := device.Open(number)
	if err != nil {
		return nil, err
	}
	return &gpu{inplace.Memory(number), runtime, opened}, nil
}

// ShareGPUs has a session whose graph runs on the processors keep its cache and its head on GPUs whose memory the
// processors share, as they do the fake driver's, and have operators of domain assay run there: each stage on one, or
// all on the only one. It is called before anything runs.
func (s *Session) ShareGPUs(ctx context.Context, file *Graph, numbers ...int) error {
	s.FreeOneThread()
	for i, st := range s.places[0] {
		if i < len(numbers) {
			opened, err := device.Open(numbers[i])
			if err != nil {
				return err
			}
			s.gpus = append(s.gpus, &gpu{inplace.Host, s.runtime, opened})
		}
		st.gpu, st.number = s.gpus[len(s.gpus)-1], numbers[min(i, len(numbers)-1)]
		if !s.graph.Assay() {
			continue
		}
		destroy(&st.allThreads)
		var err error
		if st.allThreads, err = s.load(ctx, st, &file.Stages[i], 1, nil); err != nil {
			return err
		}
	}
	return s.placeHeads(file.Manifest, file.Head)
}

func (g *gpu) name() string { return g.memory.String() }

func (g *gpu) stream() uintptr { return g.device.Stream() }

func (g *gpu) wait() error { return g.device.Wait() }

func (g *gpu) close() error { return g.device.Close() }
