package rewards

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// ScoreRequest asks how good each item is.
type ScoreRequest struct {
	Common
	Scoring
	Items   []encode.Item `json:"items" minItems:"1" nullable:"false" doc:"Each in exactly one form: messages, prompt with response, text, input_ids, or features"`
	Explain Explanation   `json:"explain,omitempty" enum:"gradient" doc:"Beside each score: how it moves with each feature (models that read features)"`

	OfText bool `json:"-"` // where the request names no model, one that reads text answers
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
	Raw    *float64           `json:"raw,omitempty" doc:"The value before activations, mean and std; of a plain head the graph's output, untouched"`
	Scores map[string]float64 `json:"scores,omitempty" doc:"Score of each label, where the model has several"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	*Tokens
	Gradient map[string]float64 `json:"gradient,omitempty" doc:"The derivative of the score by each feature, where the request asks for it"`
	Error    *Problem           `json:"error,omitempty" doc:"Why there is no score"`
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
	kinds := []manifest.Kind{manifest.KindReward, manifest.KindFeatures}
	if request.OfText && request.Model == "" {
		kinds = kinds[:1]
	}
	m, err := e.model(request.Model, kinds...)
	if err != nil {
		return ScoreAnswer{}, err
	}
	if err := cmp.Or(request.Common.check(), request.Explain.check(m.Info())); err != nil {
		return ScoreAnswer{}, err
	}
	if request.TimeoutMS > 0 { // for what comes after the reading too
		timed, cancel := context.WithTimeout(ctx, time.Duration(request.TimeoutMS)*time.Millisecond)
		defer cancel()
		ctx = timed
	}
	scored, err := scoreUnder(ctx, m, request.Common, request.Scoring, request.Items)
	if err != nil {
		return ScoreAnswer{}, err
	}
	if request.Explain == ExplainGradient {
		if err := scored.explain(ctx, m); err != nil {
			return ScoreAnswer{}, err
		}
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

func scoreUnder(ctx context.Context, m reader, common Common, scoring Scoring, items []encode.Item) (*scored, error) {
	if err := common.check(); err != nil {
		return nil, err
	}
	if err := scoring.check(); err != nil {
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

// rule is how the rows of an item become a score: the manifest's head, and then the activation that the request asks for.
type rule struct {
	head
	activation Activation
}

func newRule(m manifest.Manifest, scoring Scoring) (rule, error) {
	h, problem := newHead(m, scoring.Label)
	r := rule{head: h, activation: scoring.Activation}
	switch {
	case problem != nil:
		return rule{}, problem
	case r.activation == ActivationSoftmax && len(r.labels) == 1:
		return rule{}, NewProblem(CodeActivation,
			"activation: softmax over the single label of model %q is 1 whatever the item; ask for sigmoid or none", m.Name)
	case r.activation == ActivationSoftmax && r.show < 0:
		return rule{}, NewProblem(CodeActivation, "activation: softmax is over labels, and the score of model %q is made of several", m.Name)
	case r.activation == ActivationSoftmax && Activation(r.spec.Activation) != ActivationNone:
		return rule{}, NewProblem(CodeActivation, "activation: softmax of what is after a %s already", r.spec.Activation)
	}
	return r, nil
}

// transforms names what the rule applies, in order.
func (r *rule) transforms() []string {
	names := r.head.transforms()
	if r.activation != ActivationNone {
		names = append(names, string(r.activation))
	}
	return names
}

// apply turns rows (rows, labels) into raw, the score, and the score of each label of the last row.
func (r *rule) apply(rows [][]float64) (raw, score float64, scores []float64) {
	raw, score = r.value(rows)
	scores = slices.Clone(r.activated(rows[len(rows)-1]))
	if r.show < 0 {
		return raw, activated([]float64{score}, r.activation)[0], scores
	}
	if r.spec.Mean != 0 || r.spec.Std != 1 {
		for i := range scores {
			scores[i] = Normalize(scores[i], r.spec.Mean, r.spec.Std)
		}
	}
	scores = activated(scores, r.activation)
	return raw, scores[r.show], scores
}

func (r *rule) result(o *outcome) ScoreResult {
	if o.problem != nil {
		return ScoreResult{Error: o.problem}
	}
	if len(o.reading.Rows) == 0 || len(o.reading.Rows) != len(o.encoded.Positions) {
		return ScoreResult{Error: NewProblem(CodeInternal, "the model gave %d rows of %d positions", len(o.reading.Rows), len(o.encoded.Positions))}
	}
	rows, problem := widen(o.reading.Rows, r.labels)
	if problem != nil {
		return ScoreResult{Error: problem}
	}
	raw, score, scores := r.apply(rows)
	if !finite(raw) || !finite(score) {
		return ScoreResult{Error: NewProblem(fault.CodeNotFinite, "the score is %g after the transforms, and raw %g", score, raw)}
	}
	if i := slices.IndexFunc(scores, func(x float64) bool { return !finite(x) }); i >= 0 {
		return ScoreResult{Error: notFinite(r.labels[i], scores[i], "after the transforms")}
	}
	result := ScoreResult{Score: &score, Raw: &raw, Tokens: o.tokens()}
	if len(r.labels) > 1 && r.likelihood == nil {
		result.Scores, result.Logits = named(r.labels, scores), named(r.labels, rows[len(rows)-1])
	}
	return result
}

// widen gives rows in float64, which holds every float32 exactly, or the problem that makes them unusable.
func widen(rows [][]float32, labels []string) ([][]float64, *Problem) {
	wide, values := make([][]float64, len(rows)), make([]float64, len(rows)*len(labels))
	for i, row := range rows {
		if len(row) != len(labels) {
			return nil, NewProblem(CodeInternal, "the model gave %d values for %d labels", len(row), len(labels))
		}
		wide[i], values = values[:len(row):len(row)], values[len(row):]
		for j, x := range row {
			wide[i][j] = float64(x)
			if !finite(wide[i][j]) {
				return nil, notFinite(labels[j], wide[i][j], "out of the graph")
			}
		}
	}
	return wide, nil
}

func notFinite(label string, value float64, where string) *Problem {
	return NewProblem(fault.CodeNotFinite, "label %q is %g %s", label, value, where)
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
