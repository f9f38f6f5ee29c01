package papers

import (
	"encoding/json"
	"maps"
	"math"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// example is what examples.py computes of a recipe, of an item or of a group.
type example struct {
	Params  map[string]any         `json:"params"`
	Given   map[string]any         `json:"given"`
	Group   []map[string]any       `json:"group"`
	Between map[string][][]float64 `json:"between"`
	Values  map[string]float64     `json:"values"`
	Score   float64                `json:"score"`
	Scores  []float64              `json:"scores"`
	Steps   []float64              `json:"steps"`
}

// TestRecipesGiveTheNumbersOfTheirPapers: every recipe is right, and on given readings gives what the paper's formula
// does, computed by another program; its own example has these numbers too.
func TestRecipesGiveTheNumbersOfTheirPapers(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "python3", "examples.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var examples map[string]example
	if err := json.Unmarshal(out, &examples); err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		text, _ := Read(name)
		r, err := recipes.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		of, known := examples[name]
		if !known || r.Name != name || r.Paper == "" || r.About == "" || r.Example == nil {
			t.Errorf("%s: examples.py knows it: %v; it is named %s, of the paper %q", name, known, r.Name, r.Paper)
			continue
		}
		got, err := evaluate(r, of)
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 })
		if err != nil || !cmp.Equal(got, *of.numbers(), near) {
			t.Errorf("%s gives %+v, and the paper's formula %+v: %v", name, got, *of.numbers(), err)
		}
		e := r.Example
		own := example{Values: e.Values, Score: e.Score, Scores: e.Scores, Steps: e.Steps}
		if !cmp.Equal(*own.numbers(), *of.numbers(), near) {
			t.Errorf("%s: its example is %+v, and examples.py has %+v", name, *own.numbers(), *of.numbers())
		}
	}
	if len(examples) != len(Names()) {
		t.Errorf("examples.py has %d recipes, and there are %d", len(examples), len(Names()))
	}
}

// numbers are what comes of an example.
type numbers struct {
	Values map[string]float64
	Score  float64
	Scores []float64
	Steps  []float64
}

func (e *example) numbers() *numbers {
	if e.Values == nil {
		e.Values = map[string]float64{}
	}
	return &numbers{e.Values, e.Score, e.Scores, e.Steps}
}

// evaluate is what the recipe gives of an example; of its values, those that the example has.
func evaluate(r *recipes.Recipe, of example) (numbers, error) {
	var got numbers
	params, err := r.Set(given(of.Params))
	if err != nil {
		return got, err
	}
	if r.Group == nil {
		out, err := item(r, params, of.Given)
		return numbers{among(out.Values, of.Values), out.Score, nil, out.Steps}, err
	}
	members, between := make([]recipes.Outcome, len(of.Group)), map[string]ops.Matrix{}
	for i := range members {
		if members[i], err = item(r, params, of.Group[i]); err != nil {
			return got, err
		}
	}
	for name, rows := range of.Between {
		between[name] = ops.NewMatrix(len(rows), len(rows))
		for i := range rows {
			for j, p := range rows[i] {
				between[name].Row(i)[j] = ops.Some(p)
			}
		}
	}
	rewards, values, err := r.EvaluateGroup(params, members, between)
	return numbers{among(values, of.Values), 0, rewards, nil}, err
}

// item is the outcome of an item: of its readings, and of its fields, which have defaults.
func item(r *recipes.Recipe, params map[string]recipes.Given, of map[string]any) (recipes.Outcome, error) {
	all, fields := given(of), map[string]recipes.Given{}
	for _, p := range r.Given {
		if one, there := all[p.Name]; there {
			fields[p.Name] = one
		}
	}
	fields, err := r.Of(fields)
	if err != nil {
		return recipes.Outcome{}, err
	}
	maps.Copy(all, fields)
	return r.Evaluate(params, all)
}

func among(got, wanted map[string]float64) map[string]float64 {
	of := map[string]float64{}
	for name := range wanted {
		if x, known := got[name]; known {
			of[name] = x
		}
	}
	return of
}

// given is JSON as recipes take it: numbers, texts, lists of either, vectors of tokens, and numbers by label.
func given(of map[string]any) map[string]recipes.Given {
	all := map[string]recipes.Given{}
	for name, value := range of {
		var one recipes.Given
		switch x := value.(type) {
		case float64:
			one.Number = x
		case string:
			one.Word = x
		case map[string]any:
			one.Labels = map[string]float64{}
			for label, number := range x {
				one.Labels[label], _ = number.(float64)
			}
		case []any:
			for _, element := range x {
				switch y := element.(type) {
				case float64:
					one.Vector = append(one.Vector, y)
				case string:
					one.Words = append(one.Words, y)
				case []any:
					row := make([]float64, len(y))
					for i := range y {
						row[i], _ = y[i].(float64)
					}
					one.Tokens.Rows = append(one.Tokens.Rows, row)
				}
			}
		}
		all[name] = one
	}
	return all
}
