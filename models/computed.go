package models

import (
	"slices"

	"github.com/assay-rm/assay/models/encode"
)

// computedTokens counts the tokens that were computed for items that have a reading: an item's own; of what items
// shared, every distinct prefix once; of what was cached, none. whole: a token's row is of its whole sequence, so that
// only sequences that are the same share anything, and those that begin alike nothing.
func computedTokens(items []encode.Encoded, readings []Reading, whole bool) int {
	computed := 0
	var shared []prefix
	for k := range readings {
		ids, r := items[k].IDs, &readings[k]
		if r.Err != nil {
			continue
		}
		computed += len(ids) - max(r.Shared, r.Cached)
		if r.Shared > r.Cached {
			shared = append(shared, prefix{ids[:r.Shared], r.Cached})
		}
	}
	return computed + distinctTokens(shared, whole)
}

// prefix is the shared head of an item, of which the first cached tokens were not computed.
type prefix struct {
	ids    []int64
	cached int
}

// distinctTokens counts the tokens of the prefix tree that the prefixes make: sorted, each one adds what lies beyond
// its common head with the one before. Responses to one prompt mostly stand together, so that few prefixes are left to
// sort.
func distinctTokens(prefixes []prefix, whole bool) int {
	prefixes = slices.CompactFunc(prefixes, func(a, b prefix) bool { return slices.Equal(a.ids, b.ids) })
	slices.SortFunc(prefixes, func(a, b prefix) int { return slices.Compare(a.ids, b.ids) })
	count := 0
	var before []int64
	for _, p := range prefixes {
		common := 0
		for common < min(len(before), len(p.ids)) && before[common] == p.ids[common] {
			common++
		}
		if whole && !slices.Equal(before, p.ids) {
			common = 0
		}
		count += len(p.ids) - max(common, min(p.cached, len(p.ids)))
		before = p.ids
	}
	return count
}
