package state

import (
	"encoding/json"
	"math"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
)

// multipliers are those of "Confronting Reward Model Overoptimization with Constrained RLHF" (Moskovitz et al., 2023):
// a weight for each component reward, which falls while the mean of the component is above its threshold. A step is
// stochastic gradient descent with momentum on Σ weight · (mean − threshold), as the paper's code takes it: the
// gradient is cut to a norm first, and a clamped multiplier is at least 0 afterwards.
type multipliers struct{}

// duals are a cell of multipliers.
type duals struct {
	Lambda   map[string]float64 `json:"lambda"`
	Velocity map[string]float64 `json:"velocity,omitempty"` // of the momentum; none before the first step
	Steps    int64              `json:"steps"`
}

func (multipliers) check(s *Spec) error {
	if n := len(s.Thresholds); n < 1 || n > mostNumbers {
		return invalid("thresholds", "has %d constraints, and must have 1 to %d", n, mostNumbers)
	}
	for name, threshold := range s.Thresholds {
		if !word(name) || reservedNumber(name) {
			return invalid("thresholds", "%q is no name: 1 to 40 small letters, digits and _, a letter first, and neither rest nor steps", fault.Short(name))
		}
		if !ops.Finite(threshold) {
			return invalid("thresholds."+name, "%g is not finite", threshold)
		}
	}
	if err := setWord("squash", &s.Squash, "sigmoid", "tanh", "clamp", "none"); err != nil {
		return err
	}
	if !ops.Finite(s.Start) || s.Squash == "clamp" && s.Start < 0 {
		return invalid("start", "%g is not finite, or below 0 and clamped", s.Start)
	}
	if err := setNumber("rate", &s.Rate, 0.01, 1e6); err != nil {
		return err
	}
	if err := setNumber("momentum", &s.Momentum, 0.1, 1); err != nil {
		return err
	}
	return setNumber("max_norm", &s.MaxNorm, 0.5, math.MaxFloat64)
}

func reservedNumber(name string) bool { return name == "rest" || name == "steps" }

// word tells a name that an expression can have.
func word(name string) bool {
	for i, c := range name {
		letter := c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 40
}

// weight is what a multiplier counts as, and the slope of that.
func (s *Spec) weight(lambda float64) (weight, slope float64) {
	switch s.Squash {
	case "sigmoid":
		w := ops.Sigmoid(lambda)
		return w, w * ops.Sigmoid(-lambda)
	case "tanh":
		w := math.Tanh(lambda)
		return w, 1 - w*w
	}
	return lambda, 1
}

// lambdas are the multipliers of a cell, which may be missing.
func (s *Spec) lambdas(cell json.RawMessage) (duals, error) {
	c, err := cellOf[duals](cell)
	if err == nil && cell == nil {
		c.Lambda = make(map[string]float64, len(s.Thresholds))
		for name := range s.Thresholds {
			c.Lambda[name] = s.Start
		}
	}
	return c, err
}

func (multipliers) apply(s *Spec, before json.RawMessage, u *Update) (any, error) {
	if err := u.only(Multipliers, "means"); err != nil {
		return nil, err
	}
	c, err := s.lambdas(before)
	if err != nil {
		return nil, err
	}
	for name, mean := range u.Means {
		if _, known := s.Thresholds[name]; !known {
			return nil, invalid("means."+fault.Short(name), "the state has no such constraint")
		}
		if !ops.Finite(mean) {
			return nil, invalid("means."+name, "%g is not finite", mean)
		}
	}
	gradient, norm := make(map[string]float64, len(c.Lambda)), 0.0
	for _, name := range sorted(s.Thresholds) { // in one order, so that the norm has the same bits each time
		mean, given := u.Means[name]
		if !given {
			return nil, invalid("means", "has no mean of %s: a step needs that of every constraint", name)
		}
		_, slope := s.weight(c.Lambda[name])
		gradient[name] = slope * (mean - s.Thresholds[name])
		norm = math.Hypot(norm, gradient[name])
	}
	// torch.nn.utils.clip_grad_norm_ divides by the norm and 1e-6.
	cut := min(1, *s.MaxNorm/(norm+1e-6))
	if c.Velocity == nil {
		c.Velocity = make(map[string]float64, len(c.Lambda))
	}
	for name, g := range gradient {
		c.Velocity[name] = *s.Momentum*c.Velocity[name] + cut*g
		c.Lambda[name] -= *s.Rate * c.Velocity[name]
		if s.Squash == "clamp" {
			c.Lambda[name] = max(0, c.Lambda[name])
		}
		if !ops.Finite(c.Lambda[name]) || !ops.Finite(c.Velocity[name]) {
			return nil, overflow("means." + name)
		}
	}
	c.Steps++
	return c, nil
}

// read gives the weight of each constraint by its name, rest, which is the number of constraints less all weights and
// is what the paper multiplies the remaining advantage by where weights are squashed (1 where they are not), and steps.
func (multipliers) read(s *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Multipliers); err != nil {
		return Reading{}, err
	}
	c, err := s.lambdas(cell)
	if err != nil {
		return Reading{}, err
	}
	numbers, rest := map[string]ops.Maybe{"steps": ops.Some(float64(c.Steps))}, float64(len(s.Thresholds))
	for _, name := range sorted(s.Thresholds) {
		weight, _ := s.weight(c.Lambda[name])
		numbers[name], rest = ops.Some(weight), rest-weight
	}
	if s.Squash == "clamp" || s.Squash == "none" {
		rest = 1
	}
	numbers["rest"] = ops.Some(rest)
	return Reading{Numbers: numbers}, nil
}

func (multipliers) prove(s *Spec, cell json.RawMessage) (any, error) {
	c, err := cellOf[duals](cell)
	if err != nil {
		return nil, err
	}
	if c.Steps < 0 || len(c.Lambda) != len(s.Thresholds) || c.Velocity != nil && len(c.Velocity) != len(s.Thresholds) {
		return nil, invalid("value", "has %d multipliers after %d steps, and the state %d constraints", len(c.Lambda), c.Steps, len(s.Thresholds))
	}
	for name := range s.Thresholds {
		lambda, known := c.Lambda[name]
		_, moves := c.Velocity[name]
		if !known || moves != (c.Velocity != nil) || s.Squash == "clamp" && lambda < 0 {
			return nil, invalid("value", "has no multiplier of %s, or one out of its range", name)
		}
	}
	return c, nil
}
