// Package samples keeps what is observed of rows, adds it up, and draws it anew for the intervals of a bootstrap.
//
// What is observed of one row, or of the rows that belong together, is a unit: a few numbers. A [Family] says how units
// are added up and which metrics their sums have. As every metric is a function of sums, the same code computes it of a
// file and of each of its draws.
package samples

import "github.com/assay-rm/assay/rewards/ops"

// Family is a kind of unit with its metrics.
type Family struct {
	Width   int                        // numbers of a unit
	Sums    int                        // numbers that units are added up to
	Add     func(sums, unit []float64) // adds one unit
	Metrics []Metric
}

// Metric is one number of the sums of many units.
type Metric struct {
	Name   string
	Of     func(sums []float64) ops.Maybe // missing where it is not defined, as a share of nothing is
	N      int                            // index of the sum that counts what the metric is of
	Detail bool                           // a table for people has it of a whole file alone
}

// Sample is the units of one split, Width numbers each, one behind the other.
type Sample struct {
	Family *Family
	units  []float64
}

// Add takes one unit, which must have the family's width.
func (s *Sample) Add(unit []float64) {
	if len(unit) != s.Family.Width {
		panic("samples: a unit of another family")
	}
	s.units = append(s.units, unit...)
}

// Len is the number of units.
func (s *Sample) Len() int { return len(s.units) / s.Family.Width }

// Unit is one unit, which shares the sample's memory.
func (s *Sample) Unit(i int) []float64 {
	width := s.Family.Width
	return s.units[i*width : (i+1)*width : (i+1)*width]
}

// Total adds all units up.
func (s *Sample) Total() []float64 {
	sums := make([]float64, s.Family.Sums)
	for i := range s.Len() {
		s.Family.Add(sums, s.Unit(i))
	}
	return sums
}

// Plus adds the sums of several samples of one family.
func Plus(all ...[]float64) []float64 {
	sums := make([]float64, len(all[0]))
	for _, one := range all {
		for i, x := range one {
			sums[i] += x
		}
	}
	return sums
}

// Mean is the mean of the numbers that are there, missing where none is.
func Mean(values ...ops.Maybe) ops.Maybe {
	sum, n := 0.0, 0.0
	for _, v := range values {
		if v.Known {
			sum, n = sum+v.Value, n+1
		}
	}
	return Ratio(sum, n)
}

// Ratio is missing where nothing was counted.
func Ratio(of, n float64) ops.Maybe {
	if n == 0 {
		return ops.Maybe{}
	}
	return ops.Some(of / n)
}

// Share is the metric sums[of] / sums[n].
func Share(name string, of, n int) Metric {
	return Metric{Name: name, N: n, Of: func(sums []float64) ops.Maybe { return Ratio(sums[of], sums[n]) }}
}
