package server

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/wire"
)

// gap is a recipe over both of the embedded models.
const gap = `recipe: 1
name: outcome-and-steps
paper: A title
params:
  w: {default: 0.25, min: 0, max: 1}
readings:
  outcome: {gives: score, model: arith-rm}
  q: {gives: steps, model: arith-prm}
values:
  weakest: min(q)
score: (1 - w) * outcome + w * weakest
example: {given: {outcome: 2, q: [0.5, 1]}, values: {weakest: 0.5}, score: 1.625, source: by hand}
`

// TestARecipeOverTheEmbeddedModels: a recipe's components are what its models answer when each is asked alone, its
// score is the expression of them, and it ranks and compares by that score.
func TestARecipeOverTheEmbeddedModels(t *testing.T) {
	s := embeddedServer(t)
	r, err := recipes.Parse([]byte(gap))
	if err == nil {
		err = s.engine.(served).Serve(r, nil) //nolint:forcetypeassert // the test's own engine
	}
	if err != nil {
		t.Fatal(err)
	}
	const items = `"items":[{"prompt":"12 + 30 = ","steps":["40"," + 2"," = 42"]},{"prompt":"7 + 8 = ","steps":["16"]},{"prompt":"1","steps":[]}]}`
	got := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", `{"model":"outcome-and-steps","params":{"w":0.5},`+items))
	steps := decoded[wire.StepsAnswer](t, do(t, s, "POST", "/v1/steps", `{"model":"arith-prm",`+items))
	outcomes := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score",
		`{"model":"arith-rm","items":[{"prompt":"12 + 30 = ","response":"40 + 2 = 42"},{"prompt":"7 + 8 = ","response":"16"}]}`))
	for i := range outcomes.Results {
		result, weakest := got.Results[i], *steps.Results[i].Steps[0].Score
		q := result.Components["q"]
		for k, step := range steps.Results[i].Steps {
			if weakest = min(weakest, *step.Score); q.Steps[k] != *step.Score {
				t.Errorf("item %d, step %d: %g, and asked alone %g", i, k, q.Steps[k], *step.Score)
			}
		}
		outcome := result.Components["outcome"]
		if *outcome.Score != *outcomes.Results[i].Score || outcome.Model != "arith-rm" || outcome.Digest != outcomes.Digest || q.Digest != steps.Digest {
			t.Errorf("item %d: %+v, and asked alone %+v", i, outcome, outcomes.Results[i])
		}
		if want := 0.5**outcome.Score + 0.5*weakest; math.Abs(*result.Score-want) > 1e-12 || result.Values["weakest"] != weakest {
			t.Errorf("item %d: score %g, want %g; %v", i, *result.Score, want, result.Values)
		}
	}
	if bad := got.Results[2]; bad.Score != nil || bad.Error == nil || bad.Components["q"].Error == nil || bad.Values != nil {
		t.Errorf("an item without steps: %+v", bad)
	}
	if got.Model != "outcome-and-steps" || got.Digest == r.Digest || !strings.HasPrefix(got.Digest, "sha256:") {
		t.Errorf("answered by %s %s", got.Model, got.Digest)
	}
	if p := refusal(t, do(t, s, "POST", "/v1/score", `{"model":"outcome-and-steps","params":{"w":2},`+items)); p.Status != http.StatusUnprocessableEntity ||
		p.Detail != "params.w: is 2, and must be from 0 to 1" {
		t.Errorf("%+v", p)
	}
	list := decoded[wire.RecipesAnswer](t, do(t, s, "GET", "/v1/recipes", ""))
	if len(list.Recipes) != 1 {
		t.Fatalf("%+v", list)
	}
	if of := list.Recipes[0]; of.Name != "outcome-and-steps" || of.Params[0].Default != 0.25 || of.Readings[1].Model != "arith-prm" ||
		of.Values[0].Expression != "min(q)" || *of.Example.Score != 1.625 || of.Digest != r.Digest {
		t.Errorf("%+v", of)
	}
}

