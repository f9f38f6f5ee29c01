package batching

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// waiter is one submitted sequence.
type waiter struct {
	item     *item
	call     *call
	sequence Sequence
	hashes   []uint64
	admitted time.Time
	result   *Result
	next     *waiter
}

// call is one submission. Its sequences end one by one; done is closed with the last.
type call struct {
	ctx     context.Context //nolint:containedctx // a queued item must know whether its caller still waits
	results []Result
	waiters []waiter
	tokens  int // of all waiters
	pending int // waiters without a result
	done    chan struct{}
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

// end gives the waiter its result. It must be on nobody's list any more, or on one that is dropped.
func (w *waiter) end(result Result) {
	*w.result = result
	w.item = nil
	w.call.pending--
	if w.call.pending == 0 {
		close(w.call.done)
	}
}

// ended reports whether the caller is gone or its deadline, which may be about to fire, has come.
func (c *call) ended(now time.Time) bool {
	deadline, ok := c.ctx.Deadline()
	return ok && !now.Before(deadline) || c.ctx.Err() != nil
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
