package batching

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// class is what waits of interactive callers, or of bulk ones.
type class struct {
	room     amount     // places that its calls may take
	share    amount     // of them that one call may take
	taken    amount     // places that they take
	waits    amount     // sequences that wait
	accounts []*account // of those who wait, by service when [class.list] has run
	clock    int        // service of who had the least at the last pick: who comes now has had no less
	open     []*account // scratch
}

// account is what the queue keeps of a caller.
type account struct {
	caller Caller
	served int     // what it paid, [queue.charge], and what others did while it did not ask; the least leads next
	clock  int     // the tag at which a call begins that comes now
	turns  []*turn // that wait, by tag, then by number
	calls  []*call // of these turns
	taken  amount  // places
	waits  amount
}

// turn is one distinct sequence of a call that waits. Tags share out an account over its calls, as start-time fair
// queueing does: a call begins at the account's clock, and a turn's tag is that plus the tokens in front of it in its
// call, in whole chunks. The clock goes on by the tokens served, divided by the calls that wait. In chunks of 100
// tokens, A has four turns of 50; when A1 is served, B comes with two of 30:
//
//	tags    A1 0   A2 0   A3 100   A4 100   B1 50   B2 50
//	order   A1 A2 B1 B2 A3 A4
type turn struct {
	first  *waiter // of the sequence in this call
	item   *item   // that answers it
	tag    int     // in tokens of the account's clock
	number uint64  // order of arrival
}

// turns gives the turns of all calls that wait for the item.
func (it *item) turns() iter.Seq[*turn] {
	return func(yield func(*turn) bool) {
		for _, w := range it.waiters {
			if w.turn != nil && !yield(w.turn) {
				return
			}
		}
	}
}

// compare orders turns: the least tag first, of equal ones the oldest.
func (t *turn) compare(u *turn) int {
	return cmp.Or(cmp.Compare(t.tag, u.tag), cmp.Compare(t.number, u.number))
}

// compare orders accounts: who had the least service first, of equals who waits the longest.
func (a *account) compare(b *account) int {
	return cmp.Or(cmp.Compare(a.served, b.served), cmp.Compare(a.turns[0].number, b.turns[0].number))
}

// enter gives the turns of a call that are not being computed yet their places in its account. It returns the last
// number given.
func (q *queue) enter(c *call, number uint64) uint64 {
	a, class := c.account, q.class(c.caller)
	fresh, places := make([]*turn, 0, len(c.turns)), make([]int, 0, len(c.turns))
	if len(a.turns) == 0 {
		a.served, a.clock = max(a.served, class.clock), 0
	}
	before, from := 0, 0
	for i := range c.turns {
		t := &c.turns[i]
		if t.item = t.first.item; t.item.state != waiting {
			continue
		}
		number++
		t.tag, t.number = a.clock+before/q.chunk*q.chunk, number
		before += len(t.first.sequence.IDs)
		if t.item.number == 0 {
			t.item.number, t.item.arrived = number, c.admitted
		}
		place, _ := slices.BinarySearchFunc(a.turns[from:], t, (*turn).compare)
		from += place
		fresh, places = append(fresh, t), append(places, from)
	}
	if len(fresh) == 0 {
		return number
	}
	if len(a.turns) == 0 {
		class.accounts = append(class.accounts, a)
	}
	a.turns = insert(a.turns, fresh, places)
	a.calls = append(a.calls, c)
	return number
}

// dropTurns takes a call out of its account.
func (q *queue) dropTurns(c *call) {
	a := c.account
	if few(len(c.turns), len(a.turns)) {
		var places []int
		at := 0
		for i := range c.turns {
			place, waits := slices.BinarySearchFunc(a.turns[at:], &c.turns[i], (*turn).compare)
			if at += place; waits {
				places = append(places, at)
			}
		}
		a.turns = remove(a.turns, places)
	} else {
		a.turns = slices.DeleteFunc(a.turns, func(t *turn) bool { return t.first.call == c })
	}
	if i := slices.Index(a.calls, c); i >= 0 {
		a.calls = slices.Delete(a.calls, i, i+1)
	}
	class := q.class(c.caller)
	if i := slices.Index(class.accounts, a); i >= 0 && len(a.turns) == 0 {
		class.accounts = slices.Delete(class.accounts, i, i+1)
		if len(class.accounts) == 0 {
			q.sweepAccounts()
		} else if class.hadAsMuch(a) {
			delete(q.accounts, a.caller)
		}
	}
}

// sweepAccounts takes out the turns that wait no more, and callers who ask for nothing once the others have had as
// much service.
func (q *queue) sweepAccounts() {
	for _, c := range []*class{&q.interactive, &q.bulk} {
		c.accounts = slices.DeleteFunc(c.accounts, func(a *account) bool {
			a.turns = slices.DeleteFunc(a.turns, func(t *turn) bool { return t.item.state != waiting })
			a.calls = slices.DeleteFunc(a.calls, func(c *call) bool { return c.waits.items == 0 })
			return len(a.turns) == 0
		})
		if len(c.accounts) == 0 {
			c.clock = 0
		}
	}
	maps.DeleteFunc(q.accounts, func(caller Caller, a *account) bool {
		return len(a.turns) == 0 && q.class(caller).hadAsMuch(a)
	})
}

// hadAsMuch tells whether all who wait had as much service as the account, so that it need not be remembered.
func (c *class) hadAsMuch(a *account) bool { return len(c.accounts) == 0 || a.served <= c.clock }

// class returns what waits of the caller's class.
func (q *queue) class(caller Caller) *class {
	if caller.Bulk {
		return &q.bulk
	}
	return &q.interactive
}

// account returns the caller's, a new one when it is not known.
func (q *queue) account(caller Caller) *account {
	a := q.accounts[caller]
	if a == nil {
		a = &account{caller: caller, served: q.class(caller).clock}
		q.accounts[caller] = a
	}
	return a
}
