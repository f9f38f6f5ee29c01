package metrics

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// Bounds of a temperature that is fitted.
const (
	coldest = 1e-3
	hottest = 1e3
)

// fitTemperature finds the T that makes the pairs most likely, where the chosen response is preferred with the
// probability sigmoid(margin / T) (Guo et al., 2017): the one root of the derivative by 1 / T, since the loss is convex
// in it. It fails where that T is not between 0.001 and 1000, as where every margin is of the chosen response.
func fitTemperature(margins []float64) (float64, error) {
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

// Proof is a temperature with what it does on pairs that it was not fitted to.
type Proof struct {
	Temperature float64 `json:"temperature"`
	Fitted      int     `json:"fitted"` // pairs that it was fitted to
	Held        int     `json:"held"`   // pairs of the proof
	LogLoss     Change  `json:"log_loss"`
	ECE         Change  `json:"ece"`
}

// Change is a metric before and after, and the interval that 95 % of the bootstrap's draws put around what it fell by.
type Change struct {
	Before float64    `json:"before"`
	After  float64    `json:"after"`
	Gain   [2]float64 `json:"gain"`
}

// Calibrate fits a temperature to half of the pairs, split by the seed, and proves it on the others. It fails where the
// log loss of those does not fall.
func Calibrate(margins []float64, draws int, seed uint64) (Proof, error) {
	first, second := halves(len(margins), seed)
	fitted := make([]float64, len(first))
	for i, at := range first {
		fitted[i] = margins[at]
	}
	temperature, err := fitTemperature(fitted)
	if err != nil {
		return Proof{}, err
	}
	family := both(temperature)
	held := &samples.Sample{Family: family}
	for _, at := range second {
		held.Add([]float64{margins[at]})
	}
	proof := Proof{Temperature: temperature, Fitted: len(first), Held: len(second)}
	total, changes := held.Total(), []*Change{&proof.LogLoss, &proof.ECE}
	for i, change := range changes {
		change.Before, change.After = family.Metrics[2*i].Of(total).Value, family.Metrics[2*i+1].Of(total).Value
	}
	if proof.LogLoss.After >= proof.LogLoss.Before {
		return Proof{}, fmt.Errorf("the temperature %.4g proves nothing: on the %d pairs that it was not fitted to, the log loss goes from %.6g to %.6g",
			temperature, len(second), proof.LogLoss.Before, proof.LogLoss.After)
	}
	gains := [2][]float64{}
	samples.Resample([]*samples.Sample{held}, draws, seed, func(_ int, sums [][]float64) {
		for i := range gains {
			gains[i] = append(gains[i], family.Metrics[2*i].Of(sums[0]).Value-family.Metrics[2*i+1].Of(sums[0]).Value)
		}
	})
	for i, change := range changes {
		change.Gain = [2]float64{samples.Percentile(gains[i], 0.025), samples.Percentile(gains[i], 0.975)}
	}
	return proof, nil
}

// both is a family of margins alone: log loss before and after, then ECE before and after.
func both(temperature float64) *samples.Family {
	pairs := Pairs()
	lossOf, eceOf := pairs.Metrics[1].Of, pairs.Metrics[2].Of
	before := func(of func([]float64) ops.Maybe) samples.Metric {
		return samples.Metric{Of: func(sums []float64) ops.Maybe { return of(sums[:pairs.Sums]) }}
	}
	after := func(of func([]float64) ops.Maybe) samples.Metric {
		return samples.Metric{Of: func(sums []float64) ops.Maybe { return of(sums[pairs.Sums:]) }}
	}
	return &samples.Family{
		Width: 1, Sums: 2 * pairs.Sums, Metrics: []samples.Metric{before(lossOf), after(lossOf), before(eceOf), after(eceOf)},
		Add: func(sums, unit []float64) {
			pairs.Add(sums[:pairs.Sums], Pair(unit[0] > 0, unit[0]))
			pairs.Add(sums[pairs.Sums:], Pair(unit[0] > 0, unit[0]/temperature))
		},
	}
}

// halves splits n things in two by a seeded shuffle: the first half has n/2, the second one the rest.
func halves(n int, seed uint64) (first, second []int) {
	order := rand.New(rand.NewPCG(seed, uint64(n))).Perm(n)
	return order[:n/2], order[n/2:]
}
