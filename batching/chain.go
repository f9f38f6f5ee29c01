package batching

import "hash/maphash"

// chainSeed makes hashes differ from process to process, so that nobody can look for two prefixes of one hash.
var chainSeed = maphash.MakeSeed()

type link struct {
	before uint64
	ids    [BlockTokens]int64
}

// chain returns the hash of every prefix of a sequence that ends with a block, nil without a cache. Equal ids of two spaces have
// different chains.
func (c *cache) chain(sequence Sequence) []uint64 {
	ids := sequence.IDs
	if c == nil || len(ids) < BlockTokens {
		return nil
	}
	hashes := make([]uint64, len(ids)/BlockTokens)
	before := uint64(0)
	if sequence.Space != (Space{}) {
		before = maphash.Comparable(chainSeed, sequence.Space)
	}
	for i := range hashes {
		before = maphash.Comparable(chainSeed, link{before, blockIDs(ids, i)})
		hashes[i] = before
	}
	return hashes
}

func blockIDs(ids []int64, block int) [BlockTokens]int64 {
	return [BlockTokens]int64(ids[block*BlockTokens:])
}
