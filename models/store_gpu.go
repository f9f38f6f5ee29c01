//go:build gpu

package models

import (
	"errors"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/device"
	"github.com/assay-rm/assay/models/inplace"
)

// newStore takes memory of the GPU of that place among the device's, or of the host where forwards run there. A width that is no
// multiple of 4 stays on the host too, since a part of its present may begin where 16 bytes cannot be loaded at once.
func (d Device) newStore(place, blocks int, shape blockShape) (store, error) {
	if !d.OnGPU() || shape.width()%4 != 0 {
		return newHostStore(blocks, shape)
	}
	g := &gpuStore{blockShape: shape, gpu: inplace.Memory(d.GPUs[place])}
	var err error
	if g.runtime, err = inplace.Attach(loadedRuntime()); err != nil {
		return nil, err
	}
	if g.device, err = device.Open(d.GPUs[place]); err != nil {
		return nil, err
	}
	if g.pool, err = g.device.OpenPool(blocks, shape.parts, shape.width()); err != nil {
		return nil, errors.Join(err, g.device.Close())
	}
	return g, nil
}

// loadedRuntime is the file of ONNX Runtime that the process has loaded.
func loadedRuntime() string {
	runtimeOnce.Lock()
	defer runtimeOnce.Unlock()
	return runtimeOnce.path
}

// gpuStore is a store in a GPU's memory. Its kernels have done their work when they return, so runs of ONNX Runtime on a stream of its
// own come before or after them.
type gpuStore struct {
	blockShape
	gpu     inplace.Memory
	runtime *inplace.Runtime
	device  *device.Device
	pool    *device.Pool
	mu      sync.Mutex // held by the loan that there is, since the pool serves one forward at a time
}

// A block of the batcher's is one of the kernels': either line fails where they differ.
const (
	_ = uint(batching.BlockTokens - kernels.BlockTokens)
	_ = uint(kernels.BlockTokens - batching.BlockTokens)
)

func (g *gpuStore) free() {
	g.device.Close() //nolint:errcheck // frees the pool too; what fails here has failed a forward before
}

type gpuLoan struct {
	*gpuStore
	plan             *batching.Plan
	gathered, result kernels.Tensor // (parts · blocks, BlockTokens · width), (parts · tokens, width)
}

func (g *gpuStore) lend(plan *batching.Plan) (loan, error) {
	g.mu.Lock()
	l := &gpuLoan{gpuStore: g, plan: plan}
	var err error
	if len(plan.Past) > 0 {
		slots := make([]int64, len(plan.Past))
		for i, block := range plan.Past {
			slots[i] = int64(block.Slot)
		}
		l.gathered, err = g.pool.Gather(slots)
	}
	if err == nil && len(plan.Keep) > 0 {
		l.result, err = g.pool.Present(len(plan.IDs))
	}
	if err != nil {
		g.mu.Unlock()
		return nil, fmt.Errorf("key-value cache of %v: %w", g.gpu, err)
	}
	return l, nil
}

func (l *gpuLoan) past(part int) (ort.Value, error) {
	return l.part(l.gathered, part, batching.BlockTokens*len(l.plan.Past))
}

func (l *gpuLoan) present(part int) (ort.Value, error) {
	return l.part(l.result, part, len(l.plan.IDs))
}

// part is the value of one part, (tokens, heads, dim), of all.
func (l *gpuLoan) part(all kernels.Tensor, part, tokens int) (ort.Value, error) {
	address := all.Address + uintptr(part*tokens*l.width()*floatBytes)
	return l.runtime.Float32s(l.gpu, address, int64(tokens), l.heads, l.dim)
}

func (l *gpuLoan) keep() error {
	var tokens, slots []int64
	for _, keep := range l.plan.Keep {
		tokens, slots = append(tokens, keep.Tokens[:]...), append(slots, int64(keep.Block.Slot))
	}
	if err := l.pool.Keep(l.result, tokens, slots); err != nil {
		return fmt.Errorf("key-value cache of %v: %w", l.gpu, err)
	}
	return nil
}

func (l *gpuLoan) end() { l.mu.Unlock() }
