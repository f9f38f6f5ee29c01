package state

import (
	"encoding/json"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/assay-rm/assay/rewards/ops"
)

// quantiles keeps some of the values seen, and gives their quantile: the reference reward of a prompt in "Transforming
// and Combining Rewards for Aligning Large Language Models" (Wang et al., 2024), as the quantile of what is kept
// (empirical) or of a normal distribution with the mean and deviation of all that was seen.
type quantiles struct{}

const (
	keepSample = "sample"
	keepLast   = "last"
)

// sample is a cell of quantiles.
type sample struct {
	Seen moments   `json:"seen"` // all values, kept or not
	Kept []float64 `json:"kept"` // keepLast: value n at place n modulo the capacity
}

func (quantiles) check(s *Spec) error {
	if err := setWithin("capacity", &s.Capacity, 256, mostCapacity); err != nil {
		return err
	}
	if err := setWord("keep", &s.Keep, keepSample, keepLast); err != nil {
		return err
	}
	if s.Keep == keepLast && s.Seed != 0 {
		return invalid("seed", "is of keep: sample")
	}
	return setNumber("quantile", &s.Quantile, 0.85, 1)
}

func (quantiles) apply(s *Spec, before json.RawMessage, u *Update) (any, error) {
	if err := u.only(Quantiles, "values"); err != nil {
		return nil, err
	}
	if err := numbersWithin("values", u.Values); err != nil {
		return nil, err
	}
	c, err := cellOf[sample](before)
	if err != nil {
		return nil, err
	}
	for _, x := range u.Values {
		at := s.place(c.Seen.Count)
		c.Seen.add(x)
		switch {
		case len(c.Kept) < s.Capacity:
			c.Kept = append(c.Kept, x)
		case at < s.Capacity:
			c.Kept[at] = x
		}
	}
	if !ops.Finite(c.Seen.Mean) || !ops.Finite(c.Seen.Squares) {
		return nil, overflow("values")
	}
	return c, nil
}

// place is where value n, counted from 0, goes among those kept; it is not kept where the place is at the capacity or
// beyond. For a sample it is uniform below n + 1 (Vitter's algorithm R), drawn from the seed and n alone, so that it
// does not matter how the values were split into updates.
func (s *Spec) place(n int64) int {
	if s.Keep == keepLast {
		return int(n % int64(s.Capacity))
	}
	high, _ := bits.Mul64(mix(s.Seed, uint64(n)), uint64(n)+1)
	return int(high)
}

// mix is SplitMix64: number n of the generator that the seed starts.
func mix(seed, n uint64) uint64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (quantiles) read(s *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Quantiles, "quantile"); err != nil {
		return Reading{}, err
	}
	c, err := cellOf[sample](cell)
	if err != nil {
		return Reading{}, err
	}
	share := s.Quantile
	if q.Quantile != nil {
		share = q.Quantile
	}
	if err := setNumber("quantile", &share, 0, 1); err != nil {
		return Reading{}, err
	}
	numbers := c.Seen.numbers()
	numbers["kept"], numbers["quantile"], numbers["normal"] = ops.Some(float64(len(c.Kept))), quantile(c.Kept, *share), ops.Maybe{}
	if deviation := numbers["sample_deviation"]; deviation.Known && *share > 0 && *share < 1 {
		// The mean of huge values may lie so far out that this does not.
		if x := c.Seen.Mean + distuv.UnitNormal.Quantile(*share)*deviation.Value; ops.Finite(x) {
			numbers["normal"] = ops.Some(x)
		}
	}
	return Reading{Numbers: numbers}, nil
}

// quantile is the empirical one, linear between the two values next to it, as numpy.quantile has it by default.
func quantile(values []float64, share float64) ops.Maybe {
	if len(values) == 0 {
		return ops.Maybe{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := share * float64(len(sorted)-1)
	low := min(int(at), len(sorted)-1)
	high := min(low+1, len(sorted)-1)
	part := at - math.Floor(at)
	return ops.Some(sorted[low]*(1-part) + sorted[high]*part)
}

func (quantiles) prove(s *Spec, cell json.RawMessage) (any, error) {
	c, err := cellOf[sample](cell)
	if err != nil {
		return nil, err
	}
	if err := c.Seen.prove(); err != nil {
		return nil, err
	}
	if want := min(c.Seen.Count, int64(s.Capacity)); int64(len(c.Kept)) != want {
		return nil, invalid("value", "%d values are kept of %d seen, and the capacity is %d", len(c.Kept), c.Seen.Count, s.Capacity)
	}
	return c, finites("value", c.Kept)
}
