package rewards

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// DefaultThreshold is the score below which a step counts as an error, unless the request says otherwise.
const DefaultThreshold = 0.5

// StepsRequest asks which step of each item goes wrong.
type StepsRequest struct {
	Common
	Items     []encode.Item `json:"items" minItems:"1" nullable:"false" doc:"Each a prompt with steps, a prompt with a response and a separator, messages with a separator, or text or input_ids that hold the step token"`
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
	Score  *float64           `json:"score" doc:"The raw output after the manifest's activation; null of a step that the model does not score"`
	Raw    *float64           `json:"raw,omitempty" doc:"The graph's output for the label that means right, untouched; of several labels and of log-probabilities the sum"`
	Logits map[string]float64 `json:"logits,omitempty" doc:"Raw output of each label, where the model has several"`
	Token  int                `json:"token" doc:"Index of the token where the step is read"`
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
	m, err := e.model(request.Model, manifest.KindProcess)
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

// stepRule is how the rows of an item become step scores: the manifest's activation, at the labels that mean right.
type stepRule struct {
	labels     []string
	right      []int // indices of the labels whose activations are added
	activation Activation
	likelihood *manifest.Likelihood
	accumulate bool
	skip       int
}

func newStepRule(m manifest.Manifest) stepRule {
	return stepRule{
		labels: m.Graph.Labels, right: m.Steps.Right, activation: Activation(m.Steps.Activation), likelihood: m.Likelihood,
		accumulate: m.Steps.Accumulate, skip: m.Steps.Skip,
	}
}

func (r *stepRule) transforms() []string {
	var names []string
	if r.likelihood != nil {
		names = append(names, likelihoodName(r.likelihood))
	}
	if r.activation != ActivationNone {
		names = append(names, string(r.activation))
	}
	if len(r.labels) > 1 && r.likelihood == nil {
		words := make([]string, len(r.right))
		for i, at := range r.right {
			words[i] = r.labels[at]
		}
		names = append(names, "label "+strings.Join(words, " + "))
	}
	return names
}

func (r *stepRule) result(o *outcome, threshold float64) StepsResult {
	if o.problem != nil {
		return StepsResult{Error: o.problem}
	}
	rows, at, ends := o.reading.Rows, o.encoded.Steps, o.encoded.Ends
	if len(rows) == 0 || len(rows) != len(o.encoded.Positions) || len(at) <= r.skip {
		return StepsResult{Error: NewProblem(CodeInternal, "the model gave %d rows of %d positions, %d steps", len(rows), len(o.encoded.Positions), len(at))}
	}
	wide, problem := widen(rows, r.labels)
	if problem != nil {
		return StepsResult{Error: problem}
	}
	steps := make([]StepScore, len(at))
	var scores []float64
	for k := range steps {
		steps[k].Token = at[k]
		if len(ends) == len(at) {
			steps[k].End = &ends[k]
		}
		if k < r.skip {
			continue
		}
		raw, score := r.score(wide, o, k)
		if !finite(score) {
			return StepsResult{Error: NewProblem(fault.CodeNotFinite, "step %d is %g after the transforms", k, score)}
		}
		steps[k].Score, steps[k].Raw = &score, &raw
		scores = append(scores, score)
		if len(r.labels) > 1 && r.likelihood == nil {
			steps[k].Logits = named(r.labels, wide[k-r.skip])
		}
	}
	sums := aggregate(scores, threshold)
	if sums.FirstError != nil {
		*sums.FirstError += r.skip
	}
	return StepsResult{Steps: steps, Aggregate: sums, Tokens: o.tokens()}
}

// score is step k's raw value and its score. A likelihood's rows are those of the response's tokens, one each.
func (r *stepRule) score(rows [][]float64, o *outcome, k int) (raw, score float64) {
	if r.likelihood != nil {
		from, end := 0, o.encoded.Steps[k]-o.encoded.Response+1
		if !r.accumulate && k > 0 {
			from = o.encoded.Steps[k-1] - o.encoded.Response + 1
		}
		raw = LogRatio(rows[from:end], r.likelihood.Mean())
		return raw, activated([]float64{r.likelihood.Beta * raw}, r.activation)[0]
	}
	row := rows[k-r.skip]
	after := activated(row, r.activation)
	for _, at := range r.right {
		raw += row[at]
		score += after[at]
	}
	return raw, score
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
