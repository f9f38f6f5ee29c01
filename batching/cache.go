package batching

import (
	"slices"
	"sync"
)

// BlockTokens is how many tokens a block of the key-value cache holds. Small blocks leave little to compute again
// when a sequence goes on in the middle of one: a beam search that adds 40 tokens a step computes 48 on average, and
// would compute 72 with blocks of 64.
const BlockTokens = 16

// Block holds the keys and values of [BlockTokens] tokens behind one particular prefix. Its first token is at a
// multiple of [BlockTokens].
type Block struct {
	// Slot says where the runner has them: in one of [Options.CacheBlocks] places, which it fills for blocks in
	// [Plan.Keep] and reads for blocks in [Plan.Past]. The runner alone knows where these lie.
	Slot int

	hash     uint64 // of the chain of ids up to its end
	space    Space
	ids      [BlockTokens]int64
	parent   *Block // nil for the first of a sequence
	position int    // of its first token
	ready    bool   // the slot is filled
	pins     int    // sequences at work that use or fill it
	rows     [BlockTokens]readRow

	newer, older *Block // in order of use
}

// follows tells whether the block is that of these ids behind its parent. One behind another is of the same space.
func (b *Block) follows(parent *Block, space Space, ids [BlockTokens]int64) bool {
	return b.parent == parent && b.ids == ids && (parent != nil || b.space == space)
}

// readRow is an output that was read at a token of a block.
type readRow struct {
	row    []float32 // nil: not read yet
	target int64     // the id that it is the log-probability of; 0 unless [Options.Targets]
}

// cachedPrefix is what the cache has of a sequence.
type cachedPrefix struct {
	hashes []uint64    // of the chain up to the end of each of its blocks
	blocks []*Block    // those that are cached, from the first on
	tokens int         // leading tokens that need not be computed
	rows   [][]float32 // what is read at these, in order
}

// cache finds the keys and values of prefixes that were computed before. It holds at most so many blocks, and lets go
// of what was used the longest ago. It is safe for concurrent use; a nil cache is empty.
type cache struct {
	capacity int // blocks
	targets  bool

	mu      sync.Mutex
	blocks  map[uint64]*Block
	newest  *Block
	oldest  *Block
	free    []int // slots of blocks let go of; those from len(blocks) + len(free) on were never used
	evicted uint64
	seen    [][4]uint64 // hashes of blocks that were computed and not kept, see seenBefore
}

// seenSets is how many sets of four hashes the cache remembers of blocks that it did not keep, a million tokens in
// all: a text that comes once is not worth keeping, and one that comes again may come a third time.
const seenSets = 1 << 14

func newCache(options Options) *cache {
	if options.CacheBlocks <= 0 || options.Padded || options.Bidirectional {
		return nil
	}
	return &cache{
		capacity: options.CacheBlocks, targets: options.Targets,
		blocks: map[uint64]*Block{}, seen: make([][4]uint64, seenSets),
	}
}

// find returns what is cached of a sequence and pins it. The token at the sequence's last position is always
// computed, and so is everything from the first position on whose output is not known. pending is how many of the
// tokens behind those cached are being computed by a plan at work.
func (c *cache) find(of *chained) (cached cachedPrefix, pending int) {
	sequence := of.sequence
	cached.hashes = of.hashes
	if c == nil {
		return cached, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var parent *Block
	for i, hash := range of.hashes {
		b := c.blocks[hash]
		if b == nil || !b.follows(parent, sequence.Space, blockIDs(sequence.IDs, i)) {
			break
		}
		if !b.ready {
			pending += BlockTokens
		} else if pending == 0 {
			cached.blocks = append(cached.blocks, b)
		}
		parent = b
	}
	last := sequence.Positions[len(sequence.Positions)-1]
	cached.tokens = min(len(cached.blocks)*BlockTokens, last)
	for _, position := range sequence.Positions {
		if position >= cached.tokens {
			break
		}
		row := c.row(sequence, cached.blocks, position)
		if row == nil {
			cached.tokens = position
			break
		}
		cached.rows = append(cached.rows, slices.Clone(row))
	}
	cached.blocks = cached.blocks[:ceilDiv(cached.tokens, BlockTokens)]
	for _, b := range cached.blocks {
		b.pins++
	}
	return cached, pending
}

// row returns what was read at a position, nil when it is not known.
func (c *cache) row(sequence Sequence, blocks []*Block, position int) []float32 {
	k := blocks[position/BlockTokens].rows[position%BlockTokens]
	if c.targets && k.target != sequence.IDs[position+1] {
		return nil
	}
	return k.row
}

// release unpins what find returned, the last block first, so that a block is never let go of before those that
// follow it.
func (c *cache) release(cached cachedPrefix) {
	if c == nil || len(cached.blocks) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range slices.Backward(cached.blocks) {
		b.pins--
		c.use(b)
	}
}

// seenBefore tells whether a block with this hash was computed before, and remembers that it is now. A hash lies in the
// set of its last bits, where it pushes out the oldest of four.
func (c *cache) seenBefore(hash uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := &c.seen[hash%seenSets]
	if slices.Contains(set[:], hash) {
		return true
	}
	copy(set[1:], set[:])
	set[0] = hash
	return false
}

// claim returns the block of these ids behind parent, and whether it is new: pinned, and to be filled. It returns nil
// when the block is being filled by a plan at work, or has no room.
func (c *cache) claim(
	hash uint64, parent *Block, space Space, ids [BlockTokens]int64, position int,
) (block *Block, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.blocks[hash]; b != nil {
		switch {
		case b.follows(parent, space, ids) && b.ready:
			c.use(b)
			return b, false
		case b.parent == parent || b.pins > 0:
			return nil, false
		}
		c.drop(b) // its parent is gone, so nobody finds it
	}
	if len(c.blocks) >= c.capacity && !c.evict() {
		return nil, false
	}
	b := &Block{Slot: c.slot(), hash: hash, space: space, ids: ids, parent: parent, position: position, pins: 1}
	c.blocks[hash] = b
	c.push(b)
	return b, true
}

// complete makes claimed blocks ready, or forgets them when the forward failed.
func (c *cache) complete(keep []Keep, ok bool) {
	if len(keep) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range slices.Backward(keep) { // the last of a chain first, as in release
		k.Block.pins--
		if ok {
			k.Block.ready = true
			c.use(k.Block)
		} else {
			c.drop(k.Block)
		}
	}
}

// learn notes what was read of a sequence at the tokens of cached blocks: rows, one for each of sequence.Positions.
func (c *cache) learn(of *chained, rows [][]float32) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var parent *Block
	next, sequence := 0, of.sequence
	for i, hash := range of.hashes {
		b := c.blocks[hash]
		if b == nil || !b.ready || !b.follows(parent, sequence.Space, blockIDs(sequence.IDs, i)) {
			return
		}
		parent = b
		for ; next < len(sequence.Positions) && sequence.Positions[next] < (i+1)*BlockTokens; next++ {
			position := sequence.Positions[next]
			k := readRow{row: rows[next]}
			if c.targets {
				k.target = sequence.IDs[position+1]
			}
			if known := &b.rows[position%BlockTokens]; known.row == nil || known.target != k.target {
				k.row = slices.Clone(k.row)
				*known = k
			}
		}
	}
}
