package rewards

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
)

// ScoreRequest asks how good each item is.
type ScoreRequest struct {
	Common
	Scoring
	Items []models.Item `json:"items" minItems:"1" nullable:"false" doc:"Each in exactly one form: messages, prompt with response, text, or input_ids"`
}

// ScoreAnswer has one result per item, in order.
type ScoreAnswer struct {
	Answering
	Activation Activation    `json:"activation" doc:"As asked"`
	Results    []ScoreResult `json:"results" nullable:"false"`
}

// ScoreResult is an item's score or its problem.
type ScoreResult struct {
	Score  *float64           `json:"score,omitempty" doc:"The raw output after the transforms"`
	Raw    *float64           `json:"raw,omitempty" doc:"The graph's output, untouched"`
	Scores map[string]float64 `json:"scores,omitempty" doc:"Score of each label, where the model has several"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there is no score"`
}

// Size is the number of items that the request reads.
func (r *ScoreRequest) Size() int { return len(r.Items) }

// Problems lists each item's problem, nil where it has a score.
func (a *ScoreAnswer) Problems() []*Problem { return problemsOf(a.Results) }

// Score reads every item under one reward model. Its error is of the whole request; [ProblemOf] explains it.
func (e *Engine) Score(ctx context.Context, request ScoreRequest) (ScoreAnswer, error) {
	start := time.Now()
	if len(request.Items) == 0 {
		return ScoreAnswer{}, invalid("items: must hold at least one item")
	}
	scored, err := e.score(ctx, request.Common, request.Scoring, request.Items)
	if err != nil {
		return ScoreAnswer{}, err
	}
	return ScoreAnswer{
		Answering:  answering(scored.info, scored.outcomes, scored.rule.transforms(), start),
		Activation: scored.rule.activation,
		Results:    scored.results,
	}, nil
}

// scored is what score, rank and compare have in common.
type scored struct {
	info     models.Info
	rule     rule
	outcomes []outcome
	results  []ScoreResult
}

func (e *Engine) score(ctx context.Context, common Common, scoring Scoring, items []models.Item) (*scored, error) {
	if err := common.check(); err != nil {
		return nil, err
	}
	if err := scoring.check(); err != nil {
		return nil, err
	}
	m, err := e.model(common.Model, models.Reward)
	if err != nil {
		return nil, err
	}
	info := m.Info()
	rule, err := newRule(info.Manifest, scoring)
	if err != nil {
		return nil, err
	}
	outcomes, err := read(ctx, m, items, common)
	if err != nil {
		return nil, err
	}
	results := make([]ScoreResult, len(outcomes))
	for i := range outcomes {
		results[i] = rule.result(&outcomes[i])
	}
	return &scored{info, rule, outcomes, results}, nil
}

// rule is how a row of logits becomes a score: normalised by the manifest, then activated as the request asks.
type rule struct {
	labels     []string
	show       int // index of the label that score and raw show
	mean, std  float64
	activation Activation
}

func newRule(manifest models.Manifest, scoring Scoring) (rule, error) {
	r := rule{labels: manifest.Graph.Labels, mean: manifest.Head.Mean, std: 1, activation: scoring.Activation}
	if manifest.Head.Std != nil {
		r.std = *manifest.Head.Std
	}
	if scoring.Label != "" {
		r.show = slices.Index(r.labels, scoring.Label)
	}
	switch {
	case r.show < 0:
		return rule{}, NewProblem(CodeLabel, "label: %q is none of the labels %q of model %q", scoring.Label, r.labels, manifest.Name)
	case r.activation == ActivationSoftmax && len(r.labels) == 1:
		return rule{}, NewProblem(CodeActivation,
			"activation: softmax over the single label of model %q is 1 whatever the item; ask for sigmoid or none", manifest.Name)
	}
	return r, nil
}

// transforms names what the rule applies, in order.
func (r rule) transforms() []string {
	var names []string
	if r.mean != 0 || r.std != 1 {
		names = append(names, fmt.Sprintf("mean %g std %g", r.mean, r.std))
	}
	if r.activation != ActivationNone {
		names = append(names, string(r.activation))
	}
	return names
}

// apply turns logits (labels) into scores (labels).
func (r rule) apply(logits []float64) []float64 {
	scores := slices.Clone(logits)
	for i := range scores {
		if r.mean != 0 || r.std != 1 {
			scores[i] = Normalize(scores[i], r.mean, r.std)
		}
		if r.activation == ActivationSigmoid {
			scores[i] = Sigmoid(scores[i])
		}
	}
	if r.activation == ActivationSoftmax {
		scores = Softmax(scores)
	}
	return scores
}

func (r rule) result(o *outcome) ScoreResult {
	if o.problem != nil {
		return ScoreResult{Error: o.problem}
	}
	if len(o.reading.Rows) != 1 {
		return ScoreResult{Error: NewProblem(CodeInternal, "the model gave %d rows of one item", len(o.reading.Rows))}
	}
	logits, problem := widen(o.reading.Rows[0], r.labels)
	if problem != nil {
		return ScoreResult{Error: problem}
	}
	scores := r.apply(logits)
	if i := slices.IndexFunc(scores, func(x float64) bool { return !finite(x) }); i >= 0 {
		return ScoreResult{Error: notFinite(r.labels[i], scores[i], "after the transforms")}
	}
	result := ScoreResult{Score: &scores[r.show], Raw: &logits[r.show], Tokens: o.tokens()}
	if len(r.labels) > 1 {
		result.Scores, result.Logits = named(r.labels, scores), named(r.labels, logits)
	}
	return result
}

// widen gives the row in float64, which holds every float32 exactly, or the problem that makes it unusable.
func widen(row []float32, labels []string) ([]float64, *Problem) {
	if len(row) != len(labels) {
		return nil, NewProblem(CodeInternal, "the model gave %d values for %d labels", len(row), len(labels))
	}
	wide := make([]float64, len(row))
	for i, x := range row {
		wide[i] = float64(x)
		if !finite(wide[i]) {
			return nil, notFinite(labels[i], wide[i], "out of the graph")
		}
	}
	return wide, nil
}

func notFinite(label string, value float64, where string) *Problem {
	return NewProblem(models.CodeNotFinite, "label %q is %g %s", label, value, where)
}

func named(labels []string, values []float64) map[string]float64 {
	of := make(map[string]float64, len(labels))
	for i, label := range labels {
		of[label] = values[i]
	}
	return of
}

func problemsOf(results []ScoreResult) []*Problem {
	problems := make([]*Problem, len(results))
	for i := range results {
		problems[i] = results[i].Error
	}
	return problems
}
