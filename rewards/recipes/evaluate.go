package recipes

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/ops"
)

// Given is what one reading gave of one item: that of its kind.
type Given struct {
	Number float64            // of Score and Raw
	Labels map[string]float64 // of Labels: at least those that the recipe names
	Steps  []float64          // of Steps
}

// Outcome is the reward of one item.
type Outcome struct {
	Score  float64
	Values map[string]float64 // of those of the recipe's values that are numbers
	Steps  []float64          // of a recipe that gives each step a reward: one for each
}

// Evaluate computes the reward of one item. Every param must be set ([Recipe.Set]) and every reading given. The error
// says which value or the score has no number, and why.
func (r *Recipe) Evaluate(params map[string]float64, given map[string]Given) (Outcome, error) {
	env := make(map[string]any, len(params)+len(given)+len(r.Values))
	for name, x := range params {
		env[name] = x
	}
	for i := range r.Readings {
		one := &r.Readings[i]
		value, err := one.value(given[one.Name])
		if err != nil {
			return Outcome{}, fmt.Errorf("%s: %w", one.Name, err)
		}
		env[one.Name] = value
	}
	out := Outcome{Values: map[string]float64{}}
	for i := range r.Values {
		v := &r.Values[i]
		value, err := run(v.program, env)
		if err != nil {
			return Outcome{}, fmt.Errorf("%s: %w", v.Name, err)
		}
		if x, ok := value.(float64); ok {
			out.Values[v.Name] = x
		}
		env[v.Name] = value
	}
	score, err := run(r.score, env)
	if err != nil {
		return Outcome{}, fmt.Errorf("score: %w", err)
	}
	out.Score, _ = score.(float64)
	if r.steps == nil {
		return out, nil
	}
	steps, err := run(r.steps, env)
	if err != nil {
		return Outcome{}, fmt.Errorf("steps: %w", err)
	}
	out.Steps = vector(steps)
	return out, nil
}

// value is what an expression sees of a reading.
func (r *Reading) value(given Given) (any, error) {
	switch r.Gives {
	case Steps:
		if len(given.Steps) == 0 {
			return nil, errors.New("there is no step")
		}
		return finiteVector("the steps", given.Steps)
	case Labels:
		of := make(map[string]any, len(r.Labels))
		for _, label := range r.Labels {
			x, known := given.Labels[label]
			if !known || !ops.Finite(x) {
				return nil, fmt.Errorf("label %q is %g", label, x)
			}
			of[label] = x
		}
		return of, nil
	case Score, Raw:
	}
	return finite("the reading")(given.Number, nil)
}

// run evaluates a program and holds its result to numbers.
func run(program *vm.Program, env map[string]any) (any, error) {
	value, err := vm.Run(program, env)
	if located, ok := errors.AsType[*file.Error](err); ok {
		message, _, _ := strings.Cut(located.Message, "\n")
		return nil, errors.New(message)
	}
	if err != nil {
		return nil, err
	}
	if x, ok := value.(float64); ok {
		return finite("the expression")(x, nil)
	}
	return value, nil
}

// exampleTolerance is how far the example's numbers may lie from what the recipe gives, relative to those above 1.
const exampleTolerance = 1e-9

// proveExample computes the example. A recipe need not have one.
func (r *Recipe) proveExample(where locator) error {
	if r.Example == nil {
		return nil
	}
	params, err := r.Set(r.Example.Params)
	if err != nil {
		return where.wrong("example", "example.%w", err)
	}
	for name := range r.Example.Given {
		if !r.reads(name) {
			return where.wrong("example.given", "example.given.%s: the recipe has no such reading", fault.Short(name))
		}
	}
	out, err := r.Evaluate(params, r.Example.Given)
	if err != nil {
		return where.wrong("example", "example: %w", err)
	}
	for name, want := range r.Example.Values {
		if got, known := out.Values[name]; !known || !near(got, want) {
			return where.wrong("example.values", "example.values.%s: is %.12g, and the recipe gives %.12g", fault.Short(name), want, got)
		}
	}
	if r.Example.Steps != nil && !slices.EqualFunc(out.Steps, r.Example.Steps, near) {
		return where.wrong("example.steps", "example.steps: are %.12g, and the recipe gives %.12g", r.Example.Steps, out.Steps)
	}
	if !near(out.Score, r.Example.Score) {
		return where.wrong("example.score", "example.score: is %.12g, and the recipe gives %.12g", r.Example.Score, out.Score)
	}
	return nil
}

func (r *Recipe) reads(name string) bool {
	for i := range r.Readings {
		if r.Readings[i].Name == name {
			return true
		}
	}
	return false
}

func near(got, want float64) bool {
	return math.Abs(got-want) <= exampleTolerance*max(1, math.Abs(want))
}
