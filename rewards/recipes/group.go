package recipes

import (
	"errors"
	"fmt"

	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/assay-rm/assay/rewards/ops"
)

// Group is how the responses to one prompt get rewards by one another. Its expressions see as vectors, with a number
// for each response, what is a number of an item (fields, readings, values, and its score), as words in an order what
// is a word of an item, and as a matrix every reading of preferences.
type Group struct {
	Values []Value // of the group, in the order in which they are computed
	Score  string  // a vector: the reward of each response

	score *vm.Program
}

func (g *Group) compile(r *Recipe, item *scope) error {
	of := &scope{where: item.where, env: types.Map{}, used: item.used, words: oneOf(r.Params)}
	for _, p := range r.Params {
		of.env[p.Name] = p.Form.shape()
	}
	for name, shape := range item.env {
		switch _, ours := of.env[name]; {
		case ours:
		case shape == aNumber:
			of.env[name] = aVector
		case shape == aWord:
			of.env[name] = aList
		}
	}
	if r.Score != "" {
		of.env["score"] = aVector
	}
	for i := range r.Readings {
		if r.Readings[i].Gives == Preferences {
			of.env[r.Readings[i].Name] = aMatrix
		}
	}
	if err := of.values("group.values", g.Values); err != nil {
		return err
	}
	var err error
	defer func() { item.parts += of.parts }()
	g.score, err = of.expression("group.score", g.Score, aVector, "a vector, of one number for each response")
	return err
}

// EvaluateGroup computes the rewards of a group, one for each response, and those of the group's values that are
// numbers, of its responses' outcomes, and of their preferences, by the name of the reading, of which none may be
// missing.
func (r *Recipe) EvaluateGroup(params map[string]Given, responses []Outcome, between map[string]ops.Matrix) (
	rewards []float64, values map[string]float64, err error,
) {
	if len(responses) == 0 {
		return nil, nil, errors.New("there is no response")
	}
	env := map[string]any{}
	for name := range responses[0].numbers {
		v := make(vector, len(responses))
		for i := range responses {
			v[i] = responses[i].numbers[name]
		}
		env[name] = v
	}
	for name := range responses[0].words {
		of := make(wordList, len(responses))
		for i := range responses {
			of[i] = responses[i].words[name]
		}
		env[name] = of
	}
	for i := range r.Params {
		p, of := &r.Params[i], params[r.Params[i].Name]
		value, err := of.value(p.Form)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", p.Name, err)
		}
		env[p.Name] = value
	}
	for name, of := range between {
		env[name] = matrix{of}
	}
	values = map[string]float64{}
	for i := range r.Group.Values {
		v := &r.Group.Values[i]
		value, err := run(v.program, env)
		if err != nil {
			return nil, nil, fmt.Errorf("group.values.%s: %w", v.Name, err)
		}
		if x, ok := value.(float64); ok {
			values[v.Name] = x
		}
		env[v.Name] = value
	}
	scores, err := run(r.Group.score, env)
	if err != nil {
		return nil, nil, fmt.Errorf("group.score: %w", err)
	}
	if rewards = numbersOf(scores); len(rewards) != len(responses) {
		return nil, nil, fmt.Errorf("group.score: has %d numbers, and the group %d responses", len(rewards), len(responses))
	}
	return rewards, values, nil
}

// table is a matrix of numbers of which none is missing.
func table(rows [][]float64) (ops.Matrix, error) {
	m := ops.NewMatrix(len(rows), len(rows))
	for i, row := range rows {
		if len(row) != len(rows) {
			return m, fmt.Errorf("row %d has %d numbers, and there are %d rows", i, len(row), len(rows))
		}
		for j, x := range row {
			m.Row(i)[j] = ops.Some(x)
		}
	}
	return m, nil
}
