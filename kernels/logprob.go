package kernels

import (
	"fmt"
	"math"
)

func checkLogProb(logits Tensor, targets []int64) error {
	if err := logits.Check("logits"); err != nil {
		return err
	}
	if len(targets) != logits.Rows {
		return fmt.Errorf("targets: there are %d, and logits have %d rows", len(targets), logits.Rows)
	}
	return nil
}

// TokenLogProb gives the log-probability, natural logarithm, of one token a row: logits[r, targets[r]] − log Σ_v e^logits[r, v].
//
// logits is (rows, vocabulary), on the host. A target outside the vocabulary gives NaN, and so does a row with NaN or +∞ or with -∞ only.
// A token whose logit is -∞ has probability 0, so its log-probability is -∞. The normalizer is the one of Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018, where a kernel computes it.
func TokenLogProb(logits Tensor, targets []int64) ([]float64, error) {
	if err := checkLogProb(logits, targets); err != nil {
		return nil, err
	}
	if err := logits.onHost("logits"); err != nil {
		return nil, err
	}
	out := make([]float64, len(targets))
	for r, target := range targets {
		out[r] = math.NaN()
		if in(target, logits.Cols) {
			row := logits.row(r)
			out[r] = row[target] - logSumExp(row)
		}
	}
	return out, nil
}
