package papers

import (
	"encoding/json"
	"math"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/recipes"
)

// example is what examples.py computes of a recipe.
type example struct {
	Params map[string]float64         `json:"params"`
	Given  map[string]json.RawMessage `json:"given"`
	Values map[string]float64         `json:"values"`
	Score  float64                    `json:"score"`
	Steps  []float64                  `json:"steps"`
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
			t.Errorf("%s: examples.py knows it: %v; it is %+v", name, known, r)
			continue
		}
		params, err := r.Set(of.Params)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := r.Evaluate(params, given(t, r, of))
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9 })
		if err != nil || math.Abs(got.Score-of.Score) > 1e-9 || !cmp.Equal(got.Steps, of.Steps, near) {
			t.Errorf("%s gives %+v, and the paper's formula %+v: %v", name, got, of, err)
		}
		for value, want := range of.Values {
			if math.Abs(got.Values[value]-want) > 1e-9 {
				t.Errorf("%s: %s is %g, and by the paper's formula %g", name, value, got.Values[value], want)
			}
		}
		if e := r.Example; e.Score != of.Score && math.Abs(e.Score-of.Score) > 1e-9 || !cmp.Equal(e.Steps, of.Steps, near) || !cmp.Equal(e.Values, of.Values, near) {
			t.Errorf("%s: its example is %+v, and examples.py has %+v", name, e, of)
		}
	}
	if len(examples) != len(Names()) {
		t.Errorf("examples.py has %d recipes, and there are %d", len(examples), len(Names()))
	}
}

// given are the readings of an example, each of its kind.
func given(t *testing.T, r *recipes.Recipe, of example) map[string]recipes.Given {
	t.Helper()
	all := map[string]recipes.Given{}
	for _, reading := range r.Readings {
		var one recipes.Given
		into := any(&one.Number)
		switch reading.Gives {
		case recipes.Steps:
			into = &one.Steps
		case recipes.Labels:
			into = &one.Labels
		case recipes.Score, recipes.Raw:
		}
		if err := json.Unmarshal(of.Given[reading.Name], into); err != nil {
			t.Fatal(err)
		}
		all[reading.Name] = one
	}
	return all
}
