//go:build gpu

package onnxrun

import (
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels"
	"github.com/assay-rm/assay/kernels/device"
)

// newStore takes memory of the GPU, or of the host for tokens whose size is no multiple of 16 bytes, since a part of
// their present may begin where 16 bytes cannot be loaded at once.
func (g *gpu) newStore(blocks int, shape blockShape) (store, error) {
	if shape.tokenBytes()%16 != 0 {
		return newHostStore(blocks, shape)
	}
	pool, err := g.device.OpenPool(shape.numbers.device, blocks, shape.parts, shape.width())
	if err != nil {
		return nil, err
	}
	return &gpuStore{blockShape: shape, gpu: g, pool: pool}, nil
}

// gpuStore is a store in a GPU's memory. Its copies and the graph are on one stream, in the order in which they were
// asked for.
type gpuStore struct {
	blockShape
	gpu  *gpu
	pool *device.Pool
	mu   sync.Mutex // held until a forward's keys and values are closed: the pool serves one at a time
}

// A block of the batcher's is one of the kernels': either line fails where they differ.
const (
	_ = uint(batching.BlockTokens - kernels.BlockTokens)
	_ = uint(kernels.BlockTokens - batching.BlockTokens)
)

func (g *gpuStore) free() {
	g.pool.Close() //nolint:errcheck // what fails here has failed a forward before
}

type gpuForwardKV struct {
	*gpuStore
	plan             *batching.Plan
	gathered, result kernels.Tensor // (parts · blocks, BlockTokens · width), (parts · tokens, width)
}

func (g *gpuStore) open(plan *batching.Plan) (forwardKV, error) {
	g.mu.Lock()
	l := &gpuForwardKV{gpuStore: g, plan: plan}
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
		return nil, fmt.Errorf("key-value cache of %v: %w", g.gpu.memory, err)
	}
	return l, nil
}

func (l *gpuForwardKV) past(part int) (ort.Value, error) {
	return l.part(l.gathered, part, batching.BlockTokens*len(l.plan.Past))
}

func (l *gpuForwardKV) present(part int) (ort.Value, error) {
	return l.part(l.result, part, len(l.plan.IDs))
}

// part is the value of one part, (tokens, heads, dim), of all.
func (l *gpuForwardKV) part(all kernels.Tensor, part, tokens int) (ort.Value, error) {
	address := all.Address + uintptr(part*tokens*l.tokenBytes())
	return l.gpu.runtime.Numbers(l.numbers.tensor, l.gpu.memory, address, int64(tokens), l.heads, l.dim)
}

func (l *gpuForwardKV) keep() error {
	var tokens, slots []int64
	for _, keep := range l.plan.Keep {
		tokens, slots = append(tokens, keep.Tokens[:]...), append(slots, int64(keep.Block.Slot))
	}
	if err := l.pool.Keep(l.result, tokens, slots); err != nil {
		return fmt.Errorf("key-value cache of %v: %w", l.gpu.memory, err)
	}
	return nil
}

func (l *gpuForwardKV) close() { l.mu.Unlock() }
