package rewards

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

// TestARecipeOfTokens: two embedded language models, read token by token, come to what each of them scores and to what
// the one graph of both says, whatever recipe asks.
func TestARecipeOfTokens(t *testing.T) {
	e, _ := fixtures(t, "../../builtin/arith-policy", "../../builtin/arith-reference", "../../builtin/arith-implicit")
	r, err := recipes.Parse([]byte(`recipe: 1
name: ratio
readings:
  policy: {gives: logprobs, model: arith-policy}
  before: {gives: logprobs, model: arith-reference}
  whole: {gives: raw, model: arith-policy}
values:
  rest: sum(policy) - whole
  worst: min(policy - before)
score: sum(policy - before)
`))
	if err == nil {
		err = e.Serve(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	items := []encode.Item{
		{Prompt: new("12 + 30?"), Response: new("12 + 30 = 42\nAnswer: 42")},
		{Prompt: new("12 + 30?"), Response: new("12 + 30 = 43\nAnswer: 43")},
		{Text: new("a text")},
	}
	got := ask(t, e, Request{Question: Score, Model: "ratio", Items: items}).Results
	want := ask(t, e, Request{Question: Logprobs, Model: "arith-implicit", Items: items}).Logprobs
	for i := range items[:2] {
		least := math.Inf(1)
		for k := range want[i].Tokens {
			least = min(least, want[i].Tokens[k].Difference.Value)
		}
		if got[i].Err != nil || math.Abs(got[i].Score-want[i].Difference.Sum) > 1e-4 || math.Abs(got[i].Values["worst"]-least) > 1e-4 || got[i].Values["rest"] != 0 {
			t.Errorf("item %d: %v %g %v; both in one graph give %g, at worst %g", i, got[i].Err, got[i].Score, got[i].Values, want[i].Difference.Sum, least)
		}
		if part := got[i].Parts[0]; len(part.Steps) != len(want[i].Tokens) || math.Abs(part.Steps[3]-want[i].Tokens[3].Policy) > 1e-4 || part.Score.Known {
			t.Errorf("item %d: %+v", i, part)
		}
	}
	if got[0].Score < 0 || got[1].Score > -3 {
		t.Errorf("the right sum has %g and the wrong one %g", got[0].Score, got[1].Score)
	}
	if got[2].Err == nil || got[2].Err.Code != "bad_item" || !strings.HasPrefix(got[2].Err.Detail, "reading policy: ") {
		t.Errorf("a text: %+v", got[2].Err)
	}
}

// TestWhoseTokensARecipeReads: the one model that gives log-probabilities where none is named, and no other.
func TestWhoseTokensARecipeReads(t *testing.T) {
	serve := func(model string, manifests ...manifest.Manifest) (*Engine, fakes, error) {
		e, sources := engineOf(t, manifests...)
		r, err := recipes.Parse([]byte("recipe: 1\nname: a\nreadings: {p: {gives: logprobs" + model + "}}\nscore: sum(p)\n"))
		if err != nil {
			t.Fatal(err)
		}
		return e, sources, e.Serve(r, nil)
	}
	e, sources, err := serve("", reward("reward"), likelihoodOf("lm", "policy", "reference"))
	if err != nil {
		t.Fatal(err)
	}
	sources[1].places = 3 // of each place the policy's row is one more than the reference's
	result := ask(t, e, Request{Question: Score, Model: "a", Items: text("four")}).Results[0]
	if result.Err != nil || result.Score != 3 || !slices.Equal(result.Parts[0].Steps, []float64{1, 1, 1}) || result.Parts[0].Model != "lm" {
		t.Errorf("%+v", result)
	}
	bad := ask(t, e, Request{Question: Score, Model: "a", Items: text("nan")}).Results[0]
	if bad.Err == nil || bad.Parts[0].Err == nil || bad.Parts[0].Steps != nil {
		t.Errorf("%+v", bad)
	}
	for model, want := range map[string]string{
		"":                 "recipe a: readings.p: no model that gives log-probabilities is loaded",
		", model: fake-rm": `recipe a: readings.p: model "fake-rm" gives no log-probabilities`,
	} {
		if _, _, err := serve(model, reward("reward")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	_, err = e.Ask(t.Context(), Request{Question: Logprobs, Model: "a", Items: text("four")})
	if code(err) != "wrong_kind" || !strings.Contains(failure.Of(err).Detail, "is a recipe, and answers score") {
		t.Errorf("log-probabilities of a recipe: %v", err)
	}
}
