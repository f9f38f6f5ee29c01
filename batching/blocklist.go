package batching

// holds tells whether the cache has room for that many tokens if it lets go of all else.
func (c *cache) holds(tokens int) bool { return c != nil && c.capacity*BlockTokens >= tokens }

// room tells whether a block can be kept without letting go of another.
func (c *cache) room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.blocks) < c.capacity
}

// slot takes a slot that was used before, or else the first that never was.
func (c *cache) slot() int {
	n := len(c.free)
	if n == 0 {
		return len(c.blocks)
	}
	slot := c.free[n-1]
	c.free = c.free[:n-1]
	return slot
}

// evict lets go of the block that was used the longest ago and is not pinned, if there is one.
func (c *cache) evict() bool {
	for b := c.oldest; b != nil; b = b.newer {
		if b.pins == 0 {
			c.drop(b)
			c.evicted++
			return true
		}
	}
	return false
}

func (c *cache) drop(b *Block) {
	delete(c.blocks, b.hash)
	c.unlink(b)
	c.free = append(c.free, b.Slot)
}

// use makes a block the newest.
func (c *cache) use(b *Block) {
	if c.newest != b {
		c.unlink(b)
		c.push(b)
	}
}

func (c *cache) push(b *Block) {
	b.older = c.newest
	if c.newest != nil {
		c.newest.newer = b
	} else {
		c.oldest = b
	}
	c.newest = b
}

func (c *cache) unlink(b *Block) {
	if b.newer != nil {
		b.newer.older = b.older
	} else {
		c.newest = b.older
	}
	if b.older != nil {
		b.older.newer = b.newer
	} else {
		c.oldest = b.newer
	}
	b.newer, b.older = nil, nil
}
