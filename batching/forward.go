package batching

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// pack builds the plan of what the shape holds, begins the account of its forward, and charges it. A panic makes that a
// forward that fails. The batcher's mutex is held, so that a lane that picks next knows which blocks are about to be
// filled.
func (b *Batcher) pack(l *lane, items []*item, begin time.Time) {
	l.fault = guard(func() { l.placements = l.picker.shape.build(&l.plan, l.placements[:0]) })
	if l.fault != nil {
		l.renew()
	}
	b.queue.charge(items, b.options.cost.price(l.plan.work()))
	space := items[0].sequence.Space
	l.plan.Revision, l.plan.Adapter = space.Revision, space.Adapter
	now := time.Now()
	l.current, l.start = tally{planning: now.Sub(begin)}, now
	run := &l.current
	for _, it := range items {
		run.items += len(it.waiters)
	}
	if l.fault != nil {
		return
	}
	for _, it := range items {
		run.asked += len(it.waiters) * len(it.sequence.IDs)
		run.cached += len(it.waiters) * it.cached.tokens
	}
	run.computed = len(l.plan.IDs)
	run.padding = run.computed - l.picker.shape.tokens()
	run.shared = run.asked - run.cached - l.picker.shape.tokens()
}

// attempt runs the items that the shape holds, and answers them. When that fails, it tries each half by itself, down to
// single sequences, so that only those fail that cannot be run.
func (b *Batcher) attempt(ctx context.Context, l *lane, items []*item) {
	rows, start, err := b.forward(ctx, l, items)
	switch {
	case err == nil:
		b.answer(l, items, rows, start)
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: run stopped: %v", ErrClosed, err) //nolint:errorlint // ErrClosed, not a cancelled caller
		b.fail(l, items, err, start)
	case len(items) == 1:
		b.fail(l, items, fmt.Errorf("run: %w", err), start)
	default:
		half := len(items) / 2
		b.retry(ctx, l, items[:half])
		b.retry(ctx, l, items[half:])
	}
}

// retry attempts those of the items that somebody still waits for.
func (b *Batcher) retry(ctx context.Context, l *lane, items []*item) {
	if wanted := b.prepare(l, items); len(wanted) > 0 {
		b.attempt(ctx, l, wanted)
	}
}

// prepare packs those of the items that somebody still waits for, and returns them.
func (b *Batcher) prepare(l *lane, items []*item) (wanted []*item) {
	begin := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	l.picker.shape.reset()
	for _, it := range items {
		if it.abandoned(begin) {
			b.giveUp(it)
			l.device.cache.release(it.cached)
			it.cached = cachedPrefix{}
			continue
		}
		wanted = append(wanted, it)
		before := l.picker.shape.tokens()
		l.picker.shape.add(it.sequence, it.cached, nil)
		it.cost = l.picker.shape.tokens() - before
	}
	if len(wanted) < len(items) {
		b.dropFinished()
	}
	if len(wanted) > 0 {
		b.pack(l, wanted, begin)
	}
	return wanted
}

// forward runs the packed plan and accounts for it.
func (b *Batcher) forward(ctx context.Context, l *lane, items []*item) (rows [][]float32, start time.Time, err error) {
	start = time.Now()
	if err = l.fault; err == nil {
		rows, err = runPlan(ctx, b.runner, &l.plan)
	}
	l.complete(err == nil)

	b.mu.Lock()
	l.current.run, l.start = time.Since(start), time.Time{}
	b.account(l, err)
	run, calls := l.current, traced(items)
	b.mu.Unlock()
	run.tell(calls, start, err)
	return rows, start, err
}

// complete tells the cache, once, whether the blocks that the plan was to fill are filled.
func (l *lane) complete(ok bool) {
	keep := l.plan.Keep
	l.plan.Keep = keep[:0]
	l.device.cache.complete(keep, ok)
}

// account adds a forward to the counters.
func (b *Batcher) account(l *lane, err error) {
	run := &l.current
	b.stats.Runs++
	b.stats.Asked += uint64(run.asked)
	b.stats.Computed += uint64(run.computed)
	b.stats.Padding += uint64(run.padding)
	b.stats.Shared += uint64(run.shared)
	b.stats.Cached += uint64(run.cached)
	b.stats.RunItems.add(run.items)
	b.stats.RunTokens.add(run.computed)
	if l.plan.Narrow {
		b.stats.Narrow++
	}
	if err == nil {
		beside := max(1, b.active()) // the others answer too
		b.rate.add(run.asked, (run.planning+run.run)/time.Duration(beside))
	}
}

// runPlan calls the runner. A panic, or an answer of the wrong size, is an error.
func runPlan(ctx context.Context, runner Runner, plan *Plan) (rows [][]float32, err error) {
	if fault := guard(func() { rows, err = runner.Run(ctx, plan) }); fault != nil {
		return nil, fault
	}
	if err == nil && len(rows) != len(plan.Read) {
		return nil, fmt.Errorf("runner gave %d rows for %d reads", len(rows), len(plan.Read))
	}
	return rows, err
}

// answer hands out the rows of a forward.
func (b *Batcher) answer(l *lane, items []*item, rows [][]float32, start time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, it := range items {
		b.stats.Answered += uint64(len(it.waiters))
		place := l.placements[i]
		own := rows[place.row : place.row+len(it.sequence.Positions)-len(it.cached.rows)]
		if len(it.cached.rows) > 0 {
			own = slices.Concat(it.cached.rows, own)
		}
		l.device.cache.learn(&it.chained, own)
		it.finish(own, Result{Shared: place.shared, Cached: it.cached.tokens, Run: l.current.run}, start)
	}
	b.forget(l, items)
}

// fail ends the items of a forward that gave nothing.
func (b *Batcher) fail(l *lane, items []*item, err error, start time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, it := range items {
		b.stats.Failed += uint64(len(it.waiters))
		it.finish(nil, Result{Err: err, Run: l.current.run}, start)
	}
	b.forget(l, items)
}

// forget drops the finished items.
func (b *Batcher) forget(l *lane, items []*item) {
	for _, it := range items {
		l.device.cache.release(it.cached)
		it.cached = cachedPrefix{}
	}
	b.dropFinished()
}

func (b *Batcher) dropFinished() {
	b.running = slices.DeleteFunc(b.running, func(it *item) bool { return it.state == finished })
}
