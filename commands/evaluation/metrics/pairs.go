// Package metrics computes what published evaluations report: shares, F1, ranks and calibration, from plain numbers
// that models gave, without knowing any model. Each kind of unit has its [samples.Family].
package metrics

import (
	"math"

	"github.com/assay-rm/assay/commands/evaluation/samples"
	"github.com/assay-rm/assay/rewards/ops"
)

// bins is how many bins of equal width a reliability curve has. A pair's confidence is the probability of the response
// that is preferred, between 0.5 and 1, so that a bin is 0.05 wide.
const bins = 10

// Sums of pairs; behind them come the bins, of each how many pairs, how many of them right and their confidence.
const (
	pairN, pairHits, pairLoss, pairBins = 0, 1, 2, 3
	binN, binHits, binConfidence        = 0, 1, 2
	binSums                             = 3
)

// Pair is the unit of a pair: whether the chosen response scored higher, and the log-odds that it is preferred.
func Pair(hit bool, margin float64) []float64 { return []float64{one(hit), margin} }

// Pairs is the family of [Pair]: accuracy, log loss and the expected calibration error (Guo et al., On Calibration of
// Modern Neural Networks, 2017) of the probability sigmoid(margin). A margin of 0 is half right in the calibration, and
// what Pair says in the accuracy.
func Pairs() *samples.Family {
	return &samples.Family{
		Width: 2, Sums: pairBins + bins*binSums,
		Add: func(sums, unit []float64) {
			sums[pairN]++
			sums[pairHits] += unit[0]
			sums[pairLoss] -= ops.LogSigmoid(unit[1])
			confidence := ops.Sigmoid(math.Abs(unit[1]))
			bin := sums[pairBins+binSums*min(int((confidence-0.5)*2*bins), bins-1):]
			bin[binN]++
			bin[binHits] += right(unit[1])
			bin[binConfidence] += confidence
		},
		Metrics: []samples.Metric{
			samples.Share("accuracy", pairHits, pairN),
			detail(samples.Share("log_loss", pairLoss, pairN)),
			{Name: "ece", N: pairN, Of: calibrationError, Detail: true},
		},
	}
}

func one(hit bool) float64 {
	if hit {
		return 1
	}
	return 0
}

// right is 1 where the margin is of the chosen response, 0 where it is of the other, and 0.5 between the two.
func right(margin float64) float64 {
	switch {
	case margin > 0:
		return 1
	case margin < 0:
		return 0
	}
	return 0.5
}

// calibrationError is Σ n_b / n · |accuracy of bin b − its mean confidence|.
func calibrationError(sums []float64) ops.Maybe {
	off := 0.0
	for b := range bins {
		bin := sums[pairBins+binSums*b:]
		off += math.Abs(bin[binHits] - bin[binConfidence])
	}
	return samples.Ratio(off, sums[pairN])
}

// Bin is one place of a reliability curve.
type Bin struct {
	Low        float64  `json:"low"`  // confidences from here on
	High       float64  `json:"high"` // up to here; the last bin has 1 too
	Count      int      `json:"count"`
	Confidence *float64 `json:"confidence,omitempty"` // mean of the bin
	Accuracy   *float64 `json:"accuracy,omitempty"`
}

// Reliability is the curve of the sums of [Pairs].
func Reliability(sums []float64) []Bin {
	curve := make([]Bin, bins)
	for b := range curve {
		bin := sums[pairBins+binSums*b:]
		confidence, accuracy := samples.Ratio(bin[binConfidence], bin[binN]), samples.Ratio(bin[binHits], bin[binN])
		curve[b] = Bin{
			Low: 0.5 + float64(b)/(2*bins), High: 0.5 + float64(b+1)/(2*bins), Count: int(bin[binN]),
			Confidence: confidence.Pointer(), Accuracy: accuracy.Pointer(),
		}
	}
	return curve
}

// detail is a metric that a table has of a whole file alone.
func detail(m samples.Metric) samples.Metric {
	m.Detail = true
	return m
}
