package batching

import (
	"math"
	"slices"
	"time"
)

// state is where an item stands.
type state int

const (
	waiting  state = iota // in the queue
	running               // in the batch at work
	finished              // answered, or left by all its waiters
)

// item is one distinct sequence and everybody who waits for it. The batcher's mutex guards all fields but sequence.IDs;
// the goroutine of Run reads sequence while the state is running, when nobody writes it.
type item struct {
	sequence Sequence     // Read is the union of what the waiters read
	hashes   []uint64     // of its prefixes, for the cache
	cached   cachedPrefix // of the picked item: what is cached, pinned until it is answered
	number   uint64       // order of arrival
	arrived  time.Time
	state    state
	waiters  *waiter // those still open, newest first
	open     int     // how many
	mark     uint64  // the last pick that looked at it
}

// covers reports whether every position is read already.
func (it *item) covers(read []int) bool {
	have := it.sequence.Read
	i := 0
	for _, position := range read {
		for i < len(have) && have[i] < position {
			i++
		}
		if i == len(have) || have[i] != position {
			return false
		}
	}
	return true
}

// join puts a waiter for the same ids on the item. A running item must cover what it reads.
func (it *item) join(w *waiter) {
	if !it.covers(w.sequence.Read) {
		both := slices.Concat(it.sequence.Read, w.sequence.Read)
		slices.Sort(both)
		it.sequence.Read = slices.Compact(both)
	}
	w.item, w.next = it, it.waiters
	it.waiters = w
	it.open++
}

// leave takes a waiter off the item.
func (it *item) leave(w *waiter) {
	for at := &it.waiters; *at != nil; at = &(*at).next {
		if *at == w {
			*at = w.next
			break
		}
	}
	w.item, w.next = nil, nil
	it.open--
}

// abandoned reports whether no waiter wants an answer any more, even if some have not left yet.
func (it *item) abandoned(now time.Time) bool {
	for w := it.waiters; w != nil; w = w.next {
		if !w.call.ended(now) {
			return false
		}
	}
	return true
}

const noDeadline = time.Duration(math.MaxInt64)

// left returns how long it is to the earliest and to the latest deadline of those who still wait.
func (it *item) left(now time.Time) (earliest, latest time.Duration) {
	earliest = noDeadline
	for w := it.waiters; w != nil; w = w.next {
		left := noDeadline
		if deadline, ok := w.call.ctx.Deadline(); ok {
			left = deadline.Sub(now)
		}
		if !w.call.ended(now) {
			earliest, latest = min(earliest, left), max(latest, left)
		}
	}
	return earliest, latest
}

// finish hands out the item's rows, in the order of sequence.Read, or the error.
func (it *item) finish(rows [][]float32, result Result, start time.Time) {
	it.state = finished
	if it.open > 1 {
		result.Shared = len(it.sequence.IDs)
	}
	for w := it.waiters; w != nil; {
		next := w.next
		own := result
		own.Queue = max(0, start.Sub(w.admitted))
		if result.Err == nil {
			own.Values = pickRows(rows, it.sequence.Read, w.sequence.Read)
		}
		w.end(own)
		w = next
	}
	it.waiters, it.open = nil, 0
}

// pickRows returns the rows of the positions read among those computed. They are shared by all callers who get them.
func pickRows(rows [][]float32, computed, read []int) [][]float32 {
	if len(computed) == len(read) {
		return rows
	}
	values := make([][]float32, len(read))
	i := 0
	for j, position := range read {
		for computed[i] != position {
			i++
		}
		values[j] = rows[i]
	}
	return values
}
