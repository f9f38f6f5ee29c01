package batching

import "time"

// lane runs one forward at a time on its device. Beside others of the device its forwards have one thread each, so that
// no thread ever waits for another; alone it may run one on all threads. On a device of several stages every lane's
// forwards have all threads, of the stage that they are in.
type lane struct {
	device   *device
	picker   picker
	newShape func() shape
	wake     chan struct{} // tells it that the queue, closed or another lane changed; holds one

	// Guarded by the batcher's mutex.
	current tally
	start   time.Time // of the forward in progress, else zero
	busy    bool      // it counts among the device's active ones

	// The lane's goroutine alone.
	plan       Plan
	placements []placement
	fault      error // why the plan was not built
}

func newLane(options Options, d *device) *lane {
	l := &lane{
		device:   d,
		newShape: func() shape { return newShape(options, d.cache) },
		picker:   picker{cache: d.cache, cost: options.cost},
		wake:     make(chan struct{}, 1),
	}
	l.renew()
	if !options.Padded && !options.Bidirectional {
		l.picker.shortest = options.cost.shared()
	}
	return l
}

// renew gives the lane a shape and a plan without a history. The blocks of the old plan that were to be filled stay
// known.
func (l *lane) renew() {
	l.picker.shape = l.newShape()
	l.plan = Plan{Device: l.device.number, Narrow: l.plan.Narrow, Keep: l.plan.Keep}
	l.placements = nil
}

// poke wakes the lane, now or when it next waits.
func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// next picks the lane's next batch, if one is due, and moves it from the queue to running. Otherwise the batch is
// empty and wait says how long to sleep at most. It reports false when the batcher is closed and drained.
func (b *Batcher) next(l *lane) (wait time.Duration, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.picker.clear()
	if err := guard(func() { wait, more = b.take(l) }); err != nil {
		b.mend(l, err)
		return 0, true
	}
	return wait, more
}

// take is next with the mutex held. It tries again when all that was picked is wanted by nobody.
func (b *Batcher) take(l *lane) (wait time.Duration, more bool) {
	for len(b.queue.byIDs) > 0 && !l.device.full() {
		if wait := b.hold(); wait > 0 {
			return wait, true
		}
		begin := time.Now()
		oneThread, picked := b.pick(l, begin)
		if !picked {
			return idle, true
		}
		b.start(l, begin, oneThread)
		if len(l.picker.batch) > 0 {
			return 0, true
		}
		if l.picker.waits > 0 {
			return idle, true // until the lane that computes their prefix is done, and pokes this one
		}
	}
	return idle, !b.closed || len(b.queue.byIDs) > 0
}

// pick chooses what the lane runs next, and on how many threads. It reports false when the lane is better off idle
// for now.
//
// With eight items of one prompt waiting for a device of four lanes, a lane's share is about two. The first lane that
// picks takes two, and the next does not fit though its prompt is in the batch (preferAllThreads): the lane puts them
// back and takes all eight on all threads, so that the prompt is computed once. Where other lanes of the device are
// at work, that is not possible. With a cache the lane takes its two, and whoever takes the next finds the prompt
// there; without one it waits, rather than have every lane compute the prompt again.
func (b *Batcher) pick(l *lane, now time.Time) (oneThread, picked bool) {
	budget, oneThread := b.share(l.device)
	b.choose(l, now, budget, oneThread)
	if !oneThread {
		return false, true
	}
	if l.device.active == 0 && (l.picker.preferAllThreads || b.rest(l.picker.batch) < smallestShare) {
		l.picker.putBack() // also where the other lanes would have nothing to do
		b.choose(l, now, b.options.Budget, false)
		return false, true
	}
	if l.picker.preferAllThreads && l.device.cache == nil {
		l.picker.putBack()
		return true, false
	}
	return true, true
}

// start moves what was picked out of the queue, and packs it.
func (b *Batcher) start(l *lane, begin time.Time, oneThread bool) {
	batch := l.picker.batch
	for _, it := range l.picker.gone {
		b.queue.leave(it, finished)
		b.giveUp(it)
	}
	for _, it := range batch {
		b.queue.leave(it, running)
	}
	if len(batch) > 0 {
		l.plan.Narrow = oneThread
		l.device.active++
		l.device.allThreads, l.busy = !oneThread, true
		b.queue.serve(batch, l.picker.leader.account.caller.Bulk)
		b.pack(l, batch, begin)
	}
	b.running = b.queue.sweep(b.running)
	if len(batch) > 0 && (oneThread || len(b.devices) > 1 || l.device.stages > 1) {
		b.poke() // the others may have work too
	}
}

// choose picks what the lane runs next.
func (b *Batcher) choose(l *lane, now time.Time, budget Budget, oneThread bool) {
	l.picker.pace = 1
	switch {
	case oneThread:
		l.picker.pace = float64(l.device.lanes)
	case l.device.active > 0 && l.device.stages > 1:
		// It waits for the first stage, and then in front of each for the forward ahead.
		l.picker.pace = 2 - 1/float64(l.device.stages)
	}
	b.round++
	l.picker.pick(&b.queue, now, budget, b.round)
	l.picker.tried = nil // it was looked at without a fault
}

// share returns what the next forward may take of the queue, and whether it runs on one thread: when forwards run
// beside it, or what waits is done sooner by all lanes than by one forward on all threads after the other. Lanes
// share what waits evenly, so that none is left with a large batch when the others have nothing to do. So do devices,
// and the forwards that pass through the stages of one.
func (b *Batcher) share(d *device) (budget Budget, oneThread bool) {
	budget = b.options.Budget
	little := len(b.queue.byIDs) < 2*d.lanes || b.queue.waits.tokens < d.lanes*smallestShare
	if d.lanes == 1 || d.active == 0 && little {
		if len(b.devices) > 1 || d.stages > 1 {
			budget.Tokens = min(budget.Tokens, b.evenShare())
		}
		return budget, false
	}
	budget.Area = max(1, budget.Area/d.lanes)
	budget.Tokens = min(b.options.LaneTokens, b.evenShare())
	return budget, true
}

// evenShare is the tokens of what waits for each of the lanes.
func (b *Batcher) evenShare() int {
	return max(smallestShare, ceilDiv(b.queue.waits.tokens, len(b.lanes)))
}

// rest is how many tokens wait beside a batch that was picked.
func (b *Batcher) rest(batch []*item) int {
	tokens := b.queue.waits.tokens
	for _, it := range batch {
		tokens -= len(it.waiters) * len(it.sequence.IDs)
	}
	return tokens
}

// smallestShare is the smallest share of the queue that is worth a forward of its own.
const smallestShare = measureFirst

// leave notes that the lane's forward is over.
func (b *Batcher) leave(l *lane) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.release(l)
}

// release lets go of the lane's batch and of its part of the device.
func (b *Batcher) release(l *lane) {
	l.picker.clear()
	l.current, l.start = tally{}, time.Time{}
	if l.busy {
		l.busy = false
		l.device.active--
		l.device.allThreads = l.device.allThreads && l.device.active > 0
	}
	b.poke()
}

// hold returns how long the oldest item is to wait for others.
func (b *Batcher) hold() time.Duration {
	if b.closed || b.options.MaxDelay <= 0 || b.queue.waits.tokens >= b.options.Budget.Tokens {
		return 0
	}
	return b.options.MaxDelay - time.Since(b.queue.oldest())
}
