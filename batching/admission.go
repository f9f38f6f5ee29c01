package batching

import (
	"context"
	"time"
)

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
	if !ok || !b.rate.informed() {
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
	if i, ok := findSequence(b.running, w.sequence); ok {
		if it := b.running[i]; it.state == running && it.covers(w.sequence.Read) {
			it.join(w)
			b.stats.Deduplicated++
			b.stats.Asked += uint64(len(ids))
			b.stats.Shared += uint64(len(ids))
			return
		}
	}
	i, ok := b.queue.find(w.sequence)
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
