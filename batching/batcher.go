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
	devices []*device // at least one
	lanes   []*lane   // of all devices

	mu      sync.Mutex // guards all below, and the fields of items, waiters and calls
	queue   queue
	running []*item // the batches at work, by ids
	started bool    // Run was called
	closed  bool    // nothing is admitted any more
	number  uint64  // of the last item
	round   uint64  // of the last pick
	stats   Stats   // its counters
	rate    rate
}

// New returns a batcher for the runner. It starts no goroutine: nothing is answered until [Batcher.Run].
func New(runner Runner, options Options) *Batcher {
	options = options.withDefaults()
	b := &Batcher{
		runner:  runner,
		options: options,
		devices: newDevices(options),
		rate:    rate{cost: options.Cost},
	}
	for _, d := range b.devices {
		for range d.lanes {
			b.lanes = append(b.lanes, newLane(options, d))
		}
	}
	return b
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
		c.waiters[i].hashes = b.devices[0].cache.chain(c.waiters[i].sequence.IDs)
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
	if err := b.refuse(c.ctx, len(c.waiters), c.tokens); err != nil {
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

// Admits tells whether a submission of that many items with at least so many tokens would be admitted now, before their ids are known: nil, or
// the [*QueueFullError] or [ErrClosed] that [Batcher.Submit] would return.
func (b *Batcher) Admits(ctx context.Context, items, tokens int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	err := b.refuse(ctx, items, tokens)
	if err != nil {
		b.stats.Refused += uint64(items)
	}
	return err
}

// lateness is how much longer than expected a wait may be that still ends before the deadline.
const lateness = 1.5

// refuse returns a [*QueueFullError] when that much more may not wait: it would go over a limit, or come too late behind what waits.
func (b *Batcher) refuse(ctx context.Context, items, tokens int) error {
	q := &b.queue
	if q.items == 0 && items <= b.options.MaxItems {
		return nil
	}
	ahead := q.tokens + b.atWork()
	full := &QueueFullError{
		Items: q.items, Tokens: q.tokens,
		MaxItems: b.options.MaxItems, MaxTokens: b.options.MaxTokens,
		AskedItems: items, AskedTokens: tokens,
		RetryAfter: b.rate.estimate(ahead),
	}
	if q.items+items > b.options.MaxItems || q.tokens+tokens > b.options.MaxTokens {
		return full
	}
	deadline, ok := ctx.Deadline()
	if !ok || !b.rate.known() {
		return nil
	}
	full.Wait, full.Left = b.rate.estimate(ahead+tokens), time.Until(deadline)
	late := time.Duration(lateness*float64(full.Wait)) - full.Left
	if late <= 0 || full.Left <= 0 {
		return nil
	}
	full.RetryAfter = min(full.RetryAfter, late)
	return full
}

// atWork is how many tokens the forwards in progress were asked for.
func (b *Batcher) atWork() (tokens int) {
	for _, l := range b.lanes {
		tokens += l.current.Asked
	}
	return tokens
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

// poke wakes every lane.
func (b *Batcher) poke() {
	for _, l := range b.lanes {
		l.poke()
	}
}

// Stats returns a snapshot.
func (b *Batcher) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	for _, d := range b.devices {
		s.Cache = s.Cache.plus(d.cache.stats())
	}
	s.Items, s.Tokens = b.queue.items, b.queue.tokens
	for _, l := range b.lanes {
		if !l.start.IsZero() {
			s.Running += l.current.Items
			s.RunAge = max(s.RunAge, time.Since(l.start))
		}
	}
	return s
}
