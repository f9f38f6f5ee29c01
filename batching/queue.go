package batching

import (
	"cmp"
	"slices"
)

// queue holds the items that wait, each distinct sequence once, in two orders.
type queue struct {
	byAge []*item // by number
	byIDs []*item // by space and ids, see compareSequences

	// Of the waiters, identical sequences counted each.
	items  int
	tokens int
}

// find returns the place of a sequence in byIDs, and whether an item has exactly its ids in its space.
func (q *queue) find(sequence Sequence) (int, bool) {
	return findSequence(q.byIDs, sequence)
}

func findSequence(sorted []*item, sequence Sequence) (int, bool) {
	return slices.BinarySearchFunc(sorted, sequence, func(it *item, sequence Sequence) int {
		return compareSequences(it.sequence, sequence)
	})
}

// push appends an item that is new, at the place that find gave.
func (q *queue) push(it *item, place int) {
	q.byAge = append(q.byAge, it)
	q.byIDs = slices.Insert(q.byIDs, place, it)
	q.count(it, it.open)
}

// count adds n waiters of the item to the totals, or takes them off.
func (q *queue) count(it *item, n int) {
	q.items += n
	q.tokens += n * len(it.sequence.IDs)
}

// remove takes one item out.
func (q *queue) remove(it *item) {
	i, _ := slices.BinarySearchFunc(q.byAge, it.number, func(it *item, number uint64) int {
		return cmp.Compare(it.number, number)
	})
	q.byAge = slices.Delete(q.byAge, i, i+1)
	i, _ = q.find(it.sequence)
	q.byIDs = slices.Delete(q.byIDs, i, i+1)
	q.count(it, -it.open)
}

// sweep takes out all items whose state is no longer waiting, and puts those that are running into out, which is by ids.
func (q *queue) sweep(out []*item) []*item {
	before := len(out)
	gone := func(it *item) bool { return it.state != waiting }
	for _, it := range q.byIDs {
		if gone(it) {
			q.count(it, -it.open)
		}
		if it.state == running {
			out = append(out, it)
		}
	}
	q.byIDs = slices.DeleteFunc(q.byIDs, gone)
	q.byAge = slices.DeleteFunc(q.byAge, gone)
	if before > 0 {
		slices.SortFunc(out, func(a, b *item) int { return compareSequences(a.sequence, b.sequence) })
	}
	return out
}