// TestARecipeRanksByItsScore: on rank and compare too the order is that of the expression.
func TestARecipeRanksByItsScore(t *testing.T) {
	s := embeddedServer(t)
	r, err := recipes.Parse([]byte("recipe: 1\nname: worst\nreadings: {r: {gives: raw, model: arith-rm}}\nscore: 0 - r\n"))
	if err == nil {
		err = s.engine.(served).Serve(r, nil) //nolint:forcetypeassert // the test's own engine
	}
	if err != nil {
		t.Fatal(err)
	}
	const responses = `"prompt":"12 + 30 = ","responses":["42","41","7"]}`
	best := decoded[wire.RankAnswer](t, do(t, s, "POST", "/v1/rank", `{"model":"arith-rm",`+responses))
	worst := decoded[wire.RankAnswer](t, do(t, s, "POST", "/v1/rank", `{"model":"worst",`+responses))
	for i := range best.Ranking {
		if best.Ranking[i].Index != worst.Ranking[2-i].Index {
			t.Errorf("the rankings are %v and %v", best.Ranking, worst.Ranking)
		}
	}
	compared := decoded[wire.CompareAnswer](t, do(t, s, "POST", "/v1/compare", `{"model":"worst",`+responses))
	other := decoded[wire.CompareAnswer](t, do(t, s, "POST", "/v1/compare", `{"model":"arith-rm",`+responses))
	for i := range 3 {
		for j := range 3 {
			if p, q := *compared.Preference[i][j], *other.Preference[j][i]; math.Abs(p-q) > 1e-12 {
				t.Errorf("preference (%d, %d) is %g, and of the model the other way round %g", i, j, p, q)
			}
		}
	}
}

// TestARecipeOfTheRequestsOwn: it is answered as the same recipe would be that the server has, where its sender may
// bring one, and refused with its line where it is wrong.
func TestARecipeOfTheRequestsOwn(t *testing.T) {
	s := embeddedServer(t)
	const items = `"items":[{"prompt":"12 + 30 = ","steps":["40"," + 2"," = 42"]}]}`
	served, err := recipes.Parse([]byte(gap))
	if err == nil {
		err = s.engine.(interface { //nolint:forcetypeassert // the test's own engine
			Serve(r *recipes.Recipe, bind map[string]string) error
		}).Serve(served, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	had := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", `{"model":"outcome-and-steps",`+items))
	own := asJSON(t, gap)
	brought := decoded[wire.ScoreAnswer](t, do(t, s, "POST", "/v1/score", `{"recipe":`+own+`,`+items))
	if *had.Results[0].Score != *brought.Results[0].Score || had.Digest != brought.Digest || brought.Model != "outcome-and-steps" {
		t.Errorf("%+v, and of the request's own %+v", had, brought)
	}
	for body, want := range map[string]string{
		`{"recipe":"recipe: 1\nname: a\nreadings: {r: {gives: score}}\nscore: s\n",` + items:                                                       "recipe: line 4: score, column 1: unknown name s",
		`{"recipe":"recipe: 1\nname: a\nreadings: {r: {gives: score, model: none}}\nscore: r\n",` + items:                                          `recipe a: readings.r: no model is named "none"; loaded: arith-rm, arith-prm`,
		`{"model":"arith-rm","recipe":"recipe: 1\n",` + items:                                                                                      "recipe: given together with model, and one of them answers",
		`{"recipe":"` + strings.Repeat("#", recipes.MaxBytes+1) + `",` + items:                                                                     "recipe: the file has 65537 bytes, and a recipe may have 65536",
		`{"recipe":"recipe: 1\nname: a\nreadings: {r: {gives: score}}\nstate: {past: {kind: running, learn: r}}\nscore: r - past.mean\n",` + items: "recipe: ",
	} {
		if p := refusal(t, do(t, s, "POST", "/v1/score", body)); p.Status != http.StatusUnprocessableEntity || !strings.HasPrefix(p.Detail, want) {
			t.Errorf("%.80s: %+v, want %s", body, p, want)
		}
	}
	guarded := newServer(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "o", Name: "researcher", Recipes: true}, {Token: "s", Name: "trainer"}}})
	for token, status := range map[string]int{"o": http.StatusOK, "s": http.StatusForbidden} {
		got := do(t, guarded, "POST", "/v1/score", `{"recipe":"recipe: 1\n","items":[{"text":"a"}]}`, "Authorization", "Bearer "+token)
		if got.status != status {
			t.Errorf("token %s: %d %s", token, got.status, got.body)
		}
	}
}
