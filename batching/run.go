package batching

import (
	"context"
	"errors"
	"sync"
	"time"
)

var errStarted = errors.New("run: the batcher was run before")

// Run plans and runs batches on the calling goroutine, and on one more for each lane beyond the first, the only ones
// that talk to the runner. It returns nil when [Batcher.Close] was called and everything accepted is answered, and
// the cause of ctx when ctx ended first: everything that waits or is being computed is answered at once then, with
// [ErrClosed]. It may be called once. The context also reaches the runner, so a draining server must not end it.
//
// Run never returns while a call of the runner is in progress, because the caller is then free to take away what the
// runner uses. A runner that heeds no context and never returns therefore holds Run for ever, though nobody waits for
// its answers. Whoever must go on waits for Run no longer than he likes, frees nothing that the runner uses, and ends
// the process; [Stats.RunAge] tells him why.
func (b *Batcher) Run(ctx context.Context) error {
	if err := b.begin(); err != nil {
		return err
	}
	over := make(chan struct{})
	var lanes, watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ctx.Done():
			b.stop()
		case <-over:
		}
	})
	for _, l := range b.lanes[1:] {
		lanes.Go(func() { b.work(ctx, l) })
	}
	b.work(ctx, b.lanes[0])
	lanes.Wait()
	close(over)
	watch.Wait()
	b.stop()
	return context.Cause(ctx)
}

func (b *Batcher) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.started {
		return errStarted
	}
	b.started = true
	return nil
}

// stop answers what still waits, and what is being computed: a runner may never give it. What it gives later, nobody
// gets.
func (b *Batcher) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, items := range []byIDs{b.queue.byIDs, b.running} {
		for _, it := range items {
			it.finish(nil, Result{Err: ErrClosed}, time.Now())
		}
	}
	b.queue = newQueue(b.options)
}

// idle is how long to sleep when only a wake-up can bring work.
const idle = time.Hour

// work plans and runs batches until the batcher is closed and drained, or ctx ends.
func (b *Batcher) work(ctx context.Context, l *lane) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, more := b.step(ctx, l)
		if !more {
			return
		}
		if wait <= 0 {
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

// step runs the lane's next batch, if one is due, and else says how long to wait. It reports false when the batcher
// is closed and drained.
func (b *Batcher) step(ctx context.Context, l *lane) (wait time.Duration, more bool) {
	wait, more = b.next(l)
	if len(l.picker.batch) == 0 {
		return wait, more
	}
	err := guard(func() {
		b.attempt(ctx, l, l.picker.batch)
		b.leave(l)
	})
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.mend(l, err)
	}
	return 0, true
}
