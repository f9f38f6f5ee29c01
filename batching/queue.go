package batching

import "slices"

// queue holds the items that wait, each distinct sequence once, in two orders.
type queue struct {
	byAge []*item // by number
	byIDs byIDs

	// Of the waiters, identical sequences counted each.
	items  int
	tokens int
}

// byIDs lists items in the order of [chained.compare], each distinct sequence once.
type byIDs []*item

// search returns the place of a sequence among the items from one on, all before which are less, and whether the item there has its
// ids as far as hashes tell. Of many sequences in order, each is looked for from the place of the last: doubling steps make that
// about two comparisons each where many are near one another.
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

// insert puts items, which are in order, at the places that search gave for them. It moves each item that is there once.
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

// count adds n times the waiter's sequence to the totals, or takes it off.
func (q *queue) count(w *waiter, n int) {
	q.items += n
	q.tokens += n * len(w.sequence.IDs)
}

// leave counts all waiters of an item off that is about to be run, or is wanted by nobody.
func (q *queue) leave(it *item, state state) {
	it.state = state
	for _, w := range it.waiters {
		q.count(w, -1)
	}
}

// sweep takes out all items whose state is no longer waiting, and puts those that are running into out, which is by ids.
func (q *queue) sweep(out byIDs) byIDs {
	var places []int
	var started byIDs
	for _, it := range q.byIDs {
		if it.state == running {
			from := 0
			if n := len(places); n > 0 {
				from = places[n-1]
			}
			place, _ := out.search(from, &it.chained)
			started, places = append(started, it), append(places, place)
		}
	}
	gone := func(it *item) bool { return it.state != waiting }
	q.byIDs = slices.DeleteFunc(q.byIDs, gone)
	q.byAge = slices.DeleteFunc(q.byAge, gone)
	return insert(out, started, places)
}
