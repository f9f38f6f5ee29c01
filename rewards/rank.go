package rewards

import (
	"context"
	"time"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// Strategy is how responses are ranked.
type Strategy string

// BestOfN ranks by descending score; of equal scores the lower index leads. It is the default.
const BestOfN Strategy = "best_of_n"

// RankRequest asks which of the responses to one prompt is best.
type RankRequest struct {
	Common
	Scoring
	Prompted
	Responses []string `json:"responses" minItems:"1" nullable:"false" doc:"Each is the assistant's turn after the prompt"`
	Strategy  Strategy `json:"strategy,omitempty" enum:"best_of_n" default:"best_of_n"`
	N         int      `json:"n,omitempty" minimum:"0" doc:"Places kept in ranking; 0 keeps all"`
}

// RankAnswer has the ranking, and one result per response in the request's order.
type RankAnswer struct {
	Answering
	Activation Activation    `json:"activation" doc:"As asked"`
	Strategy   Strategy      `json:"strategy"`
	Ranking    []Ranked      `json:"ranking" nullable:"false" doc:"Best first; responses that failed have no place"`
	Best       *int          `json:"best" doc:"Index of the best response; null when every one failed"`
	Responses  []ScoreResult `json:"responses" nullable:"false" doc:"One per response, in the request's order"`
}

// Ranked is a place of a ranking.
type Ranked struct {
	Index int     `json:"index" doc:"Of the response in the request"`
	Score float64 `json:"score"`
}

// Size is the number of items that the request reads.
func (r *RankRequest) Size() int { return len(r.Responses) }

// Problems lists each response's problem, nil where it has a score.
func (a *RankAnswer) Problems() []*Problem { return problemsOf(a.Responses) }

// Rank reads every response after the prompt and orders them. Its error is of the whole request.
func (e *Engine) Rank(ctx context.Context, request RankRequest) (RankAnswer, error) {
	start := time.Now()
	if err := request.check(); err != nil {
		return RankAnswer{}, err
	}
	m, err := e.model(request.Model, comparing...)
	if err != nil {
		return RankAnswer{}, err
	}
	answer := RankAnswer{Activation: request.Activation, Strategy: request.Strategy, Ranking: []Ranked{}}
	if m.Info().Manifest.Kind == manifest.KindReward {
		items := make([]encode.Item, len(request.Responses))
		for i, response := range request.Responses {
			items[i] = request.Item(response)
		}
		scored, err := scoreUnder(ctx, m, request.Common, request.Scoring, items)
		if err != nil {
			return RankAnswer{}, err
		}
		answer.Answering = answering(scored.info, scored.outcomes, scored.rule.transforms(), start)
		answer.Responses = scored.results
	} else {
		compared, err := e.rankPreferred(ctx, m, request)
		if err != nil {
			return RankAnswer{}, err
		}
		answer.Answering, answer.Responses = compared.Answering, compared.Responses
	}
	scores := make([]*float64, len(answer.Responses))
	for i := range answer.Responses {
		scores[i] = answer.Responses[i].Score
	}
	for _, i := range Order(scores) {
		answer.Ranking = append(answer.Ranking, Ranked{Index: i, Score: *scores[i]})
	}
	if len(answer.Ranking) > 0 {
		answer.Best = &answer.Ranking[0].Index
	}
	if request.N > 0 && request.N < len(answer.Ranking) {
		answer.Ranking = answer.Ranking[:request.N]
	}
	return answer, nil
}

// rankPreferred scores each response by its win rate over the others.
func (e *Engine) rankPreferred(ctx context.Context, m reader, request RankRequest) (CompareAnswer, error) {
	switch name := m.Info().Manifest.Name; {
	case request.Activation != ActivationNone:
		return CompareAnswer{}, NewProblem(CodeActivation, "activation: model %q ranks by win rates, which take none", name)
	case len(request.Responses) < 2:
		return CompareAnswer{}, invalid("responses: model %q compares responses, and needs at least two", name)
	}
	return e.Compare(ctx, CompareRequest{
		Common: request.Common, Label: request.Label, Prompted: request.Prompted, Responses: request.Responses,
	})
}

func (r *RankRequest) check() error {
	if err := r.Scoring.check(); err != nil {
		return err
	}
	if r.Strategy == "" {
		r.Strategy = BestOfN
	}
	switch {
	case len(r.Responses) == 0:
		return invalid("responses: must hold at least one response")
	case r.N < 0:
		return invalid("n: %d is below 0", r.N)
	}
	if err := oneOf("strategy", r.Strategy, BestOfN); err != nil {
		return err
	}
	return r.Prompted.Check("")
}
