package batching

import "math/bits"

// sizeBuckets is how many sizes [Sizes] tells apart: 1, 2, 4 and so on up to 65536, and what is larger.
const sizeBuckets = 18

// Sizes counts forwards by their size.
type Sizes struct {
	Counts [sizeBuckets]uint64 // of each size, those of at most 1<<i and more than half of it; the last: all that are larger
	Sum    uint64              // of all sizes
}

func (s *Sizes) add(size int) {
	s.Counts[min(bits.Len(uint(max(1, size)-1)), sizeBuckets-1)]++
	s.Sum += uint64(size)
}

// UpTo gives, for each bound, how many forwards were of at most that size; and how many there were.
func (s *Sizes) UpTo() (bounds map[float64]uint64, all uint64) {
	bounds = make(map[float64]uint64, sizeBuckets-1)
	for i, count := range s.Counts {
		if all += count; i < sizeBuckets-1 {
			bounds[float64(uint(1)<<i)] = all
		}
	}
	return bounds, all
}
