package batching

// querySizes are the most query places a tile may have. One plan has one size: all its tiles lie in one array.
var querySizes = [...]int{16, 32, 64, 128, 256}

// tiling counts, for every size, the tiles that a set of segments needs.
type tiling [len(querySizes)]int

// change counts n tokens of a segment in (sign +1) or out (-1).
func (t *tiling) change(n, sign int) {
	for i, size := range querySizes {
		t[i] += sign * ceilDiv(n, size)
	}
}

// best returns the index of the size with the cheapest attention, when a key place costs gather query places. Every
// size has the same number of key places in a tile.
func (t *tiling) best(gather int) int {
	best, lowest := 0, 0
	for i, size := range querySizes {
		if cost := t[i] * (size + gather); i == 0 || cost < lowest {
			best, lowest = i, cost
		}
	}
	return best
}

// layTiles cuts every segment into as few tiles as the best size allows, about equal ones: QueryIndex, KeyIndex, KeyLen
// and Scatter. The largest tile sets the query places.
func (p *packed) layTiles(plan *Plan) {
	best := p.tiling.best(p.gather)
	if p.bidirectional {
		best = p.bestCut(best)
	}
	plan.Tiles, plan.Queries, plan.Keys = p.tiling[best], p.queries(querySizes[best]), p.rounding.keys(p.longest)
	plan.QueryIndex = resize(plan.QueryIndex, plan.Tiles*plan.Queries)
	plan.KeyIndex = resize(plan.KeyIndex, plan.Tiles*plan.Keys)
	plan.KeyLen = resize(plan.KeyLen, plan.Tiles)
	plan.Scatter = resize(plan.Scatter, len(plan.IDs))
	tile := 0
	for i := range p.tree.nodes {
		n := &p.tree.nodes[i]
		if n.fresh() == 0 {
			continue
		}
		p.trace(i, int64(len(plan.PastPositions)))
		size := n.cut(querySizes[best])
		for from := n.cached; from < n.to; from += size {
			p.layTile(plan, tile, n.start-n.cached, from, min(from+size, n.to))
			tile++
		}
	}
}

// queries returns the query places of a tile when every segment is cut into as few tiles of at most that size as can
// be.
func (p *packed) queries(size int) int {
	queries := minQueries
	for i := range p.tree.nodes {
		queries = max(queries, p.tree.nodes[i].cut(size))
	}
	return queries
}

// bestCut returns the index of the size with the cheapest attention by the query places that tiles then have, and not
// by the most that they may have: sequences of 150 tokens are better off in one tile each, of 150 places, than in five
// of 30. It takes no more memory than the size given, which the budget was held to.
func (p *packed) bestCut(held int) int {
	most := p.tiling[held] * (querySizes[held] + p.fetched)
	best, lowest := held, p.tiling[held]*(p.queries(querySizes[held])+p.gather)
	for i, size := range querySizes {
		queries := p.queries(size)
		if cost := p.tiling[i] * (queries + p.gather); cost < lowest && p.tiling[i]*(queries+p.fetched) <= most {
			best, lowest = i, cost
		}
	}
	return best
}

// cut returns the size of the tiles when the computed part of the segment is cut into as few as that most allows.
func (n *node) cut(most int) int {
	return ceilDiv(n.fresh(), max(1, ceilDiv(n.fresh(), most)))
}

// layTile writes the tile of positions [from, to) of the traced segment, whose token at a position is that plus offset.
func (p *packed) layTile(plan *Plan, tile, offset, from, to int) {
	keys := plan.KeyIndex[tile*plan.Keys : (tile+1)*plan.Keys]
	seen := p.ancestry[:to]
	if p.bidirectional {
		seen = p.ancestry
	}
	plan.KeyLen[tile] = int64(copy(keys, seen))
	fill(keys[len(seen):], seen[0])
	places := plan.QueryIndex[tile*plan.Queries : (tile+1)*plan.Queries]
	for i := range to - from {
		token := offset + from + i
		places[i] = int64(token)
		plan.Scatter[token] = int64(tile*plan.Queries + i)
	}
	fill(places[to-from:], int64(offset+to-1))
}

// trace sets ancestry for the segment: the keys that its last token sees, in order of position. New tokens are keys
// from past on.
func (p *packed) trace(segment int, past int64) {
	p.ancestry = resize(p.ancestry, p.tree.nodes[segment].to)
	for i := segment; i != root; i = p.tree.nodes[i].parent {
		n := &p.tree.nodes[i]
		for position := n.from; position < n.cached; position++ {
			block := n.prefix.blocks[position/BlockTokens]
			p.ancestry[position] = int64(p.past[block]*BlockTokens + position%BlockTokens)
		}
		for position := n.cached; position < n.to; position++ {
			p.ancestry[position] = past + int64(n.start+position-n.cached)
		}
	}
}

func fill(s []int64, value int64) {
	for i := range s {
		s[i] = value
	}
}
