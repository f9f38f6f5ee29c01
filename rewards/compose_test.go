package rewards

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// mix is a recipe over a score, the same model's labels, and the steps of another model.
const mix = `recipe: 1
name: mix
params:
  w: {default: 0.5, min: 0, max: 1}
readings:
  r: {gives: score, model: rm}
  l: {gives: labels, model: rm, labels: [long]}
  q: {gives: steps}
values:
  least: min(q)
score: w * r + (1 - w) * least + 0 * l.long
`

// composedEngine serves a reward model named rm and a process model, and the recipes.
func composedEngine(tb testing.TB, texts ...string) (*Engine, fakes) {
	tb.Helper()
	rm, prm := reward("good", "long"), process("none", "good", "good")
	rm.Name = "rm"
	e, sources := engineOf(tb, rm, prm)
	sources[1].steps = []int{0, 1}
	sources[1].places = 2
	for _, text := range texts {
		r, err := recipes.Parse([]byte(text))
		if err == nil {
			err = e.Serve(r, nil)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return e, sources
}

// The fakes give the number of tokens, and of the second label or step one less.
func TestARecipeReadsEachModelOnce(t *testing.T) {
	e, sources := composedEngine(t, mix)
	answer := ask(t, e, Request{Question: Score, Model: "mix", Items: text("four", "sixsix"), Params: map[string]recipes.Given{"w": {Number: 0.25}}})
	for i, want := range []float64{0.25*4 + 0.75*3, 0.25*6 + 0.75*5} {
		got := answer.Results[i]
		if got.Err != nil || got.Score != want || got.Raw.Known || got.Values["least"] != want/1-(want-float64(3+2*i)) || len(got.Parts) != 3 {
			t.Errorf("item %d: %+v, want %g", i, got, want)
		}
	}
	first := answer.Results[0]
	if p := first.Parts[0]; p.Name != "r" || p.Model != "rm" || p.Digest != "sha256:0" || p.Score.Value != 4 || p.Raw.Value != 4 || p.Tokens.Tokens != 4 {
		t.Errorf("part %+v", p)
	}
	if l, q := first.Parts[1], first.Parts[2]; l.Scores["long"] != 3 || len(l.Scores) != 1 || q.Model != "fake-prm" || fmt.Sprint(q.Steps) != "[4 3]" {
		t.Errorf("parts %+v, %+v", l, q)
	}
	if answer.Model != "mix" || !strings.HasPrefix(answer.Digest, "sha256:") || answer.Usage.Items != 4 || first.Tokens.Tokens != 8 {
		t.Errorf("answered by %s %s with %+v", answer.Model, answer.Digest, answer.Usage)
	}
	for i, s := range sources {
		// Serve holds a model for the time of its own proof: once for each reading. A request holds it once.
		if s.admits.Load() != 1 || s.reads.Load() != 1 || s.released.Load() != int64([]int{3, 2}[i]) {
			t.Errorf("model %d: admitted %d times, read %d times, released %d times", i, s.admits.Load(), s.reads.Load(), s.released.Load())
		}
	}
}

// Where one reading fails, the item has its error and no number, and the other readings are there.
func TestAFailedReadingIsNeverANumber(t *testing.T) {
	e, sources := composedEngine(t, mix)
	answer := ask(t, e, Request{Question: Score, Model: "mix", Items: text("four", "lost", "nan", "five5")})
	for i, want := range map[int]string{1: "reading r: the deadline passed", 2: "reading r: label \"good\" is NaN"} {
		got := answer.Results[i]
		if got.Err == nil || !strings.HasPrefix(got.Err.Detail, want) || got.Score != 0 || got.Values != nil || got.Parts[0].Err == nil || got.Parts[0].Score.Known {
			t.Errorf("item %d: %+v", i, got)
		}
	}
	if a, b := answer.Results[0], answer.Results[3]; a.Err != nil || b.Err != nil || a.Score != 3.5 || b.Score != 4.5 {
		t.Errorf("the others have %+v and %+v", a, b)
	}
	sources[1].read = func(context.Context, models.Ask) error { return fault.New(fault.CodeRun, "the graph broke") }
	answer = ask(t, e, Request{Question: Score, Model: "mix", Items: text("four", "five5")})
	for i, got := range answer.Results {
		if got.Err == nil || got.Err.Code != fault.CodeRun || got.Err.Detail != "reading q: the graph broke" || !got.Parts[0].Score.Known || got.Parts[2].Err == nil {
			t.Errorf("item %d: %+v", i, got)
		}
	}
	sources[1].full = &failure.Error{Code: failure.CodeQueueFull, Detail: "full"}
	reads := sources[0].reads.Load()
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "mix", Items: text("four")}); code(err) != failure.CodeQueueFull || sources[0].reads.Load() != reads {
		t.Errorf("a full queue: %v", err)
	}
}

