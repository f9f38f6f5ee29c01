package batching

import (
	"context"
	"time"
)

// admit queues all waiters of the call, or none.
func (b *Batcher) admit(c *call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if err := b.refuse(c.ctx, c.caller, c.asked); err != nil {
		b.stats.Refused += uint64(len(c.waiters))
		return err
	}
	c.admitted, c.account = time.Now(), b.queue.account(c.caller)
	for i := range c.waiters {
		b.queue.count(&c.waiters[i], 1)
	}
	b.merge(c.items)
	b.number = b.queue.enter(c, b.number)
	b.poke()
	return nil
}

// merge queues items that are in order, in one pass over the queue. Where a sequence waits already, or is being
// computed, its waiters join those of the other item.
func (b *Batcher) merge(items []item) {
	fresh, places := make([]*item, 0, len(items)), make([]int, 0, len(items))
	inQueue, inRuns := 0, 0
	for i := range items {
		it := &items[i]
		b.stats.Deduplicated += uint64(len(it.waiters) - 1)
		var found bool
		if inRuns, found = b.running.search(inRuns, &it.chained); found {
			if other := b.running[inRuns]; other.answers(it) {
				b.joinRun(it, other)
				continue
			}
		}
		if inQueue, found = b.queue.byIDs.search(inQueue, &it.chained); found {
			if other := b.queue.byIDs[inQueue]; other.equal(&it.chained) {
				b.stats.Deduplicated++
				it.moveTo(other)
				continue
			}
		}
		fresh, places = append(fresh, it), append(places, inQueue)
	}
	b.queue.byIDs = insert(b.queue.byIDs, fresh, places)
}

// joinRun has the waiters of an item answered by one that is being computed.
func (b *Batcher) joinRun(it, other *item) {
	tokens := uint64(len(it.waiters) * len(it.sequence.IDs))
	b.stats.Deduplicated++
	b.stats.Asked += tokens
	b.stats.Shared += tokens
	b.queue.leave(it, finished)
	it.moveTo(other)
}

// Admits tells whether a submission of that many items, with at least so many tokens together, would be admitted now,
// before their ids are known: nil, or the [*QueueFullError] or [ErrClosed] that [Batcher.Submit] would return.
func (b *Batcher) Admits(ctx context.Context, caller Caller, items, tokens int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	err := b.refuse(ctx, caller, amount{items, tokens})
	if err != nil {
		b.stats.Refused += uint64(items)
	}
	return err
}

const (
	lateness = 1.5 // how much longer than expected a wait may be that still ends before the deadline

	minRetry = time.Second // of [QueueFullError.RetryAfter]
	maxRetry = time.Minute
)

// refuse returns a [*QueueFullError] when that much more may not wait: it finds no place, or would come too late
// behind what is served before it.
func (b *Batcher) refuse(ctx context.Context, caller Caller, asked amount) error {
	q := &b.queue
	q.know(caller)
	places := q.places(caller, asked)
	var rooms [3]room
	for _, room := range q.rooms(rooms[:0], caller) {
		if !room.taken.plus(places).within(room.limit) {
			full := room.full(places)
			full.RetryAfter = min(max(b.rate.estimate(q.waits.tokens+b.atWork()), minRetry), maxRetry)
			return full
		}
	}
	deadline, ok := ctx.Deadline()
	if !ok || !b.rate.informed() || q.waits.items == 0 {
		return nil
	}
	wait := b.rate.estimate(b.atWork() + q.ahead(caller, asked.tokens, b.options.Budget.Tokens))
	left := time.Until(deadline)
	late := time.Duration(lateness*float64(wait)) - left
	if late <= 0 || left <= 0 {
		return nil
	}
	full := (&room{taken: q.taken, limit: q.room}).full(places)
	full.Wait, full.Left, full.RetryAfter = wait, left, min(max(late, minRetry), maxRetry)
	return full
}

// full is the refusal of a submission that asked for so many places.
func (r *room) full(asked amount) *QueueFullError {
	return &QueueFullError{
		Room: r.name, Items: r.taken.items, Tokens: r.taken.tokens, MaxItems: r.limit.items, MaxTokens: r.limit.tokens,
		AskedItems: asked.items, AskedTokens: asked.tokens,
	}
}

// atWork is how many tokens the forwards in progress were asked for.
func (b *Batcher) atWork() (tokens int) {
	for _, l := range b.lanes {
		tokens += l.current.asked
	}
	return tokens
}
