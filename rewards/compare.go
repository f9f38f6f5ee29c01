package rewards

import (
	"fmt"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
)

// comparison is what is known of the responses of one group, whichever kind of model read them.
type comparison interface {
	// results has one result for each response, by whose scores they are ranked.
	results() []Result
	// preferences says how surely each response is preferred to each other one.
	preferences() ops.Matrix
	// preference is one number of preferences.
	preference(i, j int) ops.Maybe
	// pair is the preference of the first of two responses to the second.
	pair() PairResult
}

// tell puts what is known of the request's next group into the answer, in the way that was asked.
func (a *Answer) tell(r *Request, c comparison) {
	if r.Question == Pairs {
		a.Pairs = append(a.Pairs, c.pair())
		return
	}
	a.Results = c.results()
	scores, raws := make([]ops.Maybe, len(a.Results)), make([]ops.Maybe, len(a.Results))
	for i := range a.Results {
		if of := &a.Results[i]; of.Err == nil {
			scores[i], raws[i] = ops.Some(of.Score), of.Raw
		}
	}
	if r.Statistics {
		a.Statistics = new(ranking.Describe(scores))
	}
	if r.Question == Rank {
		a.rank(scores, raws, r.Places)
		a.Strategy = r.Choice.Strategy
		a.Selection = r.Choice.Select(&ranking.Group{Scores: scores, Ties: raws, Preference: c.preference})
		return
	}
	a.Preference = c.preferences()
	a.WinRates, a.Aggregates = ops.WinRates(a.Preference), ranking.Aggregates(r.Aggregates, r.EloScale, a.Preference)
}

// rank orders the responses by descending score, and those of equal scores by raw: a sigmoid is 1 for all that is large
// enough. Of what is equal in both the lower index leads. The ranking keeps so many places, 0: all.
func (a *Answer) rank(scores, raws []ops.Maybe, places int) {
	a.Ranking = ops.Order(scores, raws)
	if places > 0 && places < len(a.Ranking) {
		a.Ranking = a.Ranking[:places]
	}
}

// The transforms from raw rewards to a preference. A likelihood model's reward is beta times raw in its own training.
const (
	bradleyTerry       = "bradley-terry of raw"
	bradleyTerryOfBeta = "bradley-terry of beta * raw"
)

// scored compares responses by their rewards: of a model by raw, as it was trained, before mean and std.
type scored struct {
	trained func(r *Result) float64 // the reward of a result that has a score
	scores  []Result
}

func (s *scored) results() []Result { return s.scores }

func (s *scored) preferences() ops.Matrix {
	trained := make([]ops.Maybe, len(s.scores))
	for i := range s.scores {
		trained[i] = s.reward(i)
	}
	return ops.Preferences(trained)
}

func (s *scored) preference(i, j int) ops.Maybe {
	a, b := s.reward(i), s.reward(j)
	if !a.Known || !b.Known {
		return ops.Maybe{}
	}
	return ops.Some(ops.Preference(a.Value, b.Value))
}

// reward is what a response is compared by, missing where it has failed.
func (s *scored) reward(i int) ops.Maybe {
	if s.scores[i].Err != nil {
		return ops.Maybe{}
	}
	if x := s.trained(&s.scores[i]); ops.Finite(x) {
		return ops.Some(x)
	}
	return ops.Maybe{}
}

func (s *scored) pair() PairResult {
	chosen, rejected := &s.scores[0], &s.scores[1]
	result := PairResult{Chosen: chosen, Rejected: rejected}
	switch {
	case chosen.Err != nil:
		result.Err = chosen.Err.Within("chosen")
	case rejected.Err != nil:
		result.Err = rejected.Err.Within("rejected")
	default:
		margin := s.trained(chosen) - s.trained(rejected)
		if !ops.Finite(margin) {
			result.Err = noMargin(margin)
			break
		}
		result.Probability, result.Margin = ops.Sigmoid(margin), margin
	}
	return result
}

// trained is the reward that the model was trained to compare: raw, and of a likelihood beta times raw.
// It is divided by the manifest's temperature, where it has one.
func (h *head) trained(r *Result) float64 {
	if h.likelihood != nil {
		return h.likelihood.Beta * r.Raw.Value / h.temperature
	}
	return r.Raw.Value / h.temperature
}

// preference names how rewards become a preference.
func (h *head) preference() string {
	name := bradleyTerry
	if h.likelihood != nil {
		name = bradleyTerryOfBeta
	}
	return name + cooled(h.temperature)
}

// cooled names the temperature that preferences are calibrated by, where there is one.
func cooled(temperature float64) string {
	if temperature == 1 {
		return ""
	}
	return fmt.Sprintf(" / temperature %g", temperature)
}

func noMargin(margin float64) *failure.Error {
	return failure.New(fault.CodeNotFinite, "the log-odds of the preference are %g", margin)
}
