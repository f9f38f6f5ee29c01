package rewards

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
)

// DefaultThreshold is the score below which a step counts as an error, unless the request says otherwise.
const DefaultThreshold = 0.5

// StepsRequest asks which step of each item goes wrong.
type StepsRequest struct {
	Common
	Items     []models.Item `json:"items" minItems:"1" nullable:"false" doc:"Each a prompt with steps, a prompt with a response and a separator, messages with a separator, or text or input_ids that hold the step token"`
	Threshold *float64      `json:"threshold,omitempty" default:"0.5" doc:"first_error is the first step whose score is below"`
}

// StepsAnswer has one result per item, in order.
type StepsAnswer struct {
	Answering
	Threshold float64       `json:"threshold" doc:"That first_error went by"`
	Results   []StepsResult `json:"results" nullable:"false"`
}

// StepsResult is an item's steps or its problem. Failed items have an error only.
type StepsResult struct {
	Steps []StepScore `json:"steps,omitempty"`
	*Aggregate
	*Tokens
	Error *Problem `json:"error,omitempty" doc:"Why there are no steps"`
}

// StepScore is one step. Steps are scored in one causal pass, so a later step never changes an earlier one's score.
type StepScore struct {
	Score  float64            `json:"score" doc:"The raw output after the manifest's activation"`
	Raw    float64            `json:"raw" doc:"The graph's output for the label that means right, untouched"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	Token  int                `json:"token" doc:"Index of the token read, the step's separator"`
	End    *int               `json:"end,omitempty" doc:"Where the step ends, in characters (code points) of the response; of steps, of their concatenation"`
}

// Aggregate is what the scores of an item's steps come to.
type Aggregate struct {
	Min        float64  `json:"min"`
	Product    *float64 `json:"product" doc:"Null where it overflows, which scores in [0, 1] never do"`
	Mean       float64  `json:"mean"`
	Last       float64  `json:"last"`
	FirstError *int     `json:"first_error" doc:"Index of the first step below the threshold; null when there is none"`
}

// Size is the number of items that the request reads.
func (r *StepsRequest) Size() int { return len(r.Items) }

// Problems lists each item's problem, nil where there is none.
func (a *StepsAnswer) Problems() []*Problem {
	problems := make([]*Problem, len(a.Results))
	for i := range a.Results {
		problems[i] = a.Results[i].Error
	}
	return problems
}

// Steps reads every item under one process model. Its error is of the whole request.
func (e *Engine) Steps(ctx context.Context, request StepsRequest) (StepsAnswer, error) {
	start := time.Now()
	if len(request.Items) == 0 {
		return StepsAnswer{}, invalid("items: must hold at least one item")
	}
	if err := request.Common.check(); err != nil {
		return StepsAnswer{}, err
	}
	threshold := DefaultThreshold
	if request.Threshold != nil {
		threshold = *request.Threshold
	}
	if !finite(threshold) {
		return StepsAnswer{}, invalid("threshold: %g is not finite", threshold)
	}
	m, err := e.model(request.Model, models.Process)
	if err != nil {
		return StepsAnswer{}, err
	}
	info := m.Info()
	outcomes, err := read(ctx, m, request.Items, request.Common)
	if err != nil {
		return StepsAnswer{}, err
	}
	rule := newStepRule(info.Manifest)
	results := make([]StepsResult, len(outcomes))
	for i := range outcomes {
		results[i] = rule.result(&outcomes[i], threshold)
	}
	return StepsAnswer{
		Answering: answering(info, outcomes, rule.transforms(), start), Threshold: threshold, Results: results,
	}, nil
}

// stepRule is how a row of logits becomes a step's score: the manifest's activation, at the label that means right.
type stepRule struct {
	rule
}

func newStepRule(manifest models.Manifest) stepRule {
	r := rule{labels: manifest.Graph.Labels, mean: 0, std: 1, activation: Activation(manifest.Steps.Activation)}
	r.show = max(slices.Index(r.labels, manifest.Steps.Label), 0) // the manifest's check proved that it is there
	return stepRule{r}
}

func (r stepRule) transforms() []string {
	names := r.rule.transforms()
	if len(r.labels) > 1 {
		names = append(names, "label "+r.labels[r.show])
	}
	return names
}

func (r stepRule) result(o *outcome, threshold float64) StepsResult {
	rows, read, ends := o.reading.Rows, o.encoded.Read, o.encoded.Ends
	switch {
	case o.problem != nil:
		return StepsResult{Error: o.problem}
	case len(rows) == 0 || len(rows) != len(read):
		return StepsResult{Error: NewProblem(CodeInternal, "the model gave %d rows of %d steps", len(rows), len(read))}
	}
	steps, scores := make([]StepScore, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		logits, problem := widen(row, r.labels)
		if problem != nil {
			return StepsResult{Error: problem.Within(fmt.Sprintf("step %d", i))}
		}
		scores[i] = r.apply(logits)[r.show]
		steps[i] = StepScore{Score: scores[i], Raw: logits[r.show], Token: read[i]}
		if len(r.labels) > 1 {
			steps[i].Logits = named(r.labels, logits)
		}
		if len(ends) == len(rows) {
			steps[i].End = &ends[i]
		}
	}
	return StepsResult{Steps: steps, Aggregate: aggregate(scores, threshold), Tokens: o.tokens()}
}

// aggregate sums up the scores of at least one step.
func aggregate(scores []float64, threshold float64) *Aggregate {
	a := &Aggregate{
		Min: slices.Min(scores), Mean: Mean(scores), Last: scores[len(scores)-1], FirstError: FirstBelow(scores, threshold),
	}
	if product := Product(scores); finite(product) {
		a.Product = &product
	}
	return a
}
