package batching

import (
	"context"
	"sync"
	"time"
)

// Batcher turns submitted sequences into forwards of one [Runner]. Its methods may be called from any goroutine.
type Batcher struct {
	runner  Runner
	options Options
	devices []*device // at least one
	lanes   []*lane   // of all devices

	mu      sync.Mutex // guards all below, and the fields of items, waiters and calls
	queue   queue
	running byIDs  // the batches at work
	started bool   // Run was called
	closed  bool   // nothing is admitted any more
	number  uint64 // of the last item
	round   uint64 // of the last pick
	stats   Stats  // its counters
	rate    rate
}

// New returns a batcher for the runner. It starts no goroutine: nothing is answered until [Batcher.Run].
func New(runner Runner, options Options) *Batcher {
	options = options.withDefaults()
	b := &Batcher{
		runner:  runner,
		options: options,
		devices: newDevices(options),
		queue:   newQueue(options),
		rate:    rate{cost: options.cost},
	}
	for _, d := range b.devices {
		for range max(d.lanes, d.stages) {
			b.lanes = append(b.lanes, newLane(options, d))
		}
	}
	return b
}

// Submit waits until every sequence has its result and returns the results in input order.
//
// A submission is admitted whole or refused whole, at once. The error says why it was refused: [ErrQueueFull] (a
// [*QueueFullError]) or [ErrClosed]. However many sequences it has and however long they are, it takes no more than
// its share of the queue: what it has beyond waits behind its own sequences, and takes their places as these are run.
// After admission everything else is said by each [Result.Err]: [ErrSequence], the runner's error, a [*PanicError],
// [ErrClosed] when Run was stopped first, and the context's error and cause when ctx ended first, in which case
// Submit returns at once with what was ready. A sequence whose answer would come behind the deadline of ctx gets
// [context.DeadlineExceeded] as soon as that is known, and is not computed.
//
// The slices in sequences are not copied: they must never change afterwards. Equal sequences of a space, of this or
// any other submission, are computed once.
func (b *Batcher) Submit(ctx context.Context, caller Caller, sequences []Sequence) ([]Result, error) {
	c := newCall(ctx, caller, sequences, b.options.Targets)
	if c.unanswered == 0 {
		return c.results, nil
	}
	if err := b.admit(c); err != nil {
		return nil, err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		b.abandon(c)
	}
	return c.results, nil
}

// Close stops admission. What was accepted is still answered, without MaxDelay, and then [Batcher.Run] returns.
func (b *Batcher) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.poke()
}

// poke wakes every lane.
func (b *Batcher) poke() {
	for _, l := range b.lanes {
		l.poke()
	}
}

// lasts is how long so many tokens that wait take, behind those at work.
func (b *Batcher) lasts(tokens int) time.Duration {
	if tokens += b.atWork(); tokens > 0 {
		return b.rate.estimate(tokens)
	}
	return 0
}

// Stats returns a snapshot.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	for _, d := range b.devices {
		d.cache.count(&s)
	}
	s.Items, s.Tokens = b.queue.waits.items, b.queue.waits.tokens
	s.InteractiveWait, s.BulkWait = b.lasts(b.queue.interactive.waits.tokens), b.lasts(b.queue.waits.tokens)
	for _, l := range b.lanes {
		if !l.start.IsZero() {
			s.Running += l.current.items
			s.RunAge = max(s.RunAge, time.Since(l.start))
		}
	}
	return s
}