// Token ids are of one tokenizer: where several models would read them the item fails, and its mates do not.
func TestIDsAreOfOneModel(t *testing.T) {
	e, sources := composedEngine(t, mix, "recipe: 1\nname: one\nreadings:\n  r: {gives: score}\n  x: {gives: raw}\nscore: r + x\n")
	items := append(text("four"), encode.Item{InputIDs: []int64{1, 2}})
	answer := ask(t, e, Request{Question: Score, Model: "mix", Items: items})
	if good, bad := answer.Results[0], answer.Results[1]; good.Err != nil || bad.Err == nil || bad.Err.Code != fault.CodeItem ||
		!strings.Contains(bad.Err.Detail, "reads several models") || sources[0].items.Load() != 1 {
		t.Errorf("%+v, %+v", good, bad)
	}
	ask(t, e, Request{Question: Score, Model: "one", Items: items})
	if n := sources[0].items.Load(); n != 3 {
		t.Errorf("a recipe of one model has read %d items, want both", n-1)
	}
}

// A recipe that has no number for what was read says so of the item.
func TestARecipeWithoutANumberIsAnError(t *testing.T) {
	e, _ := composedEngine(t, "recipe: 1\nname: inverse\nreadings:\n  r: {gives: score}\nscore: 1 / (r - 4)\n")
	answer := ask(t, e, Request{Question: Score, Model: "inverse", Items: text("four", "five5")})
	if got := answer.Results[0]; got.Err == nil || got.Err.Code != failure.CodeRecipe || got.Score != 0 || got.Parts[0].Score.Value != 4 {
		t.Errorf("%+v", got)
	}
	if got := answer.Results[1]; got.Err != nil || got.Score != 1 {
		t.Errorf("%+v", got)
	}
}

// Of 10,000 requests with readings that fail one time of twenty none has a number where a reading has failed, and none
// lacks one where all are there.
func TestNoNumberComesOfAFailure(t *testing.T) {
	e, sources := composedEngine(t, mix)
	random := rand.New(rand.NewPCG(7, 7))
	broken := [2]bool{}
	for i := range sources {
		sources[i].read = func(context.Context, models.Ask) error {
			if broken[i] {
				return errors.New("broken")
			}
			return nil
		}
	}
	failed := 0
	for n := range 10_000 {
		broken = [2]bool{random.Float64() < 0.025, random.Float64() < 0.025}
		texts := []string{"a good text", "another"}
		bad := random.Float64() < 0.05
		if bad {
			texts[1] = "nan"
		}
		answer := ask(t, e, Request{Question: Score, Model: "mix", Items: text(texts...)})
		for i, got := range answer.Results {
			want := broken[0] || broken[1] || bad && i == 1
			if (got.Err != nil) != want || want && (got.Score != 0 || got.Values != nil) || !want && got.Score == 0 {
				t.Fatalf("request %d, item %d: %+v", n, i, got)
			}
			if want {
				failed++
			}
		}
	}
	if failed < 500 || failed > 3000 {
		t.Errorf("%d items of 20,000 failed", failed)
	}
}

