package rewards

import (
	"context"
	"fmt"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// The transforms from raw rewards to a preference. A likelihood model's reward is beta times raw in its own training.
const (
	BradleyTerry       = "bradley-terry of raw"
	BradleyTerryOfBeta = "bradley-terry of beta * raw"
)

// CompareRequest asks how surely one response is preferred to another: of every two responses to one prompt, or of pairs.
type CompareRequest struct {
	Common
	Label string `json:"label,omitempty" doc:"The label to compare by; the model's first when left out"`
	Prompted
	Responses []string `json:"responses,omitempty" minItems:"2" doc:"Responses to the prompt, each compared to every other"`
	Pairs     []Pair   `json:"pairs,omitempty" minItems:"1" doc:"Pairs, each with its own prompt; instead of prompt and responses"`
}

// Pair is two responses to one prompt.
type Pair struct {
	Prompted
	Chosen   *string `json:"chosen" required:"true" nullable:"false"`
	Rejected *string `json:"rejected" required:"true" nullable:"false"`
}

// CompareAnswer has a matrix for responses, or a list for pairs. Preferences are made of raw rewards (of a likelihood
// times beta), as the model was trained, before mean and std.
type CompareAnswer struct {
	Answering
	Preference [][]*float64  `json:"preference,omitempty" doc:"Row i, column j: probability that response i is preferred to j; 0.5 on the diagonal; null where a response failed"`
	WinRate    []*float64    `json:"win_rate,omitempty" doc:"Mean of each row without the diagonal; null where the response, or every other, failed"`
	Responses  []ScoreResult `json:"responses,omitempty" doc:"One per response, in the request's order"`
	Results    []PairResult  `json:"results,omitempty" doc:"One per pair, in the request's order"`
}

// PairResult is a pair's preference or its problem.
type PairResult struct {
	Probability *float64     `json:"probability,omitempty" doc:"That chosen is preferred to rejected"`
	Margin      *float64     `json:"margin,omitempty" doc:"Log-odds of the probability; of a reward model raw of chosen less raw of rejected, times beta where raw is a likelihood"`
	Chosen      *ScoreResult `json:"chosen,omitempty"`
	Rejected    *ScoreResult `json:"rejected,omitempty"`
	Error       *Problem     `json:"error,omitempty" doc:"Why there is no probability: the first problem of the two, and its side where it has one"`
}

// Size is the number of items that the request reads.
func (r *CompareRequest) Size() int { return len(r.Responses) + 2*len(r.Pairs) }

// Problems lists each response's or pair's problem, nil where it has a preference.
func (a *CompareAnswer) Problems() []*Problem {
	if a.Results == nil {
		return problemsOf(a.Responses)
	}
	problems := make([]*Problem, len(a.Results))
	for i := range a.Results {
		problems[i] = a.Results[i].Error
	}
	return problems
}

// Compare reads the responses and gives preferences. Its error is of the whole request.
func (e *Engine) Compare(ctx context.Context, request CompareRequest) (CompareAnswer, error) {
	start := time.Now()
	if err := request.check(); err != nil {
		return CompareAnswer{}, err
	}
	m, err := e.model(request.Model, comparing...)
	if err != nil {
		return CompareAnswer{}, err
	}
	if m.Info().Manifest.Kind != manifest.KindReward {
		return comparePreferred(ctx, m, request, start)
	}
	scored, err := scoreUnder(ctx, m, request.Common, Scoring{Label: request.Label}, request.items())
	if err != nil {
		return CompareAnswer{}, err
	}
	// Unlike score, compare's outcome rests on raw; the transforms of the scores beside it come first.
	transforms := append(scored.rule.transforms(), scored.rule.preference())
	answer := CompareAnswer{Answering: answering(scored.info, scored.outcomes, transforms, start)}
	if len(request.Pairs) > 0 {
		answer.Results = make([]PairResult, len(request.Pairs))
		for i := range answer.Results {
			answer.Results[i] = scored.rule.pair(&scored.results[2*i], &scored.results[2*i+1])
		}
		return answer, nil
	}
	trained := make([]*float64, len(scored.results))
	for i, result := range scored.results {
		if result.Raw != nil {
			trained[i] = new(scored.rule.trained(*result.Raw))
		}
	}
	answer.Preference = Preferences(trained)
	answer.WinRate = WinRates(answer.Preference)
	answer.Responses = scored.results
	return answer, nil
}

// comparePreferred answers with a model that reads responses two by two.
func comparePreferred(ctx context.Context, m reader, request CompareRequest, start time.Time) (CompareAnswer, error) {
	if request.Label != "" {
		return CompareAnswer{}, NewProblem(CodeLabel, "label: model %q gives preferences, and has no label to choose", m.Info().Manifest.Name)
	}
	if err := request.Common.check(); err != nil {
		return CompareAnswer{}, err
	}
	groups := []group{{request.Prompted, request.Responses}}
	if len(request.Pairs) > 0 {
		groups = groups[:0]
		for i := range request.Pairs {
			pair := &request.Pairs[i]
			groups = append(groups, group{pair.Prompted, []string{*pair.Chosen, *pair.Rejected}})
		}
	}
	all, err := prefer(ctx, m, request.Common, groups)
	if err != nil {
		return CompareAnswer{}, err
	}
	var outcomes []outcome
	for i := range all {
		outcomes = append(outcomes, all[i].outcomes...)
	}
	answer := CompareAnswer{Answering: answering(m.Info(), outcomes, all[0].transforms, start)}
	if len(request.Pairs) == 0 {
		answer.Preference = all[0].probabilities()
		answer.WinRate = WinRates(answer.Preference)
		answer.Responses = all[0].results(answer.WinRate)
		return answer, nil
	}
	answer.Results = make([]PairResult, len(all))
	for i := range all {
		answer.Results[i] = all[i].pair()
	}
	return answer, nil
}

// preference names how rewards become a preference.
func (r *rule) preference() string {
	if r.likelihood != nil {
		return BradleyTerryOfBeta
	}
	return BradleyTerry
}

// trained is the reward that the model was trained to compare: raw, and of a likelihood beta times raw.
func (r *rule) trained(raw float64) float64 {
	if r.likelihood != nil {
		return r.likelihood.Beta * raw
	}
	return raw
}

func (r *rule) pair(chosen, rejected *ScoreResult) PairResult {
	result := PairResult{Chosen: chosen, Rejected: rejected}
	switch {
	case chosen.Error != nil:
		result.Error = chosen.Error.Within("chosen")
	case rejected.Error != nil:
		result.Error = rejected.Error.Within("rejected")
	default:
		margin := r.trained(*chosen.Raw) - r.trained(*rejected.Raw)
		if !finite(margin) {
			result.Error = NewProblem(fault.CodeNotFinite, "the log-odds of the preference are %g", margin)
			break
		}
		result.Probability, result.Margin = new(Sigmoid(margin)), &margin
	}
	return result
}

func (r *CompareRequest) items() []encode.Item {
	items := make([]encode.Item, 0, r.Size())
	for _, response := range r.Responses {
		items = append(items, r.Item(response))
	}
	for i := range r.Pairs {
		pair := &r.Pairs[i]
		items = append(items, pair.Item(*pair.Chosen), pair.Item(*pair.Rejected))
	}
	return items
}

func (r *CompareRequest) check() error {
	if len(r.Pairs) == 0 {
		if len(r.Responses) < 2 {
			return invalid("responses: must hold at least two responses, unless pairs are given")
		}
		return r.Prompted.Check("")
	}
	if r.Prompt != nil || len(r.Messages) > 0 || r.User != nil || len(r.Responses) > 0 {
		return invalid("pairs: given together with prompt, messages, user or responses, and each pair has its own")
	}
	for i := range r.Pairs {
		pair, field := &r.Pairs[i], fmt.Sprintf("pairs[%d].", i)
		switch {
		case pair.Chosen == nil:
			return invalid("%schosen: is missing", field)
		case pair.Rejected == nil:
			return invalid("%srejected: is missing", field)
		}
		if err := pair.Prompted.Check(field); err != nil {
			return err
		}
	}
	return nil
}
