package batching

import (
	"cmp"
	"slices"
)

// candidate is an item that waits, and its place in the order of turns.
type candidate struct {
	item     *item
	account  *account
	place    int
	distance int // of its length from the leader's
}

// How far a candidate's caller is from the leader's.
const (
	sameCaller = iota
	sameClass
	others
)

// from tells how far the candidate's caller is from the leader's.
func (c *candidate) from(leader *candidate) int {
	switch {
	case c.account == leader.account:
		return sameCaller
	case c.account.caller.Bulk == leader.account.caller.Bulk:
		return sameClass
	}
	return others
}

// spread tries the items around one in the order of ids, always on the side whose next item shares more with its
// neighbour, as long as there is something to share. So whoever shares more with the item itself comes first, and
// groups with a prefix of their own stay together: around P.B.1, among P.A.1 P.A.2 P.B.1 P.B.2 P.C.1, it tries P.B.2,
// then P.A.2 and P.A.1, then P.C.1.
func (p *picker) spread(q *queue, from *item) {
	if p.shortest == 0 {
		return
	}
	at, _ := q.byIDs.search(0, &from.chained)
	left, right := at-1, at+1
	leftShare, rightShare := p.share(q, left, left+1), p.share(q, right, right-1)
	for !p.tired() && max(leftShare, rightShare) >= p.shortest {
		if leftShare >= rightShare {
			p.try(q.byIDs[left])
			left--
			leftShare = p.share(q, left, left+1)
		} else {
			p.try(q.byIDs[right])
			right++
			rightShare = p.share(q, right, right-1)
		}
	}
}

// share returns the common prefix of the item at i, if there is one that was not looked at yet, with its neighbour.
func (p *picker) share(q *queue, i, neighbour int) int {
	if i < 0 || i >= len(q.byIDs) || q.byIDs[i].mark == p.round {
		return 0
	}
	return q.byIDs[i].commonTokens(&q.byIDs[neighbour].chained)
}

// rank orders candidates that were not looked at, of callers so far from the leader's, by how near their length is to
// the leader's, then by turn.
func (p *picker) rank(callers int) []candidate {
	p.ranked = p.ranked[:0]
	if p.tired() {
		return p.ranked
	}
	weights := p.leader.item.sequence.Space.weights()
	for _, c := range p.order {
		if c.item.sequence.Space.weights() != weights {
			continue // for another forward
		}
		if c.item.mark != p.round && c.from(&p.leader) == callers {
			c.distance = len(c.item.sequence.IDs) - len(p.leader.item.sequence.IDs)
			c.distance = max(c.distance, -c.distance)
			p.ranked = append(p.ranked, c)
		}
	}
	slices.SortFunc(p.ranked, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.place, b.place))
	})
	return p.ranked
}
