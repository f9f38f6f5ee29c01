package rewards

import (
	"context"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// steps is how the rows of an item become step scores: the manifest's activation, at the labels that mean right.
type steps struct {
	*manifest.Steps

	labels     []string
	likelihood *manifest.Likelihood
}

func newSteps(m *manifest.Manifest) evaluator { return &steps{&m.Steps, m.Graph.Labels, m.Likelihood} }

func (s *steps) transforms() []string {
	names := []string{}
	if s.likelihood != nil {
		names = append(names, likelihoodName(s.likelihood))
	}
	if s.Activation != activationNone {
		names = append(names, s.Activation)
	}
	if s.tellsLabels() {
		words := make([]string, len(s.Right))
		for i, at := range s.Right {
			words[i] = s.labels[at]
		}
		names = append(names, "label "+strings.Join(words, " + "))
	}
	return names
}

// threshold is what fits the scale of the scores: the middle of probabilities, and 0 of log-ratios, above which the
// model holds a step more likely than its reference does. Of an output that was made for no scale there is none.
func (s *steps) threshold() ops.Maybe {
	switch {
	case s.Activation != activationNone:
		return ops.Some(0.5)
	case s.likelihood != nil:
		return ops.Some(0)
	}
	return ops.Maybe{}
}

// tellsLabels tells whether a step has several outputs that mean something each.
func (s *steps) tellsLabels() bool { return len(s.labels) > 1 && s.likelihood == nil }

func (s *steps) recipe(source Source, r *Request) (recipe, error) {
	return &stepping{source, r, s}, nil
}

// stepping answers a request with the steps of items.
type stepping struct {
	source  Source
	request *Request
	rule    *steps
}

func (s *stepping) needs() []need {
	r := s.request
	return []need{{source: s.source, items: r.Items, truncate: r.Truncate, refused: r.Refused}}
}

func (s *stepping) answer(_ context.Context, read []gathered) (Answer, error) {
	if err := s.within(read[0].readings); err != nil {
		return Answer{}, err
	}
	threshold := s.request.Threshold
	if !threshold.Known {
		threshold = s.rule.threshold()
	}
	results := make([]StepsResult, len(read[0].readings))
	for i := range results {
		results[i] = s.rule.result(&read[0].readings[i], threshold)
	}
	return Answer{Transforms: s.rule.transforms(), Threshold: threshold, Steps: results}, nil
}

// within holds the steps to the budget of numbers. How many they are is known only now.
func (s *stepping) within(readings []models.Reading) error {
	count, each := 0, 1
	for i := range readings {
		count += len(readings[i].Steps)
	}
	if s.rule.tellsLabels() {
		each = len(s.rule.labels)
	}
	return withinCells(s.source.Info(), count, each, "steps")
}

// result is the steps of one reading.
func (s *steps) result(reading *models.Reading, threshold ops.Maybe) StepsResult {
	rows, err := widen(reading, s.labels)
	if err != nil {
		return StepsResult{Err: err}
	}
	if err := s.fits(reading); err != nil {
		return StepsResult{Err: err}
	}
	all := make([]Step, len(reading.Steps))
	scores := make([]float64, 0, len(all))
	for k := range all {
		step := &all[k]
		if step.Token, step.End = reading.Steps[k], -1; len(reading.Ends) == len(all) {
			step.End = reading.Ends[k]
		}
		if k < s.Skip {
			continue
		}
		raw, score := s.score(rows, reading, k)
		if !ops.Finite(score) {
			return StepsResult{Err: failure.New(fault.CodeNotFinite, "step %d is %g after the transforms", k, score)}
		}
		step.Raw, step.Score = ops.Some(raw), ops.Some(score)
		scores = append(scores, score)
		if s.tellsLabels() {
			step.Logits = named(s.labels, rows[k-s.Skip])
		}
	}
	result := aggregate(scores, threshold, s.Skip)
	result.Steps, result.Tokens = all, tokensOf(reading)
	return result
}

// fits refuses a reading whose rows are not those of its steps: one for each step that has a score or, of a likelihood,
// one for each token of the response.
func (s *steps) fits(reading *models.Reading) *failure.Error {
	n, rows := len(reading.Steps), len(reading.Rows)
	ok := n > s.Skip && rows == n-s.Skip
	if s.likelihood != nil {
		ok = n > s.Skip && reading.Steps[n-1]-reading.Response < rows
	}
	if ok {
		return nil
	}
	return failure.New(failure.CodeInternal, "the model gave %d rows of %d steps", rows, n)
}

// score is step k's raw value and its score. A likelihood's rows are those of the response's tokens, one each.
func (s *steps) score(rows [][]float64, reading *models.Reading, k int) (raw, score float64) {
	if s.likelihood != nil {
		from, end := 0, reading.Steps[k]-reading.Response+1
		if !s.Accumulate && k > 0 {
			from = reading.Steps[k-1] - reading.Response + 1
		}
		raw = ops.LogRatio(rows[from:end], s.likelihood.Mean())
		return raw, activated([]float64{s.likelihood.Beta * raw}, s.Activation)[0]
	}
	row := rows[k-s.Skip]
	after := activated(row, s.Activation)
	for _, at := range s.Right {
		raw += row[at]
		score += after[at]
	}
	return raw, score
}

// aggregate sums up the scores of at least one step, the first of which is step number skip.
func aggregate(scores []float64, threshold ops.Maybe, skip int) StepsResult {
	r := StepsResult{Min: slices.Min(scores), Mean: ops.Mean(scores), Last: scores[len(scores)-1], Threshold: threshold, FirstError: -1}
	if at := ops.FirstBelow(scores, threshold.Value); threshold.Known && at >= 0 {
		r.FirstError = at + skip
	}
	if product := ops.Product(scores); ops.Finite(product) {
		r.Product = ops.Some(product)
	}
	return r
}
