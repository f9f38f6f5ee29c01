package batching

import (
	"cmp"
	"slices"
)

// candidate is an item that waits, and its place in the order of turns.
type candidate struct {
	item    *item
	account *account
	turn    int // of the caller's, the first is 0
	place   int

	likeness int // to the leader
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

// How like the leader a candidate of another caller is.
const (
	kin   = iota // it belongs to the leader's family, however large that is
	alike        // its length is within an eighth of the leader's
	unlike
)

// rank orders candidates that were not looked at, of callers so far from the leader's. Those of the leader's caller
// come by how near their length is to the leader's, then by turn. Of others, who has much must not fill what the rest
// wait for: of like ones the first turns of all callers come first, then the second ones, and so on.
func (p *picker) rank(callers int) []candidate {
	p.ranked = p.ranked[:0]
	if p.tired() {
		return p.ranked
	}
	leader := p.leader.item
	weights := leader.sequence.Space.weights()
	for _, c := range p.order {
		if c.item.mark == p.round || c.from(&p.leader) != callers || c.item.sequence.Space.weights() != weights {
			continue
		}
		c.distance = len(c.item.sequence.IDs) - len(leader.sequence.IDs)
		c.distance = max(c.distance, -c.distance)
		switch {
		case callers == sameCaller:
			c.turn = 0
		case p.shortest > 0 && c.item.belongs(c.item.commonTokens(&leader.chained)):
			c.likeness = kin
		case 8*c.distance <= len(leader.sequence.IDs):
			c.likeness = alike
		default:
			c.likeness = unlike
		}
		p.ranked = append(p.ranked, c)
	}
	slices.SortFunc(p.ranked, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.likeness, b.likeness), cmp.Compare(a.turn, b.turn),
			cmp.Compare(a.distance, b.distance), cmp.Compare(a.place, b.place))
	})
	return p.ranked
}

// belongs tells whether an item that shares so many tokens with another is of its family: a quarter of its own, as the
// responses to a prompt share.
func (it *item) belongs(shared int) bool { return 4*shared >= len(it.sequence.IDs) }
