package recipes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Outcome is the reward of one item.
type Outcome struct {
	Score   float64                         // of a recipe that rewards items
	Values  map[string]float64              // of those of the recipe's values that are numbers
	Vectors map[string][]float64            // of those that are vectors
	Steps   []float64                       // of a recipe that gives each step a reward: one for each
	Updates map[string]map[string][]float64 // of the recipe's states, by their names, once the request is answered

	numbers map[string]float64 // what a group's expressions see as vectors over its responses
	words   map[string]string
}

// Evaluate computes the reward of one item. Every param must be set ([Recipe.Set]), and under given stand the item's
// fields ([Recipe.Of]), every reading, and the texts of the item that are there, by [Prompt], [Response] and
// [Reference]. The error says which value or the score has no number, and why.
func (r *Recipe) Evaluate(params, given map[string]Given) (Outcome, error) {
	out := Outcome{Values: map[string]float64{}, numbers: map[string]float64{}, words: map[string]string{}}
	env, err := r.seen(params, given)
	if err != nil {
		return Outcome{}, err
	}
	for i := range r.Given {
		out.remember(r.Given[i].Name, env[r.Given[i].Name])
	}
	for i := range r.Readings {
		if name := r.Readings[i].Name; r.Readings[i].Gives != Preferences {
			out.remember(name, env[name])
		}
	}
	if err := r.compute(env, &out); err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// seen is what expressions see before anything is computed.
func (r *Recipe) seen(params, given map[string]Given) (map[string]any, error) {
	env := make(map[string]any, len(params)+len(given)+len(r.Values))
	if err := put(env, r.Params, params); err != nil {
		return nil, err
	}
	if err := put(env, r.Given, given); err != nil {
		return nil, err
	}
	for _, name := range r.texts {
		of, there := given[name]
		if !there {
			return nil, fmt.Errorf("the item has no %s", name)
		}
		env[name] = text(of.Word)
	}
	for i := range r.States {
		value, err := r.States[i].value(given[r.States[i].Name].Labels)
		if err != nil {
			return nil, err
		}
		env[r.States[i].Name] = value
	}
	for i := range r.Readings {
		one := &r.Readings[i]
		if one.Gives == Preferences {
			continue
		}
		value, err := one.value(given[one.Name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Name, err)
		}
		env[one.Name] = value
	}
	return env, nil
}

// put adds what params are set to.
func put(env map[string]any, params []Param, of map[string]Given) error {
	for i := range params {
		one := of[params[i].Name]
		value, err := one.value(params[i].Form)
		if err != nil {
			return fmt.Errorf("%s: %w", params[i].Name, err)
		}
		env[params[i].Name] = value
	}
	return nil
}

// compute evaluates the values, the score and the steps.
func (r *Recipe) compute(env map[string]any, out *Outcome) error {
	for i := range r.Values {
		v := &r.Values[i]
		value, err := run(v.program, env)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Name, err)
		}
		switch of := value.(type) {
		case float64:
			out.Values[v.Name] = of
		case vector:
			if out.Vectors == nil {
				out.Vectors = map[string][]float64{}
			}
			out.Vectors[v.Name] = of
		}
		env[v.Name] = value
		out.remember(v.Name, value)
	}
	if r.score != nil {
		score, err := run(r.score, env)
		if err != nil {
			return fmt.Errorf("score: %w", err)
		}
		out.Score, _ = score.(float64)
		out.remember("score", score)
	}
	if r.steps != nil {
		steps, err := run(r.steps, env)
		if err != nil {
			return fmt.Errorf("steps: %w", err)
		}
		out.Steps = numbersOf(steps)
	}
	return r.remembered(env, out)
}

// remember keeps what a group's expressions may see.
func (o *Outcome) remember(name string, value any) {
	switch of := value.(type) {
	case float64:
		o.numbers[name] = of
	case string:
		o.words[name] = of
	}
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
