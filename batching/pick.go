package batching

import "time"

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
	alone  bool        // nobody but the leader's caller waits
	tried  *item       // the item looked at last
	ranked []int       // what is to be tried next, see [picker.rank]

	family               []*item // what was gathered last, see [picker.gather], and
	familyFrom, familyTo int     // its places in the order of ids

	batch  []*item // chosen, in the order the shape has them
	gone   []*item // found abandoned or late, not chosen
	misses int     // items that did not fit
	waits  int     // items passed over whose prefix is being computed
	passed int     // waiters passed over in the order of ids

	// preferAllThreads: a batch that was picked for one thread should run on all, with the budget of all, because a
	// member of a family that it has begun did not fit, or because its leader would be in time only then.
	preferAllThreads bool
}

// pick fills the shape and sets batch. The first item in the order of turns that is still wanted leads. Then come those
// of its caller that share its prefix, longest prefix first, and those of its caller of like length, each followed by
// those that share its own prefix; then those of others of its class, and those of the other class, see [picker.rank].
// What several callers of a class have begun, as responses to one prompt, stays together, see [picker.gather]. All are
// of the leader's revision and adapter. Items that nobody wants any more, or that would be late in any case, come into
// gone instead. An item that does not fit, or whose prefix another lane computes, is passed over. The batch is empty
// only when none of the items looked at is wanted, or those that are wait for another lane.
func (p *picker) pick(q *queue, now time.Time, budget Budget, round uint64) {
	p.clear()
	p.budget, p.now, p.round = budget, now, round
	p.order = q.order(p.order, round)
	p.alone = len(q.interactive.accounts)+len(q.bulk.accounts) == 1
	for _, c := range p.order {
		if p.leader = c; p.take(q, c) {
			break
		}
		if p.tired() {
			return
		}
	}
	if len(p.batch) == 0 {
		return
	}
	p.spread(q, p.leader)
	for callers := range others + 1 {
		if callers > sameCaller {
			p.misses = 0 // what does not fit of some callers says nothing of others
		}
		for _, number := range p.rank(callers) {
			if p.tired() {
				break
			}
			if c := p.candidate(number); c.item.mark != p.round && p.take(q, c) && callers == sameCaller {
				p.spread(q, c)
			}
		}
	}
}

// tired tells whether looking further is not worth the time.
func (p *picker) tired() bool { return p.misses >= maxMisses || p.waits >= maxWaits }

// clear forgets the last pick, and lets go of its items.
func (p *picker) clear() {
	p.misses, p.waits, p.passed, p.preferAllThreads, p.slack = 0, 0, 0, false, noDeadline
	clear(p.batch)
	clear(p.gone)
	clear(p.order)
	clear(p.family)
	p.leader, p.tried = candidate{}, nil
	p.batch, p.gone, p.ranked, p.order = p.batch[:0], p.gone[:0], p.ranked[:0], p.order[:0]
	p.family, p.familyFrom, p.familyTo = p.family[:0], 0, 0
	p.shape.reset()
}

// take puts a candidate into the batch if it is wanted and fits, and then those of its family.
func (p *picker) take(q *queue, c candidate) bool {
	taken := p.try(c.item)
	if taken {
		p.gather(q, c)
	}
	return taken
}

// try puts the item into the batch if it is wanted and fits.
func (p *picker) try(it *item) bool {
	it.mark = p.round
	p.tried = it
	if it.abandoned(p.now) {
		p.gone = append(p.gone, it)
		return false
	}
	if len(p.batch) > 0 && it.sequence.Space.weights() != p.leader.item.sequence.Space.weights() {
		return false // for another forward
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
