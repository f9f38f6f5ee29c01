package batching

import "slices"

// packed is the shape of a packed plan: a tree of segments, each cut into tiles.
type packed struct {
	cache    *cache
	gather   int // [cost.gather]
	fetched  int // [Options.Fetched]
	tree     tree
	tiling   tiling
	longest  int // tokens of the longest sequence
	entries  []entry
	ancestry []int64        // key indices of the tokens from position 0 to the end of a segment
	past     map[*Block]int // of cached blocks in the plan
	targets  bool           // list the id after each position read

	rounding Rounding // [Options.Rounding]

	inPlace       bool // [Options.InPlace]
	room          int  // [Options.Room]
	bidirectional bool // [Options.Bidirectional]: each sequence is one segment, which all its tiles see to the end
}

// entry is a sequence in the tree.
type entry struct {
	leaf     int // the sequence lies on the path from the root to this node
	sequence Sequence
	cached   cachedPrefix
}

func (p *packed) reset() {
	p.tree.reset()
	p.tiling = tiling{}
	p.longest = 0
	clear(p.entries)
	p.entries = p.entries[:0]
	clear(p.past)
}

func (p *packed) tokens() int { return p.tree.tokens }

func (p *packed) add(sequence Sequence, cached cachedPrefix, budget *Budget) (fits, shares bool) {
	if p.bidirectional {
		return p.put(sequence, apart(), cachedPrefix{}, budget)
	}
	at := p.tree.find(sequence)
	if _, fresh := p.price(len(sequence.IDs), at, cached.tokens); fresh > len(sequence.IDs)-cached.tokens {
		at = apart() // others would compute again more than it shares
	}
	return p.put(sequence, at, cached, budget)
}

func (p *packed) addApart(sequence Sequence) {
	p.put(sequence, apart(), cachedPrefix{}, nil)
}

// apart is the spot of a sequence that shares nothing with what is in the tree.
func apart() spot { return spot{parent: root, partial: none, sibling: none} }

// put adds the sequence at its spot in the tree if the budget allows.
func (p *packed) put(sequence Sequence, at spot, cached cachedPrefix, budget *Budget) (fits, shares bool) {
	ids := sequence.IDs
	after, fresh := p.price(len(ids), at, cached.tokens)
	longest := max(p.longest, len(ids))
	shared := max(0, at.depth-cached.tokens)
	shares = shared > 0 && shared >= fresh
	if budget != nil && len(p.entries) > 0 {
		best := after.best(p.gather)
		area := after[best] * (querySizes[best] + p.fetched) * p.rounding.keys(longest) // at most
		allowed := budget.allows(p.tree.tokens, shared, fresh, p.cache.holds(2*longest))
		if !allowed || area > budget.Area || !p.roomFor(fresh) || !p.pastFits(cached) {
			return false, shares
		}
	}
	p.tiling, p.longest = after, longest
	for _, b := range cached.blocks {
		if _, ok := p.past[b]; !ok {
			p.past[b] = none // until it is laid out
		}
	}
	p.entries = append(p.entries, entry{leaf: p.tree.insert(sequence, at, cached), sequence: sequence, cached: cached})
	return true, shares
}

// roomFor tells whether the runner has room for so many tokens more.
func (p *packed) roomFor(fresh int) bool {
	return p.room == 0 || p.rounding.tokens(p.tree.tokens+fresh) <= p.room
}

// price returns the tiles after a sequence with so many cached tokens is added at its spot, and the tokens that are
// computed for it: its own, and those of others that were to be taken from the cache up to where it has less there.
func (p *packed) price(length int, at spot, cached int) (after tiling, fresh int) {
	after = p.tiling
	change := func(tokens, sign int) {
		after.change(tokens, sign)
		fresh += sign * tokens
	}
	node := at.parent
	if at.partial != none && at.depth == length {
		node = at.partial
	} else if at.partial != none {
		n := &p.tree.nodes[at.partial]
		change(n.fresh(), -1)
		change(at.depth-max(n.from, min(n.cached, at.depth, cached)), +1)
		change(n.to-max(n.cached, at.depth), +1)
	}
	for i := node; i != root && p.tree.nodes[i].cached > cached; i = p.tree.nodes[i].parent {
		n := &p.tree.nodes[i]
		change(n.fresh(), -1)
		change(n.to-max(n.from, cached), +1)
	}
	if at.depth < length {
		change(length-max(at.depth, cached), +1)
	}
	return after, fresh
}

func (p *packed) build(plan *Plan, placements []placement) []placement {
	for _, e := range p.entries {
		p.tree.pass(e.leaf, len(e.sequence.IDs))
	}
	p.layTokens(plan)
	p.layPast(plan)
	p.layTiles(plan)
	p.layKeep(plan)
	placements = p.layReads(plan, placements)
	p.rounding.fill(plan)
	return placements
}

// layTokens writes IDs and Positions, segment after segment.
func (p *packed) layTokens(plan *Plan) {
	plan.IDs, plan.Positions = resize(plan.IDs, p.tree.tokens), resize(plan.Positions, p.tree.tokens)
	start := 0
	for i := range p.tree.nodes {
		n := &p.tree.nodes[i]
		n.start = start
		start += copy(plan.IDs[start:], n.owner[n.cached:n.to])
		for position := n.cached; position < n.to; position++ {
			plan.Positions[n.start+position-n.cached] = int64(position)
		}
	}
}

// layReads writes Read, each sequence's rows in a row: those that are not known from the cache.
func (p *packed) layReads(plan *Plan, placements []placement) []placement {
	plan.Read, plan.Targets = plan.Read[:0], plan.Targets[:0]
	for _, e := range p.entries {
		row, ids, read := len(plan.Read), e.sequence.IDs, e.sequence.Positions[len(e.cached.rows):]
		placements = append(placements, placement{row: row, shared: p.tree.shared(e.leaf, len(ids))})
		plan.Read = slices.Grow(plan.Read, len(read))[:row+len(read)]
		if p.targets {
			for _, position := range read {
				plan.Targets = append(plan.Targets, ids[position+1])
			}
		}
		segment := e.leaf
		for i, position := range slices.Backward(read) {
			for position < p.tree.nodes[segment].from {
				segment = p.tree.nodes[segment].parent
			}
			n := &p.tree.nodes[segment]
			plan.Read[row+i] = int64(n.start + position - n.cached)
		}
	}
	return placements
}

// mostPast is how many cached tokens a plan may take: the runner copies them.
const mostPast = 16 << 10

// pastFits tells whether the plan may take what is cached of one more sequence.
func (p *packed) pastFits(cached cachedPrefix) bool {
	blocks := len(p.past)
	for _, b := range cached.blocks {
		if _, ok := p.past[b]; !ok {
			blocks++
		}
	}
	return blocks*BlockTokens <= mostPast
}
