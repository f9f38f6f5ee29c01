package batching

import "slices"

// candidate is an item that waits.
type candidate struct {
	item    *item
	account *account // of the caller whose turn it is
	turn    int      // of the caller's, the first is 0
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
//
// It returns numbers, since these are sorted much faster than candidates: in their last bits is the candidate's place
// in p.order, in front of that the distance in length, and of others the turn and the likeness.
func (p *picker) rank(callers int) []int {
	p.ranked = p.ranked[:0]
	if p.tired() {
		return p.ranked
	}
	for place, c := range p.order {
		if c.item.mark == p.round || c.from(&p.leader) != callers {
			continue
		}
		distance := len(c.item.sequence.IDs) - len(p.leader.item.sequence.IDs)
		distance = min(max(distance, -distance), 1<<distanceBits-1)
		number := distance<<placeBits | place
		if callers != sameCaller {
			turn := min(c.turn, 1<<turnBits-1)
			number |= (p.likeness(c.item, distance)<<turnBits | turn) << (distanceBits + placeBits)
		}
		p.ranked = append(p.ranked, number)
	}
	slices.Sort(p.ranked)
	return p.ranked
}

// Bits of what a candidate is ranked by.
const (
	placeBits    = 10 // for horizon + horizon/bulkEvery places
	distanceBits = 30
	turnBits     = 20

	_ uint = 1<<placeBits - horizon - horizon/bulkEvery // or it does not compile
)

// candidate returns the one of a number that rank gave.
func (p *picker) candidate(number int) candidate { return p.order[number%(1<<placeBits)] }

// likeness tells how like the leader an item of another caller is whose length is so far from the leader's.
func (p *picker) likeness(it *item, distance int) int {
	leader := p.leader.item
	switch {
	case p.shortest > 0 && it.belongs(it.commonTokens(&leader.chained)):
		return kin
	case 8*distance <= len(leader.sequence.IDs):
		return alike
	}
	return unlike
}

// belongs tells whether an item that shares so many tokens with another is of its family: a quarter of its own, as the
// responses to a prompt share.
func (it *item) belongs(shared int) bool { return 4*shared >= len(it.sequence.IDs) }
