package batching

import (
	"hash/maphash"
	"slices"
)

// chainSeed makes hashes differ from process to process, so that nobody can look for two prefixes of one hash.
var chainSeed = maphash.MakeSeed()

type link struct {
	before uint64
	ids    [BlockTokens]int64
}

// chained is a sequence with the hashes of its prefixes, made before the batcher's mutex is taken: by them sequences
// are compared without a look at the ids that they have in common, however many these are.
type chained struct {
	sequence Sequence
	hashes   []uint64 // of every prefix that ends with a block; equal ids of two spaces have different ones
}

func newChained(sequence Sequence) chained {
	c := chained{sequence: sequence}
	if len(sequence.IDs) < BlockTokens {
		return c
	}
	c.hashes = make([]uint64, len(sequence.IDs)/BlockTokens)
	before := uint64(0)
	if sequence.Space != (Space{}) {
		before = maphash.Comparable(chainSeed, sequence.Space)
	}
	for i := range c.hashes {
		before = maphash.Comparable(chainSeed, link{before, blockIDs(sequence.IDs, i)})
		c.hashes[i] = before
	}
	return c
}

func blockIDs(ids []int64, block int) [BlockTokens]int64 {
	return [BlockTokens]int64(ids[block*BlockTokens:])
}

// compare orders by space, then by ids, so that neighbours share the longest prefixes. It takes blocks of one hash
// for equal: whoever merges two sequences asks [chained.equal] too.
func (c *chained) compare(d *chained) int {
	if order := c.sequence.Space.compare(d.sequence.Space); order != 0 {
		return order
	}
	common := c.commonBlocks(d) * BlockTokens
	return slices.Compare(c.sequence.IDs[common:], d.sequence.IDs[common:])
}

// equal tells whether both have the same ids in the same space. It looks at every id of equal ones.
func (c *chained) equal(d *chained) bool {
	return c.sequence.Space == d.sequence.Space && slices.Equal(c.sequence.IDs, d.sequence.IDs)
}

// commonTokens returns how many leading tokens of both are one and the same.
func (c *chained) commonTokens(d *chained) int {
	if c.sequence.Space != d.sequence.Space {
		return 0
	}
	common := c.commonBlocks(d) * BlockTokens
	return common + commonPrefix(c.sequence.IDs[common:], d.sequence.IDs[common:])
}

// commonBlocks returns how many leading blocks have the same hash, by bisection: chains that part do not meet again.
func (c *chained) commonBlocks(d *chained) int {
	low, high := 0, min(len(c.hashes), len(d.hashes))
	if high > 0 && c.hashes[0] != d.hashes[0] {
		return 0
	}
	for low < high {
		middle := int(uint(low+high) >> 1)
		if c.hashes[middle] == d.hashes[middle] {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
