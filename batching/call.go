package batching

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// waiter is one submitted sequence.
type waiter struct {
	chained

	call   *call
	result *Result
	item   *item // that it waits for; nil before admission and when it has its result
	at     int   // its place in item.waiters
	turn   *turn // of the sequence in the call; nil but for the first of equal ones
}

// call is one submission. Its sequences end one by one; done is closed with the last.
type call struct {
	ctx        context.Context //nolint:containedctx // a queued item must know whether its caller still waits
	caller     Caller
	account    *account
	admitted   time.Time
	results    []Result
	waiters    []waiter // in the order of submission, those that can be planned
	items      []item   // one for each distinct sequence of them, in the order of [chained.compare]
	turns      []turn   // likewise, in the order of submission
	asked      amount   // all waiters
	waits      amount   // those that wait for a run
	unanswered int      // waiters without a result
	tracing    *tracing // nil: none
	done       chan struct{}
}

// newCall makes a waiter for every sequence that can be planned, and a result for every one that cannot.
func newCall(ctx context.Context, caller Caller, sequences []Sequence, targets bool) *call {
	c := &call{
		ctx:     ctx,
		caller:  caller,
		results: make([]Result, len(sequences)),
		waiters: make([]waiter, 0, len(sequences)),
		done:    make(chan struct{}),
	}
	for i, sequence := range sequences {
		if err := sequence.check(targets); err != nil {
			c.results[i].Err = err
			continue
		}
		c.waiters = append(c.waiters, waiter{chained: newChained(sequence), call: c, result: &c.results[i]})
		c.asked = c.asked.plus(amount{1, len(sequence.IDs)})
	}
	c.unanswered, c.tracing = len(c.waiters), tracingOf(c)
	c.items = c.distinct()
	c.turns = make([]turn, 0, len(c.items))
	for i := range c.waiters {
		if w := &c.waiters[i]; w.at == 0 {
			c.turns = append(c.turns, turn{first: w})
			w.turn = &c.turns[len(c.turns)-1]
		}
	}
	return c
}

// distinct makes the call's items, with the waiters on them. It is what takes long about an admission, and is done
// before the batcher's mutex is taken.
func (c *call) distinct() []item {
	sorted := make([]*waiter, len(c.waiters))
	for i := range c.waiters {
		sorted[i] = &c.waiters[i]
		sorted[i].at = i
	}
	slices.SortFunc(sorted, func(a, b *waiter) int { return cmp.Or(a.compare(&b.chained), cmp.Compare(a.at, b.at)) })
	items := make([]item, 0, len(sorted))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].equal(&sorted[0].chained) {
			n++
		}
		items = append(items, item{chained: sorted[0].chained})
		items[len(items)-1].takeOver(sorted[:n:n])
		sorted = sorted[n:]
	}
	return items
}

// end gives the waiter its result. It must be on nobody's list any more, or on one that is dropped.
func (w *waiter) end(result Result) {
	*w.result = result
	w.item = nil
	w.call.unanswered--
	if w.call.unanswered == 0 {
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
	waited := c.waits.items > 0
	for i := range c.waiters {
		w := &c.waiters[i]
		it := w.item
		if it == nil {
			continue
		}
		it.leave(w)
		if it.state == waiting {
			b.queue.count(w, -1)
			if len(it.waiters) == 0 {
				it.state = finished
			}
		}
		w.result.Err = err
		b.countLeft(err)
	}
	if waited {
		b.queue.drop(c)
	}
}

var errLate = fmt.Errorf("%w: it would pass before the answer", context.DeadlineExceeded)

// giveUp ends an item that is not to be computed, because nobody waits for it any more or its answer would be late.
func (b *Batcher) giveUp(it *item) {
	it.state = finished
	for _, w := range it.waiters {
		err := errLate
		if w.call.ctx.Err() != nil {
			err = endOf(w.call.ctx)
		}
		b.countLeft(err)
		w.end(Result{Err: err})
	}
	it.waiters = nil
}

// countLeft counts a sequence whose context ends it.
func (b *Batcher) countLeft(err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		b.stats.Expired++
	} else {
		b.stats.Cancelled++
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
