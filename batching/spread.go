package batching

import (
	"cmp"
	"slices"
)

const (
	maxFamily = 64      // a small family ends within so many places on each side of an item
	maxPassed = horizon // a pick passes over so many waiters, of other callers or looked at before
)

// spread takes the items of a candidate's caller around it in the order of ids, always on the side whose next item
// shares more with its neighbour, as long as there is something to share. So whoever shares more with the item itself
// comes first, and groups with a prefix of their own stay together: around P.B.1, among P.A.1 P.A.2 P.B.1 P.B.2 P.C.1,
// it takes P.B.2, then P.A.2 and P.A.1, then P.C.1. Items of others are passed over: all callers of a model may share
// the head of its template, and that must bring nobody along before his turn.
func (p *picker) spread(q *queue, from candidate) {
	if p.shortest == 0 {
		return
	}
	at, _ := q.byIDs.search(0, &from.item.chained)
	left, right := at-1, at+1
	leftShare, rightShare := p.share(q, left, at, from.account), p.share(q, right, at, from.account)
	for !p.tired() && p.passed < maxPassed && max(leftShare, rightShare) >= p.shortest {
		i := right
		if leftShare >= rightShare {
			i = left
			left--
			leftShare = p.share(q, left, i, from.account)
		} else {
			right++
			rightShare = p.share(q, right, i, from.account)
		}
		if it := q.byIDs[i]; it.mark != p.round && (p.alone || it.wantedBy(from.account)) {
			p.take(q, candidate{item: it, account: from.account})
		} else {
			p.passed += len(it.waiters)
		}
	}
}

// share returns the common prefix of the item at i with its neighbour. It is 0 where there is none, and at an item of
// the caller that was looked at: what is behind that was looked at too, unless it came with the family gathered last.
func (p *picker) share(q *queue, i, neighbour int, caller *account) int {
	if i < 0 || i >= len(q.byIDs) {
		return 0
	}
	it := q.byIDs[i]
	if it.mark == p.round && (i < p.familyFrom || i >= p.familyTo) && it.wantedBy(caller) {
		return 0
	}
	return it.commonTokens(&q.byIDs[neighbour].chained)
}

// gather tries the small family of an item that was put into the batch, whichever callers of the class wait for it: the
// candidate's own first, then in the order of turns. These are the items that belong to its family and share more with
// it than those do that are maxFamily places away. What more share than that, as they may share a rubric that is most
// of every item, is no reason to leave before one's turn. So responses to a prompt leave together, and a crowd does
// not.
func (p *picker) gather(q *queue, of candidate) {
	if p.shortest == 0 || p.alone {
		return
	}
	at, _ := q.byIDs.search(0, &of.item.chained)
	if p.familyFrom <= at && at < p.familyTo {
		return // it was gathered
	}
	least := 1 + max(p.shortest-1, q.common(at, at-maxFamily), q.common(at, at+maxFamily))
	p.familyFrom, p.familyTo = at, at+1
	for q.common(at, p.familyFrom-1) >= least {
		p.familyFrom--
	}
	for q.common(at, p.familyTo) >= least {
		p.familyTo++
	}
	p.family = p.family[:0]
	for i := p.familyFrom; i < p.familyTo; i++ {
		it := q.byIDs[i]
		if it.mark != p.round && it.belongs(q.common(at, i)) && it.wantedIn(of.account.caller) {
			p.family = append(p.family, it)
		}
	}
	slices.SortFunc(p.family, func(a, b *item) int {
		first, second := p.placeOf(a, of.account), p.placeOf(b, of.account)
		return cmp.Or(cmp.Compare(first, second), cmp.Compare(a.number, b.number))
	})
	for _, it := range p.family {
		if !p.tired() {
			p.try(it)
		}
	}
}

// placeOf returns an item's place in the order of turns: before all for one that the caller waits for, and behind all
// for one that is not listed.
func (p *picker) placeOf(it *item, caller *account) int {
	switch {
	case it.wantedBy(caller):
		return -1
	case it.listed == p.round:
		return it.place
	}
	return len(p.order)
}

// common returns how many leading tokens the item at i shares with another, 0 where there is none.
func (q *queue) common(i, other int) int {
	if other < 0 || other >= len(q.byIDs) {
		return 0
	}
	return q.byIDs[i].commonTokens(&q.byIDs[other].chained)
}
