package batching

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

var errStarted = errors.New("run: the batcher was run before")

// Run plans and runs batches on the calling goroutine, the only one that talks to the runner, until [Batcher.Close] was
// called and everything accepted is answered (nil), or until ctx ends (its cause; what still waits gets [ErrClosed]). It may be
// called once. The context also reaches the runner, so a draining server must not end it.
func (b *Batcher) Run(ctx context.Context) error {
	if err := b.start(); err != nil {
		return err
	}
	defer b.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, more := b.next()
		if !more {
			return nil
		}
		if len(b.picker.batch) > 0 {
			b.attempt(ctx, b.picker.batch)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-b.wake:
		case <-timer.C:
		}
	}
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
	for _, it := range b.queue.byAge {
		it.finish(nil, Result{Err: ErrClosed}, time.Now())
	}
	b.queue = queue{}
}

// idle is how long to sleep when only a wake-up can bring work.
const idle = time.Hour

// next picks the next batch, if one is due, and moves it from the queue to running. Otherwise the batch is empty and wait
// says for how long. It reports false when the batcher is closed and drained.
func (b *Batcher) next() (wait time.Duration, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.picker.clear()
	for len(b.queue.byAge) > 0 {
		if wait := b.hold(); wait > 0 {
			return wait, true
		}
		begin := time.Now()
		b.picker.pick(&b.queue, begin)
		for _, it := range b.picker.batch {
			it.state = running
		}
		for _, it := range b.picker.gone {
			it.state = finished
		}
		b.running = b.queue.sweep(b.running[:0])
		if len(b.picker.batch) > 0 {
			b.describe(b.picker.batch, begin)
			return 0, true
		}
	}
	return idle, !b.closed
}

// hold returns how long the oldest item is to wait for others.
func (b *Batcher) hold() time.Duration {
	if b.closed || b.options.MaxDelay <= 0 || b.queue.tokens >= b.options.Budget.Tokens {
		return 0
	}
	return b.options.MaxDelay - time.Since(b.queue.byAge[0].arrived)
}

// describe begins the account of a forward of these items.
func (b *Batcher) describe(items []*item, begin time.Time) {
	now := time.Now()
	b.current = RunStats{Sequences: len(items), Plan: now.Sub(begin)}
	for _, it := range items {
		b.current.Items += it.open
		b.current.Asked += it.open * len(it.sequence.IDs)
		b.current.Cached += it.open * it.have.tokens
		for w := it.waiters; w != nil; w = w.next {
			b.current.Queue = max(b.current.Queue, now.Sub(w.admitted))
		}
	}
}

// attempt runs the items that the shape holds, and answers them. When that fails, it tries each half by itself, down to
// single sequences, so that only those fail that cannot be run.
func (b *Batcher) attempt(ctx context.Context, items []*item) {
	rows, start, err := b.forward(ctx)
	switch {
	case err == nil:
		b.answer(items, rows, start)
	case ctx.Err() != nil:
		b.fail(items, fmt.Errorf("%w: run stopped: %v", ErrClosed, err), start) //nolint:errorlint // ErrClosed, not a cancelled caller
	case len(items) == 1:
		b.fail(items, fmt.Errorf("run: %w", err), start)
	default:
		half := len(items) / 2
		b.retry(ctx, items[:half])
		b.retry(ctx, items[half:])
	}
}

// retry attempts those of the items that somebody still waits for.
func (b *Batcher) retry(ctx context.Context, items []*item) {
	begin := time.Now()
	b.mu.Lock()
	wanted := make([]*item, 0, len(items))
	b.picker.shape.reset()
	for _, it := range items {
		if it.abandoned(begin) {
			it.state = finished
			b.cache.release(it.have)
			continue
		}
		wanted = append(wanted, it)
		b.picker.shape.add(it.sequence, it.have, nil)
	}
	b.describe(wanted, begin)
	b.mu.Unlock()
	if len(wanted) > 0 {
		b.attempt(ctx, wanted)
	}
}

// forward packs what the shape holds, runs it and accounts for it.
func (b *Batcher) forward(ctx context.Context) (rows [][]float32, start time.Time, err error) {
	begin := time.Now()
	b.placements = b.picker.shape.build(&b.plan, b.placements[:0])
	start = time.Now()
	b.mu.Lock()
	run := &b.current
	run.Plan += start.Sub(begin)
	run.Computed, run.Area = len(b.plan.IDs), b.plan.area()
	run.Padding = run.Computed - b.picker.shape.tokens()
	run.Shared = run.Asked - run.Cached - b.picker.shape.tokens()
	run.Kept = len(b.plan.Keep) * BlockTokens
	b.runStart = start
	b.mu.Unlock()

	rows, err = runPlan(ctx, b.runner, &b.plan)
	b.cache.settle(b.plan.Keep, err == nil)

	b.mu.Lock()
	run.Run, run.Err = time.Since(start), err
	b.runStart = time.Time{}
	b.account(run)
	observed := *run
	b.mu.Unlock()
	if b.options.Observe != nil {
		b.options.Observe(observed)
	}
	return rows, start, err
}

// account adds a forward to the counters.
func (b *Batcher) account(run *RunStats) {
	b.stats.Runs++
	b.stats.Asked += uint64(run.Asked)
	b.stats.Computed += uint64(run.Computed)
	b.stats.Padding += uint64(run.Padding)
	b.stats.Shared += uint64(run.Shared)
	b.stats.Cached += uint64(run.Cached)
	if run.Err == nil {
		b.rate.add(run.Asked, run.Plan+run.Run)
	}
}

// runPlan calls the runner. A panic, or an answer of the wrong size, is an error.
func runPlan(ctx context.Context, runner Runner, plan *Plan) (rows [][]float32, err error) {
	defer func() {
		if value := recover(); value != nil {
			rows, err = nil, &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	rows, err = runner.Run(ctx, plan)
	if err == nil && len(rows) != len(plan.Read) {
		return nil, fmt.Errorf("runner gave %d rows for %d reads", len(rows), len(plan.Read))
	}
	return rows, err
}

// answer hands out the rows of a forward.
func (b *Batcher) answer(items []*item, rows [][]float32, start time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, it := range items {
		b.stats.Answered += uint64(it.open)
		place := b.placements[i]
		own := rows[place.Row : place.Row+len(it.sequence.Read)-len(it.have.rows)]
		if len(it.have.rows) > 0 {
			own = slices.Concat(it.have.rows, own)
		}
		b.cache.learn(it.sequence, it.hashes, own)
		it.finish(own, Result{Shared: place.Shared, Cached: it.have.tokens, Run: b.current.Run}, start)
	}
	b.settle(items)
}

// fail ends the items of a forward that gave nothing.
func (b *Batcher) fail(items []*item, err error, start time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		b.stats.Failed += uint64(it.open)
		it.finish(nil, Result{Err: err, Run: b.current.Run}, start)
	}
	b.settle(items)
}

// settle forgets the finished items.
func (b *Batcher) settle(items []*item) {
	for _, it := range items {
		b.cache.release(it.have)
		it.have = prefix{}
	}
	b.running = slices.DeleteFunc(b.running, func(it *item) bool { return it.state == finished })
	b.current = RunStats{}
}
