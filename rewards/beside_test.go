package rewards

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/recipes"
)

// TestAReferenceIsOfEveryResponse: however the question is asked, a response is compared with the reference of its own
// request, or of its own pair, and moves with it.
func TestAReferenceIsOfEveryResponse(t *testing.T) {
	e, _ := fixtures(t, "../families/polar")
	item := func(response, reference string) encode.Item {
		return encode.Item{Prompt: new("What is 12 + 30?"), Response: &response, Reference: &reference}
	}
	alone := func(item encode.Item) Result {
		return ask(t, e, Request{Question: Score, Items: []encode.Item{item}}).Results[0]
	}
	group := func(reference string, responses ...string) Group {
		return Group{Prompt: new("What is 12 + 30?"), Reference: &reference, Responses: responses}
	}
	want := map[string]Result{}
	for _, reference := range []string{"42", "41"} {
		for _, response := range []string{"42", "It is 41."} {
			result := alone(item(response, reference))
			if result.Err != nil {
				t.Fatal(result.Err)
			}
			want[reference+response] = result
		}
	}
	if want["4242"].Score == want["4142"].Score {
		t.Error("another reference gives the same score")
	}
	rank := ask(t, e, Request{Question: Rank, Groups: []Group{group("42", "42", "It is 41.")}})
	compare := ask(t, e, Request{Question: Compare, Groups: []Group{group("41", "42", "It is 41.")}})
	pairs := ask(t, e, Request{Question: Pairs, Groups: []Group{group("42", "42", "It is 41."), group("41", "42", "It is 41.")}})
	mixed := ask(t, e, Request{Question: Score, Items: []encode.Item{
		item("42", "42"), item("42", "41"), item("It is 41.", "42"), item("It is 41.", "41"),
	}})
	for name, got := range map[string][2]Result{
		"ranked 42":            {rank.Results[0], want["4242"]},
		"ranked 41":            {rank.Results[1], want["42It is 41."]},
		"compared 42":          {compare.Results[0], want["4142"]},
		"compared 41":          {compare.Results[1], want["41It is 41."]},
		"first pair, chosen":   {*pairs.Pairs[0].Chosen, want["4242"]},
		"second pair, chosen":  {*pairs.Pairs[1].Chosen, want["4142"]},
		"second pair, other":   {*pairs.Pairs[1].Rejected, want["41It is 41."]},
		"beside the other, 42": {mixed.Results[0], want["4242"]},
		"beside the other, 41": {mixed.Results[1], want["4142"]},
		"its response":         {mixed.Results[2], want["42It is 41."]},
		"and that of 41":       {mixed.Results[3], want["41It is 41."]},
	} {
		if got[0].Err != nil || got[0].Score != got[1].Score {
			t.Errorf("%s: %+v, and alone %+v", name, got[0], got[1])
		}
	}
	seen := ask(t, e, Request{Question: Tokenize, Items: []encode.Item{item("42", "41")}}).Tokenized[0]
	if seen.Err != nil || seen.Text != "What is 12 + 30?\n41<|reward|>What is 12 + 30?\n42[UNUSED_TOKEN_130]" {
		t.Errorf("%q, %v", seen.Text, seen.Err)
	}
}

// TestAMissingReferenceFailsItsItemsAlone: each by its own error, which names the field.
func TestAMissingReferenceFailsItsItemsAlone(t *testing.T) {
	e, _ := fixtures(t, "../families/polar")
	bare := encode.Item{Prompt: new("p"), Response: new("r")}
	whole, other := bare, bare
	whole.Reference, other.Reference, other.Principle = new("k"), new("k"), new("c")
	answer := ask(t, e, Request{Question: Score, Items: []encode.Item{bare, whole, other}})
	for i, want := range []string{"reference is missing", "", "principle is for models whose template names it"} {
		switch err := answer.Results[i].Err; {
		case want == "" && err != nil:
			t.Errorf("item %d: %v", i, err)
		case want != "" && (err == nil || err.Code != fault.CodeItem || !strings.Contains(err.Detail, want)):
			t.Errorf("item %d: %v, want %s", i, err, want)
		}
	}
	rank := ask(t, e, Request{Question: Rank, Groups: []Group{{Prompt: new("p"), Responses: []string{"a", "b"}}}})
	if len(rank.Ranking) != 0 || rank.Results[0].Err == nil || rank.Results[1].Err == nil {
		t.Errorf("ranked without a reference: %+v", rank)
	}
}

// TestARecipeGivesEachModelWhatItTakes: a reference goes to the models whose template names it, and a principle, which
// none of them names, to all of them.
func TestARecipeGivesEachModelWhatItTakes(t *testing.T) {
	verifier, plain := reward("good"), reward("good")
	verifier.Name, plain.Name = "verifier", "plain"
	verifier.Template.Fields = map[string]string{"reference": "required"}
	e, sources := engineOf(t, verifier, plain)
	r, err := recipes.Parse([]byte("recipe: 1\nname: both\nreadings:\n  v: {gives: score, model: verifier}\n  p: {gives: score, model: plain}\nscore: v + p\n"))
	if err == nil {
		err = e.Serve(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards seen: the models are asked side by side
	seen := map[string][]encode.Item{}
	for _, source := range sources {
		source.read = func(_ context.Context, ask models.Ask) error {
			mu.Lock()
			defer mu.Unlock()
			seen[source.info.Manifest.Name] = ask.Items
			return nil
		}
	}
	items := []encode.Item{{Prompt: new("p"), Response: new("r"), Reference: new("k"), Principle: new("c")}, {Text: new("t")}}
	ask(t, e, Request{Question: Score, Model: "both", Items: items})
	ask(t, e, Request{Question: Score, Model: "both", Items: items[:1]})
	if of := seen["verifier"][0]; *of.Reference != "k" || *of.Principle != "c" {
		t.Errorf("the verifier is asked %+v", of)
	}
	if of := seen["plain"][0]; of.Reference != nil || *of.Principle != "c" || *of.Prompt != "p" {
		t.Errorf("the other model is asked %+v", of)
	}
	if items[0].Reference == nil {
		t.Error("the request is changed")
	}
}
