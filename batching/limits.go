package batching

import "math"

// What waits takes places in the queue, of which there are so many for sequences and so many for tokens. A submission
// takes a place for each of its sequences and tokens, but no more than its share of them. What it has beyond waits
// behind its own sequences and takes their places as these leave. So no submission is too large, none is refused that
// finds an empty queue, and none fills the queue. docs/API.md tells these numbers.
const (
	// callShare of its class's places is all that one submission takes: three more as large find place beside it.
	callShare = 1.0 / 4

	// callerShare of its class's places is all that one caller takes, in however many submissions: a quarter is left to
	// the others. Those who have no name are one caller too, but may take all until a named one has asked.
	callerShare = 3.0 / 4

	// bulkShare of the queue's places is all that bulk callers take together: the other half is for interactive ones.
	bulkShare = 1.0 / 2

	// interactiveShare of the queue's places is all that interactive callers take together once a bulk one has asked:
	// there is place for one bulk submission beside them.
	interactiveShare = 7.0 / 8
)

// amount counts sequences, identical ones each, and their tokens.
type amount struct{ items, tokens int }

func (a amount) plus(b amount) amount  { return amount{a.items + b.items, a.tokens + b.tokens} }
func (a amount) minus(b amount) amount { return amount{a.items - b.items, a.tokens - b.tokens} }

// most returns the part of an amount that is within a limit.
func (a amount) most(limit amount) amount {
	return amount{min(a.items, limit.items), min(a.tokens, limit.tokens)}
}

// share returns a part of an amount, rounded up.
func (a amount) share(part float64) amount {
	return amount{int(math.Ceil(part * float64(a.items))), int(math.Ceil(part * float64(a.tokens)))}
}

// within tells whether neither the items nor the tokens are over the limit's.
func (a amount) within(limit amount) bool { return a.items <= limit.items && a.tokens <= limit.tokens }

// room is a part of the queue that a submission must find place in.
type room struct {
	name  string
	taken amount
	limit amount
}

// know notes who asks, since some shares are kept free only once there is somebody to keep them for.
func (q *queue) know(caller Caller) {
	q.knowsNames = q.knowsNames || caller.Name != ""
	q.knowsBulk = q.knowsBulk || caller.Bulk
}

// rooms appends all that a submission of the caller must find place in: three at most.
func (q *queue) rooms(rooms []room, caller Caller) []room {
	class := q.class(caller)
	rooms = append(rooms, room{"queue", q.taken, q.room})
	switch {
	case caller.Bulk:
		rooms = append(rooms, room{"bulk", class.taken, class.room})
	case q.knowsBulk:
		rooms = append(rooms, room{"interactive", class.taken, class.room.share(interactiveShare)})
	}
	if q.knowsNames {
		own := room{name: "caller", limit: class.room.share(callerShare)}
		if a := q.accounts[caller]; a != nil {
			own.taken = a.taken
		}
		rooms = append(rooms, own)
	}
	return rooms
}

// places returns how much room a submission takes.
func (q *queue) places(caller Caller, asked amount) amount {
	return asked.most(q.class(caller).share)
}

// count adds n times the waiter's sequence to what waits, or takes it off.
func (q *queue) count(w *waiter, n int) {
	c, a := w.call, w.call.account
	class := q.class(c.caller)
	one := amount{n, n * len(w.sequence.IDs)}
	before := c.waits.most(class.share)
	c.waits = c.waits.plus(one)
	moved := c.waits.most(class.share).minus(before)
	for _, waits := range []*amount{&q.waits, &class.waits, &a.waits} {
		*waits = waits.plus(one)
	}
	for _, taken := range []*amount{&q.taken, &class.taken, &a.taken} {
		*taken = taken.plus(moved)
	}
}

// ahead returns how many tokens are computed, at fair shares, until so many of a new submission are, these included:
// no more of another submission of its caller than of it, or a chunk; no more of another caller than of its own; of
// the other class as much as leads allow. A forward may take in more than that.
func (q *queue) ahead(caller Caller, tokens, forward int) int {
	own := tokens
	mine := q.accounts[caller]
	if mine != nil {
		for _, c := range mine.calls {
			own += min(c.waits.tokens, max(tokens, q.chunk))
		}
	}
	sum := own
	for _, a := range q.class(caller).accounts {
		if a != mine {
			sum += min(a.waits.tokens, own)
		}
	}
	if caller.Bulk {
		sum += min(q.interactive.waits.tokens, (bulkEvery-1)*sum)
	} else {
		sum += min(q.bulk.waits.tokens, ceilDiv(sum, bulkEvery-1))
	}
	return max(sum, min(q.waits.tokens+tokens, forward))
}
