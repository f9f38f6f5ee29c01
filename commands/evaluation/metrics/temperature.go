package metrics

import (
	"errors"
	"math/rand/v2"

	"github.com/assay-rm/assay/rewards/ops"
)

// Bounds of a temperature that is fitted.
const (
	coldest = 1e-3
	hottest = 1e3
)

// FitTemperature finds the T that makes the pairs most likely, where the chosen response is preferred with the
// probability sigmoid(margin / T) (Guo et al., 2017): the one root of the derivative by 1 / T, since the loss is convex
// in it. It fails where that T is not between 0.001 and 1000, as where every margin is of the chosen response.
func FitTemperature(margins []float64) (float64, error) {
	slope := func(inverse float64) float64 { // of the mean log loss
		sum := 0.0
		for _, m := range margins {
			sum -= m * ops.Sigmoid(-m*inverse)
		}
		return sum
	}
	low, high := 1/hottest, 1/coldest
	switch {
	case len(margins) == 0:
		return 0, errors.New("there is no pair to fit to")
	case slope(low) >= 0:
		return 0, errors.New("no positive temperature below 1000 fits: the model prefers the rejected responses as much as the chosen ones")
	case slope(high) <= 0:
		return 0, errors.New("no temperature above 0.001 fits: the model prefers the chosen response of nearly every pair")
	}
	for range 200 { // more halvings than a float64 can tell apart
		if middle := low + (high-low)/2; slope(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return 2 / (low + high), nil
}

// Halves splits n things in two by a seeded shuffle: the first half has n/2, the second one the rest.
func Halves(n int, seed uint64) (first, second []int) {
	order := rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)
	return order[:n/2], order[n/2:]
}
