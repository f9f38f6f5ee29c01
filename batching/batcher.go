package batching

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Batcher turns submitted sequences into forwards of one [Runner]. Its methods may be called from any goroutine.
type Batcher struct {
	runner  Runner
	options Options
	cache   *cache
	wake    chan struct{} // tells Run that the queue or closed changed; holds one

	mu       sync.Mutex // guards all below, and the fields of items, waiters and calls
	queue    queue
	running  []*item // the batch at work, by ids
	started  bool    // Run was called
	closed   bool    // nothing is admitted any more
	number   uint64  // of the last item
	current  RunStats
	runStart time.Time // of the forward in progress, else zero
	stats    Stats     // its counters
	rate     rate
	picker   picker

	// Run's goroutine alone.
	plan       Plan
	placements []Placement
}

// New returns a batcher for the runner. It starts no goroutine: nothing is answered until [Batcher.Run].
func New(runner Runner, options Options) *Batcher {
	options = options.withDefaults()
	cache := newCache(options)
	return &Batcher{
		runner:  runner,
		options: options,
		cache:   cache,
		wake:    make(chan struct{}, 1),
		rate:    rate{cost: options.Cost},
		picker:  picker{shape: newShape(options, cache), budget: options.Budget, cache: cache, prefixes: options.Layout == Packed},
	}
}

// Submit waits until every sequence has its result and returns the results in input order.
//
// A submission is admitted whole or refused whole. The error says why it was refused: [ErrQueueFull] (a [*QueueFullError])
// or [ErrClosed]; an empty queue admits any submission of at most MaxItems sequences. After admission everything else is
// said by each [Result.Err]: [ErrSequence], the runner's error, [ErrClosed] when Run was stopped first, and the context's
// error and cause when ctx ended first, in which case Submit returns at once with what was ready.
//
// The slices in sequences are not copied: they must never change afterwards. Sequences with equal ids, of this or any
// other submission, are computed once.
func (b *Batcher) Submit(ctx context.Context, sequences []Sequence) ([]Result, error) {
	c := newCall(ctx, sequences, b.options.Targets)
	if c.pending == 0 {
		return c.results, nil
	}
	for i := range c.waiters {
		c.waiters[i].hashes = b.cache.chain(c.waiters[i].sequence.IDs)
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

// newCall makes a waiter for every sequence that can be planned, and a result for every one that cannot.
func newCall(ctx context.Context, sequences []Sequence, targets bool) *call {
	c := &call{
		ctx:     ctx,
		results: make([]Result, len(sequences)),
		waiters: make([]waiter, 0, len(sequences)),
		done:    make(chan struct{}),
	}
	for i, sequence := range sequences {
		if err := sequence.check(targets); err != nil {
			c.results[i].Err = err
			continue
		}
		c.waiters = append(c.waiters, waiter{call: c, sequence: sequence, result: &c.results[i]})
		c.tokens += len(sequence.IDs)
	}
	c.pending = len(c.waiters)
	return c
}

// admit puts all waiters of the call on items, or none.
func (b *Batcher) admit(c *call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if err := b.refuse(len(c.waiters), c.tokens); err != nil {
		b.stats.Refused += uint64(len(c.waiters))
		return err
	}
	now := time.Now()
	items := make([]item, len(c.waiters))
	for i := range c.waiters {
		w := &c.waiters[i]
		w.admitted = now
		b.place(w, &items[i])
	}
	b.poke()
	return nil
}

// refuse returns a [*QueueFullError] when that much more may not wait.
func (b *Batcher) refuse(items, tokens int) error {
	q := &b.queue
	fits := q.items+items <= b.options.MaxItems && q.tokens+tokens <= b.options.MaxTokens
	if fits || q.items == 0 && items <= b.options.MaxItems {
		return nil
	}
	return &QueueFullError{
		Items: q.items, Tokens: q.tokens,
		MaxItems: b.options.MaxItems, MaxTokens: b.options.MaxTokens,
		AskedItems: items, AskedTokens: tokens,
		RetryAfter: b.rate.estimate(q.tokens + b.current.Asked),
	}
}

// place joins the waiter to the item with the same ids, or makes fresh one and queues it.
func (b *Batcher) place(w *waiter, fresh *item) {
	ids := w.sequence.IDs
	if i, ok := findIDs(b.running, ids); ok {
		if it := b.running[i]; it.state == running && it.covers(w.sequence.Read) {
			it.join(w)
			b.stats.Deduplicated++
			b.stats.Asked += uint64(len(ids))
			b.stats.Shared += uint64(len(ids))
			return
		}
	}
	i, ok := b.queue.find(ids)
	if ok {
		it := b.queue.byIDs[i]
		it.join(w)
		b.queue.count(it, 1)
		b.stats.Deduplicated++
		return
	}
	b.number++
	*fresh = item{sequence: w.sequence, hashes: w.hashes, number: b.number, arrived: w.admitted}
	fresh.join(w)
	b.queue.push(fresh, i)
}

// abandon ends what is unfinished of a call whose context has ended.
func (b *Batcher) abandon(c *call) {
	err := endOf(c.ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range c.waiters {
		w := &c.waiters[i]
		it := w.item
		if it == nil {
			continue
		}
		it.leave(w)
		if it.state == waiting {
			b.queue.count(it, -1)
			if it.open == 0 {
				it.state = finished
				b.queue.remove(it)
			}
		}
		w.result.Err = err
		if errors.Is(err, context.DeadlineExceeded) {
			b.stats.Expired++
		} else {
			b.stats.Cancelled++
		}
	}
}

// endOf returns why the context ended: its error, which tells a deadline from a cancellation, and its cause.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Close stops admission. What was accepted is still answered, at once and without delay, and then [Batcher.Run] returns.
func (b *Batcher) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.poke()
}

// poke wakes Run, now or when it next waits.
func (b *Batcher) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Stats returns a snapshot.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Cache = b.cache.stats()
	s.Items, s.Tokens = b.queue.items, b.queue.tokens
	if !b.runStart.IsZero() {
		s.Running, s.RunAge = b.current.Items, time.Since(b.runStart)
	}
	return s
}
