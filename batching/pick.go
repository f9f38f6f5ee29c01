package batching

import (
	"cmp"
	"slices"
	"time"
)

const (
	horizon   = 512 // how many of the next items are ranked by length
	maxMisses = 16  // a pick ends after this many items that did not fit
	maxWaits  = 64  // or whose prefix another lane computes
)

// picker chooses which waiting items leave together. The choice follows from the queue, the cache, the budget and the
// time alone; besides marks on items, it changes what it pins of the cache.
type picker struct {
	shape    shape
	cache    *cache
	shortest int // the shortest prefix that is worth bringing items together; 0: none is

	budget Budget
	cost   cost          // of a forward on all threads; zero: not known
	pace   float64       // how many times longer this one takes: on one of four threads, four times
	slack  time.Duration // until the earliest deadline in the batch
	now    time.Time
	round  uint64      // of pick; items marked with it have been looked at
	order  []candidate // what waits, in the order of turns, as far as it is looked at
	leader candidate   // of the batch
	tried  *item       // the item looked at last
	ranked []candidate // what is to be tried next

	batch  []*item // chosen, in the order the shape has them
	gone   []*item // found abandoned or late, not chosen
	misses int     // items that did not fit
	waits  int     // items passed over whose prefix is being computed

	// preferAllThreads: a batch that was picked for one thread should run on all, with the budget of all, because a
	// member of a family that it has begun did not fit, or because its leader would be in time only then.
	preferAllThreads bool
}

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

// pick fills the shape and sets batch: the first item in the order of turns that is still wanted leads, then come
// those that share its prefix, longest prefix first, then those of like length, each followed by those that share its
// own prefix: first those of the leader's caller, then of its class, then the others. All are of its revision and
// adapter. Items that nobody wants any more, or that would be late in any case, come into gone instead. An item that
// does not fit, or whose prefix another lane computes, is passed over. The batch is empty only when none of the items
// looked at is wanted, or those that are wait for another lane.
func (p *picker) pick(q *queue, now time.Time, budget Budget, round uint64) {
	p.clear()
	p.budget, p.now, p.round = budget, now, round
	p.order = q.order(p.order, round)
	for _, c := range p.order {
		if p.leader = c; p.try(c.item) {
			break
		}
		if p.tired() {
			return
		}
	}
	if len(p.batch) == 0 {
		return
	}
	p.spread(q, p.leader.item)
	for callers := range others + 1 {
		if callers > sameCaller {
			p.misses = 0 // what does not fit of some callers says nothing of others
		}
		for _, c := range p.rank(callers) {
			if p.tired() {
				break
			}
			if c.item.mark != p.round && p.try(c.item) {
				p.spread(q, c.item)
			}
		}
	}
}

// tired tells whether looking further is not worth the time.
func (p *picker) tired() bool { return p.misses >= maxMisses || p.waits >= maxWaits }

// clear forgets the last pick, and lets go of its items.
func (p *picker) clear() {
	p.misses, p.preferAllThreads, p.waits, p.slack = 0, false, 0, noDeadline
	clear(p.batch)
	clear(p.gone)
	clear(p.ranked)
	clear(p.order)
	p.leader, p.tried = candidate{}, nil
	p.batch, p.gone, p.ranked, p.order = p.batch[:0], p.gone[:0], p.ranked[:0], p.order[:0]
	p.shape.reset()
}

// try puts the item into the batch if it is wanted and fits.
func (p *picker) try(it *item) bool {
	it.mark = p.round
	p.tried = it
	if it.abandoned(p.now) {
		p.gone = append(p.gone, it)
		return false
	}
	return p.add(it)
}

// add puts the item into the batch if it fits. One whose prefix another plan is computing is better off behind it.
func (p *picker) add(it *item) bool {
	var pending int
	it.cached, pending = p.cache.find(&it.chained)
	fresh := len(it.sequence.IDs) - it.cached.tokens
	left, latest := it.left(p.now)
	onAll := p.cost.of(work{tokens: p.shape.tokens() + fresh})
	took := time.Duration(p.pace * float64(onAll))
	before := p.shape.tokens()
	fits, shares := false, false
	switch {
	case 2*pending > fresh:
		p.waits++
	case len(p.batch) == 0 && onAll/2 > latest: // late even if it took half as long as expected
		p.gone = append(p.gone, it)
	case len(p.batch) > 0 && took > min(p.slack, left): // one of them would be late
		p.misses++
	default:
		if fits, shares = p.shape.add(it.sequence, it.cached, &p.budget); !fits {
			p.misses++
		}
	}
	if !fits {
		p.cache.release(it.cached)
		it.cached = cachedPrefix{}
		p.preferAllThreads = p.preferAllThreads || shares
		return false
	}
	if len(p.batch) == 0 && took > left && onAll <= left {
		p.preferAllThreads = true
	}
	p.slack = min(p.slack, left)
	it.cost = p.shape.tokens() - before
	p.batch = append(p.batch, it)
	return true
}

// putBack lets go of the batch, whose items are still waiting.
func (p *picker) putBack() {
	for _, it := range p.batch {
		p.cache.release(it.cached)
		it.cached = cachedPrefix{}
	}
	p.clear()
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
