package batching

import (
	"slices"
	"time"
)

// queue holds what waits: the items, each distinct sequence once, and whose turn it is.
type queue struct {
	byIDs       byIDs
	interactive class
	bulk        class
	accounts    map[Caller]*account // of all who wait, and of those who had more service than others since they asked
	sinceBulk   int                 // forwards that interactive callers led while bulk ones waited
	chunk       int                 // tokens of a call that are served as one

	knowsNames bool // a named caller has asked
	knowsBulk  bool // a bulk caller has

	room  amount // places
	taken amount
	waits amount // of the waiters, identical sequences counted each
}

func newQueue(options Options) queue {
	room := amount{options.MaxItems, options.MaxTokens}
	bulk := room.share(bulkShare)
	return queue{
		interactive: class{room: room, share: room.share(callShare)},
		bulk:        class{room: bulk, share: bulk.share(callShare)},
		accounts:    map[Caller]*account{},
		chunk:       chunkForwards * options.Budget.Tokens,
		room:        room,
	}
}

// byIDs lists items in the order of [chained.compare], each distinct sequence once.
type byIDs []*item

// search returns the place of a sequence, which is at or behind one before which all items are less, and whether the
// item there is of the same sequence, as far as hashes tell. When sequences come in order, each is looked for from
// the place of the last on: in steps that double, so that few comparisons are made where the places are near one
// another.
func (s byIDs) search(from int, key *chained) (place int, ok bool) {
	step := 1
	for from+step <= len(s) && s[from+step-1].compare(key) < 0 {
		from += step
		step *= 2
	}
	near := s[from:min(from+step, len(s))]
	i, ok := slices.BinarySearchFunc(near, key, func(it *item, key *chained) int { return it.compare(key) })
	return from + i, ok
}

// insert puts items into a list, each in front of what is at its place now. Places ascend. It moves what is in the list
// once at most.
func insert[T any](list, items []T, places []int) []T {
	end := len(list)
	list = slices.Grow(list, len(items))[:end+len(items)]
	for i := range slices.Backward(items) {
		copy(list[places[i]+i+1:], list[places[i]:end])
		list[places[i]+i] = items[i]
		end = places[i]
	}
	return list
}

// remove takes out what is at the places, which ascend. It moves what is behind the first once.
func remove[T any](list []T, places []int) []T {
	if len(places) == 0 {
		return list
	}
	end := places[0]
	for i, place := range places {
		next := len(list)
		if i+1 < len(places) {
			next = places[i+1]
		}
		end += copy(list[end:], list[place+1:next])
	}
	clear(list[end:])
	return list[:end]
}

// leave counts all waiters of an item off that is about to be run, or is wanted by nobody.
func (q *queue) leave(it *item, state state) {
	it.state = state
	for _, w := range it.waiters {
		q.count(w, -1)
	}
}

// few tells whether so many are rather looked for among all than all be looked at.
func few(n, all int) bool { return 8*n < all }

// drop takes out a call that nothing is counted of any more, its turns, and those of its items that nobody else waits
// for. It looks at few others, so that a thousand callers who hang up together do not hold the mutex for long.
func (q *queue) drop(c *call) {
	if few(len(c.items), len(q.byIDs)) {
		var places []int
		at := 0
		for i := range c.items {
			place, found := q.byIDs.search(at, &c.items[i].chained)
			if at = place; found && q.byIDs[place].state == finished {
				places = append(places, place)
				at++
			}
		}
		q.byIDs = remove(q.byIDs, places)
	} else {
		q.byIDs = slices.DeleteFunc(q.byIDs, func(it *item) bool { return it.state == finished })
	}
	q.dropTurns(c)
}

// sweep takes out all items whose state is no longer waiting, and puts those that are running into out.
func (q *queue) sweep(out byIDs) byIDs {
	var places []int
	var started byIDs
	from := 0
	for _, it := range q.byIDs {
		if it.state == running {
			from, _ = out.search(from, &it.chained)
			started, places = append(started, it), append(places, from)
		}
	}
	q.byIDs = slices.DeleteFunc(q.byIDs, func(it *item) bool { return it.state != waiting })
	q.sweepAccounts()
	return insert(out, started, places)
}

// oldest returns when the item that waits the longest arrived.
func (q *queue) oldest() time.Time {
	return slices.MinFunc(q.byIDs, func(a, b *item) int { return a.arrived.Compare(b.arrived) }).arrived
}
