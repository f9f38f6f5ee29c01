package batching

// layPast writes Past and PastPositions: every cached block that some segment takes tokens from, once.
func (p *packed) layPast(plan *Plan) {
	plan.Past, plan.PastPositions = plan.Past[:0], plan.PastPositions[:0]
	for i := range p.tree.nodes {
		n := &p.tree.nodes[i]
		if n.cached == n.from {
			continue
		}
		for at := n.from / BlockTokens; at*BlockTokens < n.cached; at++ {
			block := n.prefix.blocks[at]
			if p.past[block] != none {
				continue
			}
			p.past[block] = len(plan.Past)
			plan.Past = append(plan.Past, block)
			for j := range BlockTokens {
				plan.PastPositions = append(plan.PastPositions, int64(at*BlockTokens+j))
			}
		}
	}
}

// layKeep writes Keep: the blocks worth fetching, each behind the one that it follows.
func (p *packed) layKeep(plan *Plan) {
	plan.Keep = plan.Keep[:0]
	if p.cache == nil {
		return
	}
	alone := len(p.entries) == 1 && !plan.Narrow && p.cache.room()
	for _, e := range p.entries {
		if 4*e.cached.tokens >= len(e.sequence.IDs) || alone && len(e.sequence.IDs) >= keepAloneFrom {
			p.tree.keepPath(e.leaf)
		}
	}
	for i := p.tree.first; i != none; i = p.tree.nodes[i].next {
		p.keepBelow(plan, i, nil)
	}
}

// keepAloneFrom is the length from which on a sequence that has all threads for itself is kept while there is room: others may follow it.
const keepAloneFrom = 256

// keepBelow claims the blocks worth fetching that end in the segment and in those below it: what several sequences share, what goes on
// from much that is cached, what is long and alone, and what was computed before. before is the last block that ends before the
// segment's first token; without it nobody could find a later one.
func (p *packed) keepBelow(plan *Plan, segment int, before *Block) {
	n := &p.tree.nodes[segment]
	traced := false
	for at := n.from / BlockTokens; (at+1)*BlockTokens <= n.to; at++ {
		if at < len(n.prefix.blocks) && (at+1)*BlockTokens <= n.cached {
			before = n.prefix.blocks[at]
			continue
		}
		hash := n.prefix.hashes[at]
		shared := (at+1)*BlockTokens <= n.prior
		worth := shared || n.keepBlocks || p.cache.seenBefore(hash)
		if at > 0 && before == nil || !worth {
			before = nil
			continue
		}
		block, fresh := p.cache.claim(hash, before, n.space, blockIDs(n.owner, at), at*BlockTokens)
		before = block
		if !fresh {
			continue
		}
		if !traced {
			p.trace(segment, 0)
			traced = true
		}
		keep := Keep{Block: block}
		copy(keep.Tokens[:], p.ancestry[at*BlockTokens:])
		plan.Keep = append(plan.Keep, keep)
	}
	for i := n.child; i != none; i = p.tree.nodes[i].next {
		p.keepBelow(plan, i, before)
	}
}
