package runs

// distinct is how many values are counted at once.
const distinct = 32

// repeated finds the value that a stream repeats most (Misra and Gries 1982). Its count is exact while there are at
// most [distinct] values; else it is too low by at most one in every distinct + 1 values. Numbers that hardly repeat
// count 1 or nothing.
type repeated struct {
	counts map[float64]int
}

func (r *repeated) add(x float64) {
	if r.counts == nil {
		r.counts = make(map[float64]int, distinct)
	}
	if _, there := r.counts[x]; there || len(r.counts) < distinct {
		r.counts[x]++
		return
	}
	for value, count := range r.counts {
		if count == 1 {
			delete(r.counts, value)
			continue
		}
		r.counts[value] = count - 1
	}
}

// most is the value with the largest count, the least of equal ones.
func (r *repeated) most() (value float64, count int) {
	for x, n := range r.counts {
		if n > count || n == count && x < value {
			value, count = x, n
		}
	}
	return value, count
}
