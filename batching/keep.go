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

// keepAloneFrom is the length from which on a sequence is worth keeping that has a forward on all threads for itself.
const keepAloneFrom = 256

// layKeep writes Keep: the blocks whose keys and values are worth fetching from the graph. Fetching costs a copy, and
// a block that is kept pushes out another, so a block is kept only if
//
//  1. several sequences of the plan share it, or
//  2. it lies on the path of a sequence of which a quarter was cached: a beam, or a conversation, that goes on, or
//  3. it lies on the path of a long sequence that is alone in its forward, while the cache has room: nobody waits for
//     the copy, or
//  4. it was computed before, so that keeping it would have paid already,
//
// and if the block in front of it is cached or kept too: without that one nobody could find it.
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

// keepBelow claims the blocks worth keeping that end in the segment and in those below it. before is the block that
// ends before the segment's first token, nil where that one is neither cached nor kept.
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
		if at > 0 && before == nil || !worth || p.inPlace && p.tailKept(n.parent, at*BlockTokens) {
			before = nil
			continue
		}
		block, fresh := p.cache.claim(hash, before, n.space, blockIDs(n.owner, at), at*BlockTokens)
		before = block
		if !fresh {
			continue
		}
		plan.Keep = append(plan.Keep, Keep{Block: block})
		for i := n.parent; i != root && p.tree.nodes[i].to > at*BlockTokens; i = p.tree.nodes[i].parent {
			p.tree.nodes[i].tailKept = true
		}
		if !traced {
			p.trace(segment, 0)
			traced = true
		}
		copy(plan.Keep[len(plan.Keep)-1].Tokens[:], p.ancestry[at*BlockTokens:])
	}
	for i := n.child; i != none; i = p.tree.nodes[i].next {
		p.keepBelow(plan, i, before)
	}
}

// tailKept tells whether a block that begins at a position has a token of the segment, or of one before it, that is in
// a kept block already.
func (p *packed) tailKept(segment, from int) bool {
	for i := segment; i != root && p.tree.nodes[i].to > from; i = p.tree.nodes[i].parent {
		if p.tree.nodes[i].tailKept {
			return true
		}
	}
	return false
}
