package batching

import "hash/maphash"

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
