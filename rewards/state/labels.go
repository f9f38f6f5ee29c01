package state

import (
	"encoding/json"
	"math"

	"github.com/assay-rm/assay/rewards/ops"
)

// labels is a cache of what somebody slower said of a key, and counts how often the key was seen: the retrieval reward
// of "Online Intrinsic Rewards for Decision Making Agents from Large Language Model Feedback" (Zheng et al., 2024),
// whose label is a default while nobody has said anything, and which it divides by a power of the count.
type labels struct{}

// label is a cell of labels.
type label struct {
	Label *float64 `json:"label"` // null: none was given
	Count int64    `json:"count"`
}

func (labels) check(s *Spec) error {
	if s.Default != nil && !ops.Finite(*s.Default) {
		return invalid("default", "%g is not finite", *s.Default)
	}
	return nil
}

func (labels) apply(_ *Spec, before json.RawMessage, u *Update) (any, error) {
	if err := u.only(Labels, "label", "seen"); err != nil {
		return nil, err
	}
	c, err := cellOf[label](before)
	if err != nil {
		return nil, err
	}
	if u.Seen < 0 || int64(u.Seen) > math.MaxInt32 {
		return nil, invalid("seen", "%d is not between 0 and %d", u.Seen, math.MaxInt32)
	}
	if u.Label != nil {
		if !ops.Finite(*u.Label) {
			return nil, invalid("label", "%g is not finite", *u.Label)
		}
		c.Label = u.Label
	}
	c.Count += int64(u.Seen)
	return c, nil
}

func (labels) read(s *Spec, cell json.RawMessage, q *Query) (Reading, error) {
	if err := q.only(Labels); err != nil {
		return Reading{}, err
	}
	c, err := cellOf[label](cell)
	if c.Label == nil {
		c.Label = s.Default
	}
	numbers := map[string]ops.Maybe{"count": ops.Some(float64(c.Count)), "label": {}}
	if c.Label != nil {
		numbers["label"] = ops.Some(*c.Label)
	}
	return Reading{Numbers: numbers}, err
}

func (labels) prove(_ *Spec, cell json.RawMessage) (any, error) {
	c, err := cellOf[label](cell)
	if err == nil && c.Count < 0 {
		return nil, invalid("value", "count %d is below 0", c.Count)
	}
	return c, err
}
