package recipes

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
)

// exampleTolerance is how far the example's numbers may lie from what the recipe gives, relative to those above 1.
const exampleTolerance = 1e-9

// proveExample computes the example. A recipe need not have one.
func (r *Recipe) proveExample(where locator) error {
	e := r.Example
	if e == nil {
		return nil
	}
	params, err := r.Set(e.Params)
	if err != nil {
		return where.wrong("example", "example.%w", err)
	}
	if r.Group != nil {
		return r.proveGroup(where, params)
	}
	given, err := r.exampleOf(e.Given)
	if err != nil {
		return where.wrong("example.given", "example.%w", err)
	}
	out, err := r.Evaluate(params, given)
	if err != nil {
		return where.wrong("example", "example: %w", err)
	}
	switch {
	case e.Steps != nil && !slices.EqualFunc(out.Steps, e.Steps, near):
		return where.wrong("example.steps", "example.steps: are %.12g, and the recipe gives %.12g", e.Steps, out.Steps)
	case !near(out.Score, e.Score):
		return where.wrong("example.score", "example.score: is %.12g, and the recipe gives %.12g", e.Score, out.Score)
	}
	return e.proveValues(where, out.Values)
}

func (r *Recipe) proveGroup(where locator, params map[string]Given) error {
	e := r.Example
	outcomes := make([]Outcome, len(e.Group))
	for i, member := range e.Group {
		given, err := r.exampleOf(member)
		if err != nil {
			return where.wrong("example.group", "example.group[%d].%w", i, err)
		}
		if outcomes[i], err = r.Evaluate(params, given); err != nil {
			return where.wrong("example.group", "example.group[%d]: %w", i, err)
		}
	}
	between := map[string]ops.Matrix{}
	for i := range r.Readings {
		name := r.Readings[i].Name
		if r.Readings[i].Gives != Preferences {
			continue
		}
		var err error
		if between[name], err = table(e.Between[name]); err != nil || len(e.Between[name]) != len(outcomes) {
			return where.wrong("example", "example.between.%s: must have a row and a column for each of the %d responses", name, len(outcomes))
		}
	}
	rewards, values, err := r.EvaluateGroup(params, outcomes, between)
	if err != nil {
		return where.wrong("example", "example: %w", err)
	}
	if !slices.EqualFunc(rewards, e.Scores, near) {
		return where.wrong("example.scores", "example.scores: are %.12g, and the recipe gives %.12g", e.Scores, rewards)
	}
	return e.proveValues(where, values)
}

func (e *Example) proveValues(where locator, got map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		if x, known := got[name]; !known || !near(x, e.Values[name]) {
			return where.wrong("example.values", "example.values.%s: is %.12g, and the recipe gives %.12g", fault.Short(name), e.Values[name], x)
		}
	}
	return nil
}

// exampleOf is what an example gives of an item: its readings, fields and texts.
func (r *Recipe) exampleOf(given map[string]Given) (map[string]Given, error) {
	fields, out := map[string]Given{}, map[string]Given{}
	for name, one := range given {
		switch {
		case slices.Contains(texts, name) || slices.ContainsFunc(r.Readings, func(of Reading) bool { return of.Name == name }),
			slices.ContainsFunc(r.States, func(m memory) bool { return m.Name == name }):
			out[name] = one
		case slices.ContainsFunc(r.Given, func(p Param) bool { return p.Name == name }):
			fields[name] = one
		default:
			return nil, fmt.Errorf("given.%s: the recipe has no such reading", fault.Short(name))
		}
	}
	fields, err := r.Of(fields)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, fields)
	return out, nil
}

func near(got, want float64) bool {
	return math.Abs(got-want) <= exampleTolerance*max(1, math.Abs(want))
}
