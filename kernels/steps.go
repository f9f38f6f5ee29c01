package kernels

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Steps says where the steps of each item end.
type Steps struct {
	Ends   []int64 // row of the logits where a step is read; the first item's steps, then the next one's
	Counts []int   // steps of each item; they add up to len(Ends)
}

// StepLabels says which columns of a row the labels of a step are, and what its score is: "steps" in docs/BUNDLE.md.
type StepLabels struct {
	Columns []int64 // of the labels, over which a softmax goes
	Right   []int   // the labels (indices into Columns) that mean "this step is right"; their activations are added
	Output  Output
}

// StepScores has the score of every step, and of every item what its steps' scores come to.
type StepScores[F float32 | float64] struct {
	Scores                   []F // one a step
	Min, Product, Mean, Last []F // one an item; NaN where it has no step
}

func checkSteps(logits Tensor, steps Steps, labels StepLabels) error {
	if err := logits.Check("logits"); err != nil {
		return err
	}
	total := 0
	for i, count := range steps.Counts {
		if count < 0 {
			return fmt.Errorf("steps: item %d has %d steps", i, count)
		}
		total += count
	}
	if total != len(steps.Ends) {
		return fmt.Errorf("steps: the items have %d steps, and %d ends are given", total, len(steps.Ends))
	}
	if len(labels.Right) == 0 {
		return errors.New("labels: none means right")
	}
	for i, column := range labels.Columns {
		if !in(column, logits.Cols) {
			return fmt.Errorf("labels: label %d is column %d, and logits have %d", i, column, logits.Cols)
		}
	}
	for i, right := range labels.Right {
		if !in(int64(right), len(labels.Columns)) || slices.Contains(labels.Right[:i], right) {
			return fmt.Errorf("labels: label %d means right, and must be below %d and named once", right, len(labels.Columns))
		}
	}
	if labels.Output < Plain || labels.Output > Softmax {
		return fmt.Errorf("labels: output %d is unknown", labels.Output)
	}
	return nil
}

// StepPool reads the labels where steps end and pools the scores of each item.
//
// logits is (rows, width), on the host. A step's score is the sum of its right labels' activations; an end outside the rows, or a row that
// has no softmax, gives NaN, and so do the pools of its item (the last only if it is the last). A backend's product is float32, which
// scores far over 1 may leave. Product and min are the poolings of Lightman et al., "Let's Verify Step by Step", 2023, and of Wang et al.,
// "Math-Shepherd", 2023; last is that of Snell et al., "Scaling LLM Test-Time Compute Optimally", 2024.
func StepPool(logits Tensor, steps Steps, labels StepLabels) (StepScores[float64], error) {
	if err := checkSteps(logits, steps, labels); err != nil {
		return StepScores[float64]{}, err
	}
	if err := logits.onHost("logits"); err != nil {
		return StepScores[float64]{}, err
	}
	var out StepScores[float64]
	for _, end := range steps.Ends {
		out.Scores = append(out.Scores, labels.score(logits, end))
	}
	first := 0
	for _, count := range steps.Counts {
		least, product, sum, last := math.Inf(1), 1.0, 0.0, math.NaN()
		for _, score := range out.Scores[first : first+count] {
			least, product, sum, last = min(least, score), product*score, sum+score, score
		}
		if count == 0 {
			least, product, sum = last, last, last
		}
		out.Min, out.Product = append(out.Min, least), append(out.Product, product)
		out.Mean, out.Last = append(out.Mean, sum/float64(count)), append(out.Last, last)
		first += count
	}
	return out, nil
}

func (l StepLabels) score(logits Tensor, end int64) float64 {
	if !in(end, logits.Rows) {
		return math.NaN()
	}
	row := logits.row(int(end))
	values := make([]float64, len(l.Columns))
	for i, column := range l.Columns {
		values[i] = row[column]
	}
	l.Output.apply(values)
	sum := 0.0
	for _, right := range l.Right {
		sum += values[right]
	}
	return sum
}
