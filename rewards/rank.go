package rewards

import (
	"context"
	"time"

	"github.com/assay-rm/assay/models"
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
	items := make([]models.Item, len(request.Responses))
	for i, response := range request.Responses {
		items[i] = request.item(response)
	}
	scored, err := e.score(ctx, request.Common, request.Scoring, items)
	if err != nil {
		return RankAnswer{}, err
	}
	answer := RankAnswer{
		Answering:  answering(scored.info, scored.outcomes, scored.rule.transforms(), start),
		Activation: scored.rule.activation,
		Strategy:   request.Strategy,
		Ranking:    []Ranked{},
		Responses:  scored.results,
	}
	scores := make([]*float64, len(scored.results))
	for i := range scored.results {
		scores[i] = scored.results[i].Score
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

func (r *RankRequest) check() error {
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
	return r.Prompted.check("")
}
