package encode

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"
)

// Gate bounds what the whole process encodes at once, whoever asks and under whatever model: as many items as there are
// processors, and so many bytes of text, since the tokenizers take memory outside of Go's heap in proportion to them.
// It is safe for concurrent use.
type Gate struct {
	items *semaphore.Weighted
	bytes *semaphore.Weighted
	most  int64 // bytes at once
}

// Bytes of text that may be encoded at once: so many for each processor, and at least one stretch that cannot be cut.
const (
	gateBytes = 16 << 10
	gateLeast = 512 << 10
)

// NewGate makes the gate of a process.
func NewGate() *Gate {
	processors := runtime.GOMAXPROCS(0)
	most := int64(max(gateLeast, processors*gateBytes))
	return &Gate{items: semaphore.NewWeighted(int64(processors)), bytes: semaphore.NewWeighted(most), most: most}
}

// weight is what an item of so many bytes counts: no more than there is room for.
func (g *Gate) weight(bytes int) int64 { return min(int64(bytes), g.most) }

// enter waits until an item of that weight may be encoded; leave must be called when it is. The error is ctx's.
func (g *Gate) enter(ctx context.Context, weight int64) error {
	if err := g.bytes.Acquire(ctx, weight); err != nil {
		return err
	}
	if err := g.items.Acquire(ctx, 1); err != nil {
		g.bytes.Release(weight)
		return err
	}
	return nil
}

// leave makes room for others.
func (g *Gate) leave(weight int64) {
	g.items.Release(1)
	g.bytes.Release(weight)
}
