package rewards

import "slices"

// computed counts the tokens that were computed for readings. An item's own tokens were; of what items shared, every distinct prefix
// was, once; and tokens from the cache were not.
func computed(readings []Reading) int {
	count := 0
	var shared []prefix
	for i := range readings {
		r := &readings[i]
		if r.Err != nil {
			continue
		}
		count += r.Tokens - max(r.Shared, r.Cached)
		if r.Shared > r.Cached {
			shared = append(shared, prefix{r.encoded.IDs[:r.Shared], r.Cached})
		}
	}
	return count + distinct(shared)
}

// prefix is the shared head of an item, of which the first cached tokens were not computed.
type prefix struct {
	ids    []int64
	cached int
}

// distinct counts the tokens of the prefix tree that the prefixes make: sorted, each one adds what lies beyond its common head
// with the one before. Responses to one prompt mostly stand together, so that few prefixes are left to sort.
func distinct(prefixes []prefix) int {
	prefixes = slices.CompactFunc(prefixes, func(a, b prefix) bool { return slices.Equal(a.ids, b.ids) })
	slices.SortFunc(prefixes, func(a, b prefix) int { return slices.Compare(a.ids, b.ids) })
	count := 0
	var before []int64
	for _, p := range prefixes {
		common := 0
		for common < min(len(before), len(p.ids)) && before[common] == p.ids[common] {
			common++
		}
		count += len(p.ids) - max(common, min(p.cached, len(p.ids)))
		before = p.ids
	}
	return count
}
