package agreement

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/assay-rm/assay/rewards/ops"
)

// MostParts is how many parts [Shapley] takes: 4,096 coalitions.
const MostParts = 12

// Coalition is a set of parts: bit i is set where part i is in it.
type Coalition uint64

// Shapley shares the value of all parts out: part i gets Σ over the coalitions S without it of
// |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S)). The shares sum to v(all) − v(none). values[s] is the value of coalition
// s, so that there are 2^n of them, n ≤ [MostParts]. (Shapley, 1953; Mohammadi, "Explaining Large Language Models
// Decisions Using Shapley Values", 2024, where the parts are those of a prompt.)
func Shapley(values []float64) ([]float64, error) {
	n := 0
	for 1<<n < len(values) {
		n++
	}
	if len(values) != 1<<n || n > MostParts {
		return nil, fmt.Errorf("there are %d values, and must be 2^n of them for n parts, n ≤ %d", len(values), MostParts)
	}
	weights := make([]float64, n) // of coalitions of each size: 1 / (n · choose(n − 1, size))
	for size, weight := 0, 1/float64(n); size < n; size++ {
		weights[size] = weight
		weight *= float64(size+1) / float64(n-1-size)
	}
	shares := make([]float64, n)
	for i := range shares {
		terms := make([]float64, 0, len(values)/2)
		for s := range values {
			if s&(1<<i) == 0 {
				terms = append(terms, weights[bits.OnesCount(uint(s))]*(values[s|1<<i]-values[s]))
			}
		}
		shares[i] = ops.Mean(terms) * float64(len(terms)) // summed with compensation
	}
	return shares, nil
}

// Orders draws orders of n parts, for [ShapleySampled]; one seed gives the same orders every time.
func Orders(n, orders int, seed uint64) [][]int {
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	all := make([][]int, orders)
	for i := range all {
		all[i] = random.Perm(n)
	}
	return all
}

// Coalitions are those whose values [ShapleySampled] needs: of each order its beginnings, from none to all. Each is
// there once. There may be 64 parts.
func Coalitions(orders [][]int) []Coalition {
	var needed []Coalition
	seen := map[Coalition]bool{}
	for _, order := range orders {
		s := Coalition(0)
		for at := 0; ; at++ {
			if !seen[s] {
				seen[s] = true
				needed = append(needed, s)
			}
			if at == len(order) {
				break
			}
			s |= 1 << order[at]
		}
	}
	return needed
}

// ShapleySampled estimates the shares of [Shapley] by the mean of what each part adds where it joins, over the orders,
// and gives the standard error of each estimate (of two orders or more; 0 of one). The shares sum to v(all) − v(none)
// here too. (Štrumbelj and Kononenko, 2014.)
func ShapleySampled(orders [][]int, values map[Coalition]float64) (shares, errs []float64, err error) {
	if len(orders) == 0 {
		return nil, nil, errors.New("there is no order")
	}
	n := len(orders[0])
	added := make([][]float64, n)
	for _, order := range orders {
		s := Coalition(0)
		for _, part := range order {
			before, known := values[s]
			s |= 1 << part
			after, also := values[s]
			if !known || !also {
				return nil, nil, fmt.Errorf("coalition %b has no value", s)
			}
			added[part] = append(added[part], after-before)
		}
	}
	shares, errs = make([]float64, n), make([]float64, n)
	for i, one := range added {
		mean, deviation, err := Ensemble(one)
		if err != nil {
			return nil, nil, err
		}
		shares[i] = mean
		if m := float64(len(one)); m > 1 {
			errs[i] = deviation / math.Sqrt(m-1)
		}
	}
	return shares, errs, nil
}
