package batching

import "slices"

// Caller says who asks, and in which class. What waits is served fairly over the callers of a class, however much each
// has submitted, and over the submissions of each.
type Caller struct {
	Name string // of who asks; "" stands for all who have no name, together

	// Bulk says that the caller can wait. While interactive callers wait too, these lead seven forwards of eight, and
	// bulk callers the eighth; each class fills what room the other leaves in its forwards.
	Bulk bool
}

const (
	// bulkEvery: while both classes wait, one of so many forwards is led by a bulk caller and the others by interactive
	// ones. So bulk never stands still, and costs interactive callers an eighth of the machine at most.
	bulkEvery = 8

	// chunkForwards is how many forwards' worth of tokens of one call are served before the other calls of its caller
	// have their turn. Calls of no more tokens are served whole, in the order of arrival. With four, a short call
	// beside a long one waits for about four forwards, and a long one is interrupted where it costs little.
	chunkForwards = 4
)

// order lists what is to be served next, each item once: of the class whose turn it is, then of the other one.
func (q *queue) order(list []candidate, round uint64) []candidate {
	first, second := &q.interactive, &q.bulk
	if len(q.bulk.accounts) > 0 && q.sinceBulk >= bulkEvery-1 {
		first, second = second, first
	}
	list = first.list(list, horizon, round)
	return second.list(list, max(horizon-len(list), horizon/bulkEvery), round)
}

// list appends at most so many items: the first turn of every caller, beginning with the one who had the least
// service, then the second of each, and so on.
func (c *class) list(list []candidate, most int, round uint64) []candidate {
	slices.SortFunc(c.accounts, (*account).compare)
	most += len(list)
	c.open = append(c.open[:0], c.accounts...)
	for open, i := c.open, 0; len(open) > 0; i++ {
		more := open[:0]
		for _, a := range open {
			if i >= len(a.turns) {
				continue
			}
			more = append(more, a)
			if it := a.turns[i].item; it.listed != round {
				if len(list) == most {
					return list
				}
				it.listed, it.place = round, len(list)
				list = append(list, candidate{item: it, account: a, turn: i})
			}
		}
		open = more
	}
	return list
}

// serve notes that a batch leaves, which was just picked: its turns are still in their accounts.
func (q *queue) serve(batch []*item, bulkLed bool) {
	if q.sinceBulk++; bulkLed || len(q.bulk.accounts) == 0 {
		q.sinceBulk = 0
	}
	for _, c := range []*class{&q.interactive, &q.bulk} {
		if len(c.accounts) > 0 {
			c.clock = max(c.clock, c.accounts[0].served)
		}
	}
	for _, it := range batch {
		for t := range it.turns() {
			a := t.first.call.account
			a.clock = max(a.clock, a.turns[0].tag) + ceilDiv(len(it.sequence.IDs), len(a.calls))
		}
	}
}

// charge has the callers of a forward pay its price together: each item's part is as its part of the tokens that are
// computed, and the calls that wait for it share that evenly. So a small forward is paid as what it is, one that is
// run again in halves is paid again, and what is computed once is paid once.
func (q *queue) charge(batch []*item, price int) {
	tokens := 0
	for _, it := range batch {
		tokens += max(1, it.cost)
	}
	for _, it := range batch {
		turns := 0
		for range it.turns() {
			turns++
		}
		for t := range it.turns() {
			q.account(t.first.call.caller).served += ceilDiv(price*max(1, it.cost), tokens*turns)
		}
	}
}
