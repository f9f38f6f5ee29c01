package batching

import (
	"context"
	"errors"
	"sync"
	"time"
)

var errStarted = errors.New("run: the batcher was run before")

// Run plans and runs batches on the calling goroutine, and on one more for each lane beyond the first, the only ones that talk to
// the runner, until [Batcher.Close] was called and everything accepted is answered (nil), or until ctx ends (its cause; what still
// waits gets [ErrClosed]). It may be called once. The context also reaches the runner, so a draining server must not end it.
func (b *Batcher) Run(ctx context.Context) error {
	if err := b.start(); err != nil {
		return err
	}
	defer b.stop()
	var group sync.WaitGroup
	for _, l := range b.lanes[1:] {
		group.Go(func() { b.work(ctx, l) })
	}
	b.work(ctx, b.lanes[0])
	group.Wait()
	return context.Cause(ctx)
}

func (b *Batcher) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		return errStarted
	}
	b.started = true
	return nil
}

// stop answers what still waits.
func (b *Batcher) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, it := range b.queue.byIDs {
		it.finish(nil, Result{Err: ErrClosed}, time.Now())
	}
	b.queue = newQueue(b.options)
}

// work plans and runs batches until the batcher is closed and drained, or ctx ends.
func (b *Batcher) work(ctx context.Context, l *lane) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, more := b.next(l)
		if !more {
			return
		}
		if len(l.picker.batch) > 0 {
			b.attempt(ctx, l, l.picker.batch)
			b.leave(l)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-timer.C:
		}
	}
}

// idle is how long to sleep when only a wake-up can bring work.
const idle = time.Hour
