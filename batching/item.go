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
	chained // its sequence's Positions are the union of what the waiters read

	cached  cachedPrefix // of the picked item: what is cached, pinned until it is answered
	cost    int          // of the picked item: tokens that the batch computes for it
	number  uint64       // order of arrival
	arrived time.Time
	state   state
	waiters []*waiter // those still open, in no order
	listed  uint64    // the last pick that has it in its order, and
	place   int       // where
	mark    uint64    // the last pick that did
}

// covers reports whether every position is read already.
func (it *item) covers(read []int) bool {
	have := it.sequence.Positions
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

// answers tells whether the item is being computed, and gives all that is read of an item of the same sequence.
func (it *item) answers(other *item) bool {
	return it.state == running && it.covers(other.sequence.Positions) && it.equal(&other.chained)
}

// takeOver makes waiters for the same sequence, and the list of them, the item's own.
func (it *item) takeOver(waiters []*waiter) {
	it.waiters = waiters
	var fresh []int // merged seldom, and before they are many
	for i, w := range waiters {
		w.item, w.at = it, i
		if !it.covers(w.sequence.Positions) {
			fresh = append(fresh, w.sequence.Positions...)
		}
		if len(fresh) >= len(it.sequence.IDs) {
			it.read(fresh)
			fresh = fresh[:0]
		}
	}
	it.read(fresh)
}

// moveTo puts the waiters on an item of the same sequence. A running one must cover what they read.
func (it *item) moveTo(other *item) {
	other.read(it.sequence.Positions)
	for i, w := range it.waiters {
		w.item, w.at = other, len(other.waiters)+i
	}
	other.waiters = append(other.waiters, it.waiters...)
	it.waiters = nil
}

// read adds positions, in any order, to those that are read.
func (it *item) read(positions []int) {
	if !it.covers(positions) {
		both := slices.Concat(it.sequence.Positions, positions)
		slices.Sort(both)
		it.sequence.Positions = slices.Compact(both)
	}
}

// leave takes a waiter off the item.
func (it *item) leave(w *waiter) {
	last := len(it.waiters) - 1
	it.waiters[w.at] = it.waiters[last]
	it.waiters[w.at].at = w.at
	it.waiters[last] = nil
	it.waiters = it.waiters[:last]
	w.item = nil
}

// abandoned reports whether no waiter wants an answer any more, even if some have not left yet.
func (it *item) abandoned(now time.Time) bool {
	for _, w := range it.waiters {
		if !w.call.ended(now) {
			return false
		}
	}
	return true
}

// wantedBy tells whether the caller of the account waits for the item.
func (it *item) wantedBy(a *account) bool {
	return slices.ContainsFunc(it.waiters, func(w *waiter) bool { return w.call.account == a })
}

// wantedIn tells whether a caller of the same class waits for the item.
func (it *item) wantedIn(class Caller) bool {
	return slices.ContainsFunc(it.waiters, func(w *waiter) bool { return w.call.caller.Bulk == class.Bulk })
}

const noDeadline = time.Duration(math.MaxInt64)

// left returns how long it is to the earliest and to the latest deadline of those who still wait.
func (it *item) left(now time.Time) (earliest, latest time.Duration) {
	earliest = noDeadline
	for _, w := range it.waiters {
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

// finish hands out the item's rows, in the order of sequence.Positions, or the error.
func (it *item) finish(rows [][]float32, result Result, start time.Time) {
	it.state = finished
	if len(it.waiters) > 1 {
		result.Shared = len(it.sequence.IDs)
	}
	for _, w := range it.waiters {
		own := result
		own.Queue = max(0, start.Sub(w.call.admitted))
		if result.Err == nil {
			own.Values = pickRows(rows, it.sequence.Positions, w.sequence.Positions)
		}
		w.end(own)
	}
	it.waiters = nil
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
