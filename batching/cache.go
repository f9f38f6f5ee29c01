package batching

import (
	"hash/maphash"
	"slices"
	"sync"
)

// BlockTokens is how many tokens a block of the key-value cache holds. Small blocks leave little to compute again when a sequence
// goes on in the middle of one: a beam search that adds 40 tokens a step computes 48 on average, and would compute 72 with 64.
const BlockTokens = 16

// Block holds the keys and values of [BlockTokens] tokens behind one particular prefix. Its first token is at a multiple of
// [BlockTokens].
type Block struct {
	// Slot says where the runner has them: in one of [Options.CacheBlocks] places, which it fills for blocks in [Plan.Keep] and reads
	// for blocks in [Plan.Past]. Where these lie is its affair.
	Slot int

	hash     uint64 // of the chain of ids up to its end
	ids      [BlockTokens]int64
	parent   *Block // nil for the first of a sequence
	position int    // of its first token
	ready    bool   // the slot is filled
	pins     int    // sequences at work that use or fill it
	rows     [BlockTokens]known

	newer, older *Block // in order of use
}

// known is an output that was read at a token of a block.
type known struct {
	row    []float32 // nil: not read yet
	target int64     // the id that it is the log-probability of; 0 unless [Options.Targets]
}

// prefix is what the cache has of a sequence.
type prefix struct {
	hashes []uint64    // of the chain up to the end of each of its blocks
	blocks []*Block    // those that are cached, from the first on
	tokens int         // leading tokens that need not be computed
	rows   [][]float32 // what is read at these, in order
}

// cache finds the keys and values of prefixes that were computed before. It holds at most so many blocks, and lets go of what was used
// the longest ago. It is safe for concurrent use; a nil cache is empty.
type cache struct {
	capacity int // blocks
	targets  bool

	mu      sync.Mutex
	blocks  map[uint64]*Block
	newest  *Block
	oldest  *Block
	free    []int // slots of blocks let go of; those from len(blocks) + len(free) on were never used
	evicted uint64
	seen    [][4]uint64 // hashes of blocks computed once and not kept, by their last bits, the newest first
}

const seenSets = 1 << 14 // of four blocks that the cache remembers without keeping them: a million tokens in all

func newCache(options Options) *cache {
	if options.CacheBlocks <= 0 || options.Layout == Padded {
		return nil
	}
	return &cache{
		capacity: options.CacheBlocks, targets: options.Targets, blocks: map[uint64]*Block{}, seen: make([][4]uint64, seenSets),
	}
}

// chainSeed makes hashes differ from process to process, so that nobody can look for two prefixes of one hash.
var chainSeed = maphash.MakeSeed()

type link struct {
	before uint64
	ids    [BlockTokens]int64
}

// chain returns the hash of every prefix of ids that ends with a block, nil without a cache.
func (c *cache) chain(ids []int64) []uint64 {
	if c == nil || len(ids) < BlockTokens {
		return nil
	}
	hashes := make([]uint64, len(ids)/BlockTokens)
	before := uint64(0)
	for i := range hashes {
		before = maphash.Comparable(chainSeed, link{before, blockIDs(ids, i)})
		hashes[i] = before
	}
	return hashes
}

func blockIDs(ids []int64, block int) [BlockTokens]int64 {
	return [BlockTokens]int64(ids[block*BlockTokens:])
}

// find returns what is cached of a sequence and pins it. The sequence's last read is always computed, and so is all from the first
// read on whose output is not known. coming is how many of the tokens behind those cached are being computed by a plan at work.
func (c *cache) find(sequence Sequence, hashes []uint64) (have prefix, coming int) {
	have.hashes = hashes
	if c == nil {
		return have, 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var parent *Block
	for i, hash := range hashes {
		b := c.blocks[hash]
		if b == nil || b.parent != parent || b.ids != blockIDs(sequence.IDs, i) {
			break
		}
		if !b.ready {
			coming += BlockTokens
		} else if coming == 0 {
			have.blocks = append(have.blocks, b)
		}
		parent = b
	}
	last := sequence.Read[len(sequence.Read)-1]
	have.tokens = min(len(have.blocks)*BlockTokens, last)
	for _, position := range sequence.Read {
		if position >= have.tokens {
			break
		}
		row := c.row(sequence, have.blocks, position)
		if row == nil {
			have.tokens = position
			break
		}
		have.rows = append(have.rows, slices.Clone(row))
	}
	have.blocks = have.blocks[:ceilDiv(have.tokens, BlockTokens)]
	for _, b := range have.blocks {
		b.pins++
	}
	return have, coming
}

// row returns what was read at a position, nil when it is not known.
func (c *cache) row(sequence Sequence, blocks []*Block, position int) []float32 {
	k := blocks[position/BlockTokens].rows[position%BlockTokens]
	if c.targets && k.target != sequence.IDs[position+1] {
		return nil
	}
	return k.row
}

// release unpins what find returned, the last block first, so that a block is never let go of before those that follow it.
func (c *cache) release(have prefix) {
	if c == nil || len(have.blocks) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range slices.Backward(have.blocks) {
		b.pins--
		c.use(b)
	}
}

// again tells whether a block with this hash was computed before, and remembers that it is now.
func (c *cache) again(hash uint64) bool {
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

// claim returns the block of these ids behind parent, and whether it is new: pinned, and to be filled. It returns nil when the block
// is being filled by a plan at work, or has no room.
func (c *cache) claim(hash uint64, parent *Block, ids [BlockTokens]int64, position int) (block *Block, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b := c.blocks[hash]; b != nil {
		switch {
		case b.parent == parent && b.ids == ids && b.ready:
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
	b := &Block{Slot: c.slot(), hash: hash, ids: ids, parent: parent, position: position, pins: 1}
	c.blocks[hash] = b
	c.push(b)
	return b, true
}

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

// settle makes claimed blocks ready, or forgets them when the forward failed.
func (c *cache) settle(keep []Keep, ok bool) {
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

// learn notes what was read of a sequence at the tokens of cached blocks: rows, one for each of sequence.Read.
func (c *cache) learn(sequence Sequence, hashes []uint64, rows [][]float32) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var parent *Block
	next := 0
	for i, hash := range hashes {
		b := c.blocks[hash]
		if b == nil || !b.ready || b.parent != parent || b.ids != blockIDs(sequence.IDs, i) {
			return
		}
		parent = b
		for ; next < len(sequence.Read) && sequence.Read[next] < (i+1)*BlockTokens; next++ {
			position := sequence.Read[next]
			k := known{row: rows[next]}
			if c.targets {
				k.target = sequence.IDs[position+1]
			}
			if place := &b.rows[position%BlockTokens]; place.row == nil || place.target != k.target {
				k.row = slices.Clone(k.row)
				*place = k
			}
		}
	}
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

// CacheStats is a snapshot of the key-value caches of all devices.
type CacheStats struct {
	Blocks   int    // held now
	Capacity int    // that it may hold
	Evicted  uint64 // blocks let go of to make room
}

func (s CacheStats) plus(t CacheStats) CacheStats {
	return CacheStats{Blocks: s.Blocks + t.Blocks, Capacity: s.Capacity + t.Capacity, Evicted: s.Evicted + t.Evicted}
}

func (c *cache) stats() CacheStats {
	if c == nil {
		return CacheStats{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheStats{Blocks: len(c.blocks), Capacity: c.capacity, Evicted: c.evicted}
}
