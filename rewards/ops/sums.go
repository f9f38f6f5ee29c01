package ops

import (
	"math"
	"slices"
)

// Mean is the mean of at least one value, summed with compensation (Neumaier), and never outside of the values' range.
// The sum must not overflow.
func Mean(values []float64) float64 {
	sum, lost := 0.0, 0.0
	for _, x := range values {
		t := sum + x
		if math.Abs(sum) >= math.Abs(x) {
			lost += (sum - t) + x
		} else {
			lost += (x - t) + sum
		}
		sum = t
	}
	return min(max((sum+lost)/float64(len(values)), slices.Min(values)), slices.Max(values))
}

// Product is the product of the values; of none it is 1.
func Product(values []float64) float64 {
	product := 1.0
	for _, v := range values {
		product *= v
	}
	return product
}

// LogRatio sums log-probabilities over the tokens of a response, rows (tokens, 1), or their differences to a
// reference's, rows (tokens, 2); mean divides by the number of tokens. Of no tokens it is 0.
func LogRatio(rows [][]float64, mean bool) float64 {
	if len(rows) == 0 {
		return 0
	}
	sum := 0.0
	for _, row := range rows {
		sum += row[0]
		if len(row) > 1 {
			sum -= row[1]
		}
	}
	if mean {
		return sum / float64(len(rows))
	}
	return sum
}

// FirstBelow is the index of the first value below the threshold, -1 when there is none.
func FirstBelow(values []float64, threshold float64) int {
	return slices.IndexFunc(values, func(v float64) bool { return v < threshold })
}
