package rewards

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/state"
)

// Remember gives the recipes that are served their states, and declares those. They stay the caller's. It refuses
// recipes with states where there are none. Nothing may be asked of the engine meanwhile.
func (e *Engine) Remember(ctx context.Context, states *state.States) error {
	for _, served := range e.served {
		for i := range served.States {
			m := &served.States[i]
			if states == nil {
				return fmt.Errorf("recipe %s: state.%s: the server keeps no state", served.Name, m.Name)
			}
			if _, err := states.Declare(ctx, m.State, m.Spec); err != nil {
				return fmt.Errorf("recipe %s: state.%s: %w", served.Name, m.Name, err)
			}
		}
	}
	e.states = states
	return nil
}

// recall reads what the recipe's states know of every item that has not failed, each state at one moment.
func (c *composing) recall(ctx context.Context, read []gathered) error {
	if len(c.States) == 0 {
		return nil
	}
	c.known = make([]map[string]recipes.Given, len(c.items))
	for i := range c.known {
		c.known[i] = map[string]recipes.Given{}
	}
	for i := range c.States {
		m := &c.States[i]
		if !m.Reads() {
			continue
		}
		var queries []state.Query
		var of []int // the item of each query
		for item := range c.items {
			key, err := c.keyOf(m.Key, item)
			vector, known := c.vectorOf(read, m.Vector, item)
			if err == nil && known {
				queries, of = append(queries, state.Query{Key: key, Vector: vector}), append(of, item)
			}
		}
		if len(queries) == 0 {
			continue
		}
		readings, err := c.readAlone(ctx, m.State, queries, of)
		if err != nil {
			return err
		}
		for k, reading := range readings {
			numbers := map[string]float64{}
			for name, x := range reading.Numbers {
				if x.Known {
					numbers[name] = x.Value
				}
			}
			c.known[of[k]][m.Name] = recipes.Given{Labels: numbers}
		}
	}
	return nil
}

// readAlone reads a state. A query that does not fit it fails its item, and the others are read again without it.
func (c *composing) readAlone(ctx context.Context, name string, queries []state.Query, of []int) ([]state.Reading, error) {
	_, readings, err := c.states.Read(ctx, name, queries)
	if err == nil || failure.Of(err).Code != failure.CodeInvalidField {
		return readings, err
	}
	readings = make([]state.Reading, len(queries))
	for k := range queries {
		_, one, err := c.states.Read(ctx, name, queries[k:k+1])
		switch {
		case err == nil:
			readings[k] = one[0]
		case failure.Of(err).Code == failure.CodeInvalidField:
			c.request.refuse(of[k], failure.Of(err).Within("state "+name))
		default:
			return nil, err
		}
	}
	return readings, nil
}

// keyOf is an item's key of a state.
func (c *composing) keyOf(by string, item int) (string, error) {
	if c.request.Refused[item] != nil {
		return "", errors.New("the item has failed")
	}
	switch by {
	case "":
		return "", nil
	case recipes.Prompt, recipes.Response:
		text, there := textsOf(&c.items[item])[by]
		if !there {
			return "", fmt.Errorf("the item has no %s", by)
		}
		return state.KeyOf(text.Word), nil
	}
	return c.field(by, item).Word, nil
}

// field is what a request says of an item under a name.
func (c *composing) field(name string, item int) recipes.Given {
	if c.given == nil {
		return recipes.Given{}
	}
	return c.given[item][name]
}

// vectorOf is what a state is asked about for an item: a field of it, or a reading, which may have failed.
func (c *composing) vectorOf(read []gathered, name string, item int) ([]float64, bool) {
	for i := range c.components {
		if c.components[i].reading.Name == name {
			part, of := c.components[i].part(read, item)
			return of.Vector, part.Err == nil
		}
	}
	return c.field(name, item).Vector, true
}

// lacks is why an item has no reward: a number of a state that an expression reads is not known, and the recipe does
// not say what it is then.
func (c *composed) lacks(given map[string]recipes.Given) *failure.Error {
	for i := range c.States {
		m := &c.States[i]
		if name := m.Lacks(given[m.Name].Labels); name != "" {
			by := ""
			if m.Key != "" {
				by = " of the item's " + m.Key
			}
			return failure.New(failure.CodeMissing, "state.%s: state %q knows no %s%s, and recipe %q gives no number for that", m.Name, m.State, name, by, c.Name)
		}
	}
	return nil
}

// learnWait bounds the updates of a request, which are made even where its deadline has just passed.
const learnWait = 10 * time.Second

// learn updates the recipe's states, once, by the items that have a reward. Where that fails the request does.
func (c *composing) learn(ctx context.Context, read []gathered, results []Result, outcomes []recipes.Outcome) error {
	if len(c.States) == 0 {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), learnWait)
	defer cancel()
	for i := range c.States {
		m := &c.States[i]
		if m.Update == nil {
			continue
		}
		updates, err := c.updatesOf(i, read, results, outcomes)
		if err != nil {
			return within("state."+m.Name+".update", err)
		}
		if len(updates) == 0 {
			continue
		}
		if _, err := c.states.Update(ctx, m.State, updates, 0); err != nil {
			return within("state."+m.Name, err)
		}
	}
	return nil
}

// updatesOf are the updates of one state.
func (c *composing) updatesOf(place int, read []gathered, results []Result, outcomes []recipes.Outcome) (updates []state.Update, err error) {
	m := &c.States[place]
	if m.Spec.Kind == state.Multipliers {
		return meansOf(m.Name, results, outcomes), nil
	}
	for item := range results {
		if results[item].Err != nil {
			continue
		}
		vector, _ := c.vectorOf(read, m.Vector, item)
		u, err := c.updateOf(m.Spec.Kind, m.Key, outcomes[item].Updates[m.Name][""], vector, item)
		if err != nil {
			return nil, err
		}
		if m.Spec.Kind != state.Labels || u.Seen > 0 {
			updates = append(updates, u)
		}
	}
	return updates, nil
}

// updateOf is the update of one item.
func (c *composing) updateOf(kind, by string, numbers, vector []float64, item int) (state.Update, error) {
	key, err := c.keyOf(by, item)
	u := state.Update{Key: key}
	switch {
	case err != nil:
		return u, failure.New(failure.CodeRecipe, "%v", err)
	case kind == state.Labels:
		seen := numbers[0]
		if seen != math.Trunc(seen) || seen < 0 || seen > math.MaxInt32 {
			return u, failure.New(failure.CodeRecipe, "how often a key was seen is %g, and must be a whole number from 0 to %d", seen, math.MaxInt32)
		}
		u.Seen = int(seen)
	case kind == state.Neighbours:
		u.Vector, u.Score = vector, &numbers[0]
		if by == "" {
			u.Key = state.KeyOf(fmt.Sprint(vector))
		}
	default:
		u.Values = numbers
	}
	return u, nil
}

// meansOf is the one update of multipliers: the mean of each constraint over the items that have a reward.
func meansOf(name string, results []Result, outcomes []recipes.Outcome) []state.Update {
	by := map[string][]float64{}
	for item := range results {
		if results[item].Err == nil {
			for constraint, numbers := range outcomes[item].Updates[name] {
				by[constraint] = append(by[constraint], numbers...)
			}
		}
	}
	if len(by) == 0 {
		return nil
	}
	means := make(map[string]float64, len(by))
	for _, constraint := range slices.Sorted(maps.Keys(by)) {
		means[constraint] = ops.Mean(by[constraint])
	}
	return []state.Update{{Means: means}}
}
