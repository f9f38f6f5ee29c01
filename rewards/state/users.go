package state

import (
	"encoding/json"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

// users have a vector each, which is fitted anew at every update to the pairs that are kept of the user, so that it
// follows from these alone. With fit ideal the reward of a text is −‖e − u‖, and u is free; with weights u is a mixture
// of the spec's prototypes by softmaxed weights: "PAL: Pluralistic Alignment Framework for Learning from Heterogeneous
// Preferences" (Chen et al., 2024), whose code does not square the distance. With latent it is z · e: what can be
// fitted without a trained encoder of "Personalizing Reinforcement Learning from Human Feedback with Variational
// Preference Learning" (Poddar et al., 2024).
type users struct{}

const (
	fitIdeal   = "ideal"
	fitLatent  = "latent"
	fitWeights = "weights"

	mostFitted = 65536 // width × pairs, and width × prototypes
)

// user is a cell of users.
type user struct {
	Pairs   []keptPair `json:"pairs"`             // the latest, oldest first
	Vector  []float64  `json:"vector"`            // the ideal point, or the latent
	Weights []float64  `json:"weights,omitempty"` // of the prototypes; they sum to 1
	Before  float64    `json:"before"`            // the loss before the first step
	After   float64    `json:"after"`             // and after the last
}

type keptPair struct {
	Chosen   packed `json:"chosen"`
	Rejected packed `json:"rejected"`
}

func (users) check(s *Spec) error {
	if err := setWithin("width", &s.Width, 0, mostWidth); err != nil {
		return err
	}
	if err := setWithin("pairs", &s.Pairs, min(64, max(1, mostFitted/s.Width)), mostPairs); err != nil {
		return err
	}
	if s.Width*s.Pairs > mostFitted {
		return invalid("pairs", "%d pairs of width %d are %d numbers a side, and may be %d", s.Pairs, s.Width, s.Width*s.Pairs, mostFitted)
	}
	if err := setWord("fit", &s.Fit, fitIdeal, fitLatent, fitWeights); err != nil {
		return err
	}
	if err := s.checkPrototypes(); err != nil {
		return err
	}
	if err := setWithin("steps", &s.Steps, 100, mostSteps); err != nil {
		return err
	}
	if err := setNumber("rate", &s.Rate, 0.1, 1e6); err != nil {
		return err
	}
	return setNumber("decay", &s.Decay, 0.01, 1e6)
}

func (s *Spec) checkPrototypes() error {
	if s.Fit != fitWeights {
		if s.Prototypes != nil {
			return invalid("prototypes", "are of fit: weights")
		}
		return nil
	}
	if n := len(s.Prototypes); n < 2 || n > mostParts || n*s.Width > mostFitted {
		return invalid("prototypes", "are %d, and must be 2 to %d, of %d numbers in all at most", n, mostParts, mostFitted)
	}
	for _, prototype := range s.Prototypes {
		if err := ofWidth("prototypes", prototype, s.Width); err != nil {
			return err
		}
	}
	return nil
}

func (users) apply(s *Spec, before json.RawMessage, u *Update) (any, error) {
	if err := u.only(Users, "pairs"); err != nil {
		return nil, err
	}
	if len(u.Pairs) == 0 || len(u.Pairs) > mostPairs {
		return nil, invalid("pairs", "are %d, and must be 1 to %d", len(u.Pairs), mostPairs)
	}
	c, err := cellOf[user](before)
	if err != nil {
		return nil, err
	}
	for i := range u.Pairs {
		pair := &u.Pairs[i]
		if err := ofWidth("chosen", pair.Chosen, s.Width); err != nil {
			return nil, at("pairs", i, err)
		}
		if err := ofWidth("rejected", pair.Rejected, s.Width); err != nil {
			return nil, at("pairs", i, err)
		}
		c.Pairs = append(c.Pairs, keptPair{pack(pair.Chosen), pack(pair.Rejected)})
	}
	c.Pairs = c.Pairs[max(0, len(c.Pairs)-s.Pairs):]
	return s.fitted(c.Pairs)
}

// reward is what the user would give a text of that embedding.
func (s *Spec) reward(c *user, embedding []float64) float64 {
	if s.Fit == fitLatent {
		return dot(c.Vector, embedding)
	}
	return -distance(c.Vector, embedding)
}

func (users) read(s *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Users, "vector"); err != nil {
		return Reading{}, err
	}
	c, err := cellOf[user](cell)
	if err != nil {
		return Reading{}, err
	}
	if q.Vector != nil {
		if err := ofWidth("vector", q.Vector, s.Width); err != nil {
			return Reading{}, err
		}
	}
	numbers := map[string]ops.Maybe{"pairs": ops.Some(float64(len(c.Pairs))), "before": {}, "after": {}, "reward": {}, "accuracy": {}}
	if cell == nil {
		return Reading{Numbers: numbers}, nil
	}
	numbers["before"], numbers["after"] = ops.Some(c.Before), ops.Some(c.After)
	right := 0.0
	for _, pair := range c.Pairs {
		if s.reward(&c, pair.Chosen.numbers()) > s.reward(&c, pair.Rejected.numbers()) {
			right++
		}
	}
	numbers["accuracy"] = ops.Some(right / float64(len(c.Pairs)))
	if q.Vector != nil {
		if x := s.reward(&c, q.Vector); ops.Finite(x) {
			numbers["reward"] = ops.Some(x)
		}
	}
	vectors := map[string][]float64{"vector": c.Vector}
	if c.Weights != nil {
		vectors["weights"] = c.Weights
	}
	return Reading{Numbers: numbers, Vectors: vectors}, nil
}

func (users) prove(s *Spec, cell json.RawMessage) (any, error) {
	c, err := cellOf[user](cell)
	if err != nil {
		return nil, err
	}
	if len(c.Pairs) < 1 || len(c.Pairs) > s.Pairs {
		return nil, invalid("value", "has %d pairs, and must have 1 to %d", len(c.Pairs), s.Pairs)
	}
	for _, pair := range c.Pairs {
		if len(pair.Chosen) != s.Width || len(pair.Rejected) != s.Width {
			return nil, invalid("value", "has a pair of widths %d and %d, and the state's is %d", len(pair.Chosen), len(pair.Rejected), s.Width)
		}
	}
	if err := ofWidth("value", c.Vector, s.Width); err != nil {
		return nil, err
	}
	sum := 0.0
	for _, weight := range c.Weights {
		sum += weight
		if weight < 0 {
			return nil, invalid("value", "has a weight of %g, below 0", weight)
		}
	}
	if len(c.Weights) != len(s.Prototypes) || c.Weights != nil && math.Abs(sum-1) > 1e-6 {
		return nil, invalid("value", "has %d weights of sum %g, and the state %d prototypes", len(c.Weights), sum, len(s.Prototypes))
	}
	return c, nil
}
