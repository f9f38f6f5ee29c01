package rewards

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/recipes/papers"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/bolt"
)

// readBy is a tiny random model of each kind of reading.
var readBy = map[recipes.Kind]string{
	recipes.Score: "plain-qwen3", recipes.Raw: "cream-alone", recipes.Labels: "nemotron-340b-reward", recipes.Steps: "math-psa",
	recipes.Candidates: "choice-qwen3", recipes.Preferences: "gpm-llama", recipes.Embedding: "embedding-bert-mean", "logprobs": "cream-alone",
	"tokens": "embedding-bert-tokens",
}

// TestEveryRecipeOfAPaperRuns: over real models each recipe of a paper gives what its expression makes of the readings
// that are in the answer, for items, or for the responses of a group.
func TestEveryRecipeOfAPaperRuns(t *testing.T) {
	var names []string
	for _, name := range slices.Sorted(maps.Values(readBy)) {
		names = append(names, filepath.Join("..", "families", name))
	}
	names = slices.Compact(names)
	e, _ := fixtures(t, names...)
	var all []*recipes.Recipe
	for _, name := range papers.Names() {
		text, _ := papers.Read(name)
		switch name {
		case "agreement-probability": // words that are one token of the tiny tokenizer
			text = []byte(strings.NewReplacer("disagree", "N", "agree", "Y").Replace(string(text)))
			text = []byte(strings.NewReplacer("name: Yment-probability", "name: "+name, "disYing", "disagreeing").Replace(string(text)))
		case "neighbour-fusion": // the width of the tiny model's vectors
			text = []byte(strings.Replace(string(text), "width: 768", "width: 32", 1))
		}
		r, err := recipes.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		bind := map[string]string{}
		for i := range r.Readings {
			bind[r.Readings[i].Name] = readBy[r.Readings[i].Gives]
		}
		if err := e.Serve(r, bind); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, r)
	}
	store, err := bolt.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	states := state.New(store, state.Limits{})
	defer states.Close() //nolint:errcheck // the test's own file
	if err := e.Remember(t.Context(), states); err != nil {
		t.Fatal(err)
	}
	samples := []state.Update{{Key: state.KeyOf("What is 12 + 30?"), Values: []float64{-1, 0.5, 2}}}
	if _, err := states.Update(t.Context(), "quantile-centred.samples", samples, 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		runs(t, e, r)
	}
}

// runs asks a recipe about three items, or about four responses, with the params and the fields of its example.
func runs(t *testing.T, e *Engine, r *recipes.Recipe) {
	t.Helper()
	request := Request{Question: Score, Model: r.Name, Params: r.Example.Params}
	given := r.Example.Given
	if r.Group != nil {
		given = r.Example.Group[0]
	}
	fields := map[string]recipes.Given{}
	for _, p := range r.Given {
		if of, there := given[p.Name]; there {
			fields[p.Name] = of
		}
	}
	if _, point := fields["ideal"]; point {
		fields["ideal"] = recipes.Given{Vector: make([]float64, 32)}
		fields["ideal"].Vector[3] = 1
	}
	if _, masks := fields["parts"]; masks {
		fields["parts"] = recipes.Given{Words: []string{"12", "30"}}
	}
	steps := uses(r, recipes.Steps) || fields["kinds"].Words != nil
	responses := []string{"It is 42.", "41", "12 + 30 is 42", "no idea at all"}
	if r.Group != nil {
		request.Question, request.Groups = Rank, to("What is 12 + 30?", responses...)
		if steps {
			request.Groups = to("What is 12 + 30?", "12 + 30\nis\n42", "so\n42", "12\nand 30")
			request.Groups[0].Separator, responses = new("\n"), request.Groups[0].Responses
		}
	} else {
		for _, response := range responses[:3] {
			item := encode.Item{Prompt: new("What is 12 + 30?"), Response: new(response)}
			if r.NamesReference() {
				item.Reference = new("42")
			}
			if steps {
				item.Response, item.Steps = nil, []string{"12 + 30 ", "= 42 "}
			}
			request.Items = append(request.Items, item)
		}
	}
	n := len(request.Items)
	if request.Question == Rank {
		n = len(responses)
	}
	for range n {
		if len(r.Given) > 0 {
			request.Given = append(request.Given, fields)
		}
	}
	answer, err := e.Ask(t.Context(), request)
	if err != nil {
		t.Errorf("%s: %v", r.Name, err)
		return
	}
	params, _ := r.Set(request.Params)
	for i, got := range answer.Results {
		if got.Err != nil || math.IsNaN(got.Score) || len(got.Parts) != len(r.Readings) {
			t.Errorf("%s: result %d has %g, %v, of %d readings", r.Name, i, got.Score, got.Err, len(got.Parts))
			return
		}
		if r.Group != nil {
			continue
		}
		if uses(r, recipes.Embedding) || uses(r, "tokens") || len(r.States) > 0 {
			continue // neither vectors of texts and tokens nor states are in the answer
		}
		readings, err := r.Of(fields)
		if err != nil {
			t.Fatal(err)
		}
		for k, part := range got.Parts {
			one := recipes.Given{Number: part.Score.Value, Labels: part.Scores, Vector: part.Steps}
			if r.Readings[k].Gives == recipes.Raw {
				one.Number = part.Raw.Value
			}
			readings[part.Name] = one
		}
		maps.Copy(readings, textsOf(&request.Items[i]))
		if want, err := r.Evaluate(params, readings); err != nil || want.Score != got.Score {
			t.Errorf("%s: result %d is %g, and of its readings %g: %v", r.Name, i, got.Score, want.Score, err)
		}
	}
}

func uses(r *recipes.Recipe, gives recipes.Kind) bool {
	for i := range r.Readings {
		if r.Readings[i].Gives == gives {
			return true
		}
	}
	return false
}