// Responses in another order get the same scores and the same places, however a recipe is asked.
func TestARecipeRanksAndCompares(t *testing.T) {
	e, _ := composedEngine(t, mix)
	rapid.Check(t, func(t *rapid.T) {
		responses := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-k]{0,12}`), 2, 6, func(s string) int { return len(s) }).Draw(t, "responses")
		ranked, err := e.Ask(context.Background(), Request{Question: Rank, Model: "mix", Groups: to("p", responses...)})
		if err != nil {
			t.Fatal(err)
		}
		compared, err := e.Ask(context.Background(), Request{Question: Compare, Model: "mix", Groups: to("p", responses...)})
		if err != nil {
			t.Fatal(err)
		}
		for k := 1; k < len(ranked.Ranking); k++ {
			better, worse := ranked.Ranking[k-1], ranked.Ranking[k]
			if len(responses[better]) <= len(responses[worse]) {
				t.Fatalf("%q is placed before %q", responses[better], responses[worse])
			}
			if p := compared.Preference.Row(better)[worse]; math.Abs(p.Value-1/(1+math.Exp(ranked.Results[worse].Score-ranked.Results[better].Score))) > 1e-12 {
				t.Fatalf("the preference is %g", p.Value)
			}
		}
	})
	pairs := ask(t, e, Request{Question: Pairs, Model: "mix", Groups: to("p", "a", "abc")})
	if got := pairs.Pairs[0]; got.Err != nil || got.Margin != -2 || got.Chosen.Score != got.Rejected.Score-2 {
		t.Errorf("the pair is %+v", got)
	}
}

// A recipe may give each step a reward of its own, which stands where the step is read.
func TestARecipeOfSteps(t *testing.T) {
	e, _ := composedEngine(t, "recipe: 1\nname: each\nreadings: {q: {gives: steps}}\nscore: last(q)\nsteps: q - 3\n",
		"recipe: 1\nname: fewer\nreadings: {q: {gives: steps}}\nscore: last(q)\nsteps: skip(q, 1)\n")
	answer := ask(t, e, Request{Question: Steps, Model: "each", Items: text("four", "lost"), Threshold: ops.Some(0.5)})
	got := answer.Steps[0]
	if got.Err != nil || len(got.Steps) != 2 || got.Steps[0].Score != ops.Some(1) || got.Steps[1].Score != ops.Some(0) || got.Steps[1].Token != 1 ||
		got.FirstError != 1 || got.Min != 0 || got.Mean != 0.5 || got.Steps[0].Raw.Known {
		t.Errorf("%+v", got)
	}
	if bad := answer.Steps[1]; bad.Err == nil || bad.Steps != nil {
		t.Errorf("%+v", bad)
	}
	answer = ask(t, e, Request{Question: Steps, Model: "fewer", Items: text("four")})
	if bad := answer.Steps[0]; bad.Err == nil || bad.Err.Code != failure.CodeRecipe || bad.Steps != nil {
		t.Errorf("%+v", bad)
	}
}

func TestWhatARecipeIsNotAsked(t *testing.T) {
	e, _ := composedEngine(t, mix)
	for want, r := range map[string]Request{
		"model: \"mix\" is a recipe, and answers score, rank and compare": {Question: Steps, Items: text("a")},
		"params.w: is 2, and must be from 0 to 1":                         {Question: Score, Items: text("a"), Params: map[string]recipes.Given{"w": {Number: 2}}},
		"params.v: recipe \"mix\" has no such param":                      {Question: Score, Items: text("a"), Params: map[string]recipes.Given{"v": {Number: 2}}},
		"label, activation and explain are of models":                     {Question: Score, Items: text("a"), Label: "good"},
	} {
		r.Model = "mix"
		if _, err := e.Ask(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "rm", Items: text("a"), Params: map[string]recipes.Given{"w": {Number: 1}}}); err == nil ||
		err.Error() != `params: are of recipes, and "rm" is none` {
		t.Errorf("params of a model: %v", err)
	}
}

func TestRecipesThatCannotBeServed(t *testing.T) {
	for want, c := range map[string]struct {
		text string
		bind map[string]string
	}{
		"recipe rm: something else is served under this name":                                   {"name: rm\nreadings: {r: {gives: score}}\nscore: r\n", nil},
		"recipe a: has no reading \"s\"":                                                        {"name: a\nreadings: {r: {gives: score}}\nscore: r\n", map[string]string{"s": "rm"}},
		"recipe a: readings.r: no such model":                                                   {"name: a\nreadings: {r: {gives: score, model: other}}\nscore: r\n", nil},
		"recipe a: readings.q: another kind":                                                    {"name: a\nreadings: {q: {gives: steps}}\nscore: last(q)\n", map[string]string{"q": "rm"}},
		"recipe a: readings.l: model \"rm\" has no label \"short\"; it has [\"good\" \"long\"]": {"name: a\nreadings: {l: {gives: labels, labels: [short]}}\nscore: l.short\n", nil},
	} {
		e, _ := composedEngine(t)
		r, err := recipes.Parse([]byte("recipe: 1\n" + c.text))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Serve(r, c.bind); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	one, _ := engineOf(t, manifest.Manifest{Name: "one", Kind: manifest.KindReward, Graph: reward("only").Graph})
	r, err := recipes.Parse([]byte("recipe: 1\nname: a\nreadings: {l: {gives: labels, labels: [only]}}\nscore: l.only\n"))
	if err == nil {
		err = one.Serve(r, nil)
	}
	if err == nil || err.Error() != `recipe a: readings.l: model "one" gives one score, and no labels` {
		t.Errorf("the error is %v", err)
	}
}

// What the expressions of a request take is bounded, over all of its items, and so are the numbers of its answer where
// no model reads anything: what is over it fails, and what was before it holds.
func TestARecipesWorkIsBounded(t *testing.T) {
	long := strings.Repeat(" + sum(v)", 180)
	e, _ := composedEngine(t, "recipe: 1\nname: long\ngiven: {v: {gives: vector}}\nscore: 0"+long+"\n",
		"recipe: 1\nname: wide\ngiven: {v: {gives: vector}}\nvalues: {a: v + 1, b: v + 2}\nscore: sum(a) + sum(b)\n",
		"recipe: 1\nname: compared\nreadings: {r: {gives: score, model: rm}}\ngroup:\n  score: r * kendall(r, r)\n",
		"recipe: 1\nname: matched\nreadings: {r: {gives: score, model: rm}}\ngroup: {score: win_rates(preferences(r))}\n")
	vector := map[string]recipes.Given{"v": {Vector: make([]float64, 4096)}}
	given := slices.Repeat([]map[string]recipes.Given{vector}, 60)
	items := text(slices.Repeat([]string{"a"}, 60)...)
	answer := ask(t, e, Request{Question: Score, Model: "long", Items: items, Given: given})
	if first, last := answer.Results[0], answer.Results[59]; first.Err != nil || last.Err == nil || last.Err.Code != fault.CodeBudget ||
		!strings.Contains(last.Err.Detail, "those of one request may take 67108864") {
		t.Errorf("%v, %v", first.Err, last.Err)
	}
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "wide", Items: items, Given: given}); code(err) != fault.CodeBudget {
		t.Errorf("60 items of two vectors of 4096: %v", err)
	}
	if got := ask(t, e, Request{Question: Score, Model: "wide", Items: items[:2], Given: given[:2]}); got.Results[1].Err != nil || got.Results[1].Score != 3*4096 {
		t.Errorf("%+v", got.Results[1].Err)
	}
	responses := make([]string, 513)
	for i := range responses {
		responses[i] = strings.Repeat("a", i%40)
	}
	for name, want := range map[string]string{"compared": "the vectors have 513 numbers, and may have 512", "matched": "there are 513 responses, and may be 128"} {
		got := ask(t, e, Request{Question: Rank, Model: name, Groups: to("p", responses...)})
		if bad := got.Results[7].Err; bad == nil || bad.Code != failure.CodeRecipe || !strings.Contains(bad.Detail, want) {
			t.Errorf("%s: %v", name, bad)
		}
	}
}
