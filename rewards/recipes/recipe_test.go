package recipes

import (
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/vectors"
)

const progress = `recipe: 1
name: process-advantage
paper: "Rewarding Progress: Scaling Automated Process Verifiers for LLM Reasoning"
params:
  alpha: {default: 0.5, min: 0, max: 10}
  k: {default: 4, min: 1, max: 64}
  before: {min: 0, max: 1}
readings:
  q: {gives: steps}
values:
  prover: best_of(q, k)
  gained: sum(progress(prover, best_of(before, k)))
score: last(q) + alpha * gained
example:
  params: {before: 0.5}
  given: {q: [0.5, 0.25, 0.75]}
  values: {gained: 0.05859375}
  score: 0.779296875
  source: 'by hand: 1 - 0.25^4 - (1 - 0.5^4) = 0.05859375'
`

// The page's recipes are right, their examples too, and every function that the page names is one of the language.
func TestTheRecipeOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/RECIPES.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(recipe:.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("docs/RECIPES.md has %d recipes", len(blocks))
	}
	for _, block := range blocks {
		if r, err := Parse(block[1]); err != nil || r.Example == nil {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	readings := regexp.MustCompile("(?s)```yaml\n(readings:.*?)```").FindSubmatch(page)
	whole := "recipe: 1\nname: a\ngiven: {parts: {gives: words}, kinds: {gives: words}}\n" + string(readings[1]) +
		"score: relevance + best_known + refusal + mean(pleased) + sum(shapley(chosen)) + math\n"
	if _, err := Parse([]byte(whole)); err != nil {
		t.Errorf("the readings of docs/RECIPES.md: %v", err)
	}
	for _, word := range words {
		if !slices.Contains([]string{"true", "false", "let", "if", "else", "in", "nil"}, word) && !regexp.MustCompile("`[^`]*\\b"+word+"\\b[^`]*`").Match(page) {
			t.Errorf("docs/RECIPES.md does not name %s", word)
		}
	}
}

func TestARecipeSaysWhatItIs(t *testing.T) {
	r, err := Parse([]byte(progress))
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "process-advantage" || len(r.Params) != 3 || r.Params[0].Name != "alpha" || r.Params[2].Default != nil ||
		len(r.Readings) != 1 || r.Values[1].Name != "gained" || !strings.HasPrefix(r.Digest, "sha256:") {
		t.Errorf("the recipe is %+v", r)
	}
	params, err := r.Set(map[string]Given{"before": {Number: 0}, "alpha": {Number: 2}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Evaluate(params, map[string]Given{"q": {Vector: []float64{0.5, 0.5}}})
	if err != nil || math.Abs(out.Score-(0.5+2*0.9375)) > 1e-15 || len(out.Values) != 1 {
		t.Errorf("the outcome is %+v, %v", out, err)
	}
}

// small is a recipe of one expression over a number r, labels l with helpful and long, and steps q.
func small(score string) string {
	return "recipe: 1\nname: small\nparams:\n  a: {default: 2}\nreadings:\n  r: {gives: score}\n  l: {gives: labels, labels: [helpful, long]}\n" +
		"  q: {gives: steps}\nvalues:\n  used: a + r + l.helpful + l[\"long\"] + sum(q)\nscore: '" + strings.ReplaceAll(score, "'", "''") + "'\n"
}

var given = map[string]Given{
	"r": {Number: 3}, "l": {Labels: map[string]float64{"helpful": 0.5, "long": -1, "other": 9}}, "q": {Vector: []float64{0.25, 0.5, 1}},
}

func TestExpressions(t *testing.T) {
	for score, want := range map[string]float64{
		"r":                                      3,
		"7":                                      7,
		"r * a - 1":                              5,
		"-r":                                     -3,
		"2 ** 3":                                 8,
		"2 ^ 3":                                  8,
		"1 / 4":                                  0.25,
		"used":                                   6.25,
		"r > 2 and not (a == 3) ? 1 : 0":         1,
		"l.helpful < 0 || r >= 3 ? r : -r":       3,
		"min(q)":                                 0.25,
		"max(r, 4, a)":                           4,
		"mean(q * 2 + q)":                        1.75,
		"sum(1 - q)":                             1.25,
		"last(-q)":                               -1,
		"sum(clip(q, 0.3, 0.6))":                 1.4,
		"sum(at_most(q, 0.3))":                   0.85,
		"at_least(r, 7) + max(at_least(q, 0.5))": 8,
		"max(abs(r - q))":                        2.75,
		"sum(at_most(q - r, -2.5) * (a - q))":    -11.0625,
		"min(clip(best_of(q / a, a) - 0.5, 0, 1)) + at(abs(-q), 0)": 0.25,
		"first(skip(q, 1))":              0.5,
		"at(q, 2)":                       1,
		"count(q)":                       3,
		"sum(delta(q))":                  0.25,
		"last(cumulative(q))":            1.75,
		"first(remaining(q))":            1.75,
		"sum(progress(q, 0))":            1,
		"best_of(0.5, 4)":                0.9375,
		"clip(r, 0, 1)":                  1,
		"log(exp(r))":                    3,
		"sigmoid(0) + tanh(0) + abs(-1)": 1.5,
		"log_sigmoid(0)":                 -math.Ln2,
		"logit(0.5) + sqrt(9)":           3,
		"product(q) + geometric_mean(q)": 0.625,
		"mean_odds(q / 2)":               (1.0/7 + 1.0/3 + 1) / 3,
	} {
		r, err := Parse([]byte(small(score)))
		if err != nil {
			t.Errorf("%s: %v", score, err)
			continue
		}
		params, _ := r.Set(nil)
		out, err := r.Evaluate(params, given)
		if err != nil || math.Abs(out.Score-want) > 1e-12 {
			t.Errorf("%s is %.15g, want %.15g: %v", score, out.Score, want, err)
		}
	}
}

// What has no number is an error of the item, wherever it comes up, and never a number.
func TestNothingIsSilentlyNoNumber(t *testing.T) {
	for score, want := range map[string]string{
		"1 / (r - 3)":               "score: /: the result is +Inf",
		"clip(1 / (r - 3), 0, 1)":   "score: /: the result is +Inf",
		"1e308 * 10 > 1 ? 1 : 0":    "score: *: the result is +Inf",
		"log(r - 4)":                "score: log: the result is NaN",
		"min(logit(q))":             "score: logit: number 2 of the result is +Inf",
		"sum(q + skip(q, 1))":       "score: +: the vectors have 3 and 2 numbers",
		"at(q, 3)":                  "score: at: there is no place 3 among 3 numbers",
		"at(q, 0.5)":                "score: at: there is no place 0.5 among 3 numbers",
		"sum(skip(q, 3))":           "score: skip: 3 of 3 numbers leaves none",
		"clip(r, 2, 1)":             "score: clip: the low limit 2 is above the high one, 1",
		"best_of(r, 4)":             "score: best_of: the result is NaN",
		"mean_logit(q)":             "score: mean_logit: the score of step 2 is 1, which this has no place for",
		"exp(exp(exp(exp(r)))) * 0": "score: exp: the result is +Inf",
	} {
		r, err := Parse([]byte(small(score)))
		if err != nil {
			t.Errorf("%s: %v", score, err)
			continue
		}
		params, _ := r.Set(nil)
		if out, err := r.Evaluate(params, given); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s is %g, and the error %v, want %s", score, out.Score, err, want)
		}
	}
	r, err := Parse([]byte(small("r")))
	if err != nil {
		t.Fatal(err)
	}
	params, _ := r.Set(nil)
	for name, bad := range map[string]Given{
		"r": {Number: math.NaN()}, "l": {Labels: map[string]float64{"helpful": 1}}, "q": {Vector: []float64{1, math.Inf(1)}},
	} {
		other := map[string]Given{"r": given["r"], "l": given["l"], "q": given["q"], name: bad}
		if out, err := r.Evaluate(params, other); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("with a bad %s the outcome is %+v, %v", name, out, err)
		}
	}
}

// tokensOfBoth is a recipe of the tokens y of a response and x of its prompt.
func tokensOfBoth(score string) string {
	return "recipe: 1\nname: a\nreadings:\n  y: {gives: tokens, reads: response}\n  x: {gives: tokens, reads: prompt}\nscore: " + score + "\n"
}

func TestWrongRecipesAreRefusedWithTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no version":                     {"name: a\nreadings: {r: {gives: score}}\nscore: r\n", "recipe: is 0, and this server knows version 1 of the language"},
		"another version":                {"recipe: 2\nname: a\n", "line 1: recipe: is 2"},
		"a name":                         {"recipe: 1\nname: A b\nreadings: {r: {gives: score}}\nscore: r\n", `line 2: name: "A b" must be`},
		"an unknown field":               {small("r") + "weights: 3\n", `line 12, "weights: 3": unknown field "weights"`},
		"no reading":                     {"recipe: 1\nname: a\nscore: '1'\n", "readings: there is none"},
		"no score":                       {"recipe: 1\nname: a\nreadings: {r: {gives: score}}\n", "score: is missing"},
		"a kind":                         {"recipe: 1\nname: a\nreadings:\n  r: {gives: scores}\nscore: r\n", `line 4: readings.r.gives: "scores" is none of score, raw, labels, steps`},
		"labels of none":                 {"recipe: 1\nname: a\nreadings:\n  r: {gives: labels}\nscore: r.a\n", "line 4: readings.r.labels: goes with"},
		"a name twice":                   {"recipe: 1\nname: a\nparams:\n  r: {default: 1}\nreadings:\n  r: {gives: score}\nscore: r\n", "line 6: readings.r: the name stands under params too"},
		"a name of ours":                 {"recipe: 1\nname: a\nreadings:\n  mean: {gives: score}\nscore: mean\n", "line 4: readings.mean: the name is one of the language's own"},
		"a default":                      {"recipe: 1\nname: a\nparams:\n  b: {default: 3, max: 2}\nreadings:\n  r: {gives: score}\nscore: r * b\n", "line 4: params.b: the default is 3, and must be from -Inf to 2"},
		"a range":                        {"recipe: 1\nname: a\nparams:\n  b: {min: 3, max: 2}\nreadings:\n  r: {gives: score}\nscore: r * b\n", "line 4: params.b: min 3 is above max 2"},
		"an unused reading":              {"recipe: 1\nname: a\nreadings:\n  r: {gives: score}\n  s: {gives: score}\nscore: r\n", "line 5: readings.s: nothing uses it"},
		"an unused param":                {"recipe: 1\nname: a\nparams:\n  b: {default: 1}\nreadings:\n  r: {gives: score}\nscore: r\n", "line 4: params.b: nothing uses it"},
		"an unknown name":                {small("r + z"), "line 11: score, column 5: unknown name z"},
		"a value ahead":                  {"recipe: 1\nname: a\nreadings:\n  r: {gives: score}\nvalues:\n  a: b + r\n  b: r\nscore: a\n", "line 6: values.a, column 1: unknown name b"},
		"a syntax error":                 {small("r + * 2"), "line 11: score, column 5: "},
		"a long name":                    {"recipe: 1\nname: " + strings.Repeat("a", 60000) + "\n", "line 2: name: "},
		"a long param":                   {"recipe: 1\nname: a\nparams:\n  " + strings.Repeat("p", 60000) + ": {default: 1}\nreadings: {r: {gives: score}}\nscore: r\n", "line 4: params."},
		"a long unknown name":            {small("r + " + strings.Repeat("z", 4000)), "line 11: score, column 5: unknown name "},
		"a label":                        {small("l.helpfull"), "line 11: score, column "},
		"a vector for a number":          {small("q"), "line 11: score: the expression gives a vector, and must give one number"},
		"a truth for a number":           {small("r > 2"), "line 11: score: the expression gives true or false"},
		"labels for a number":            {small("l"), "line 11: score: the expression gives neither"},
		"a vector for a number of a sum": {small("log(q - r) + r"), "line 11: score: the expression gives a vector"},
		"a vector of a sum":              {small("log(q - r) + r"), "line 11: score: the expression gives a vector"},
		"a number for a vector":          {small("last(r)"), "line 11: score, column "},
		"a text":                         {small(`r + "2"`), "line 11: score, column "},
		"an index":                       {small("q[0]"), "line 11: score, column 2: an index"},
		"a range of numbers":             {small("sum(1..9)"), "line 11: score, column "},
		"a remainder":                    {small("r % 2"), "line 11: score, column "},
		"a list":                         {small("[r][0]"), "line 11: score, column "},
		"a closure":                      {small("map(q, # + 1)"), "line 11: score, column "},
		"a declaration":                  {small("let x = r; x"), "line 11: score, column "},
		"the environment":                {small(`$env["r"]`), "line 11: score, column "},
		"a hidden function":              {small("$plus(r, 1.0)"), "line 11: score, column "},
		"too many parts":                 {small(strings.Repeat("r+", 600) + "r"), "line 11: score"},
		"too long":                       {small(strings.Repeat(" ", 5000) + "r" + strings.Repeat("  + r", 900)), "line 11: score: the expression has "},
		"an example's number":            {strings.Replace(progress, "score: 0.779296875", "score: 0.78", 1), "line 18: example.score: is 0.78, and the recipe gives 0.779296875"},
		"an example's value":             {strings.Replace(progress, "gained: 0.05859375", "gaine: 1", 1), "line 17: example.values.gaine: is 1"},
		"steps of one number":            {small("r") + "steps: r\n", "line 12: steps: the expression gives a number, and must give a vector"},
		"an example's steps":             {strings.Replace(progress, "example:\n", "steps: q * 2\nexample:\n  steps: [1, 0.5]\n", 1), "line 16: example.steps: are [1 0.5], and the recipe gives [1 0.5 1.5]"},
		"an example's param":             {strings.Replace(progress, "{before: 0.5}", "{}", 1), "line 15: example.params.before: is missing"},
		"a number for a vector, within":  {small("last(cumulative(r))"), "line 11: score, column 17: cannot use float64 as argument"},
		"labels for a vector, within":    {small("r + sum(delta(l)) * 2"), "line 11: score, column 15: cannot use"},
		"a text for a vector, within":    {small("words(response) + sum(cumulative(response))"), "line 11: score, column 34: cannot use"},
		"tokens of no text":              {"recipe: 1\nname: a\nreadings:\n  t: {gives: tokens}\nscore: bert_score(t, t)\n", "line 4: readings.t.reads: is missing, and an embedding is of one text, as tokens are: prompt"},
		"tokens for a number":            {tokensOfBoth("y"), "line 6: score: the expression gives neither a number nor a vector"},
		"tokens of a sum":                {tokensOfBoth("bert_score(y, x) + y"), "line 6: score"},
		"a vector for tokens":            {tokensOfBoth("bert_score(y, cumulative(x))"), "line 6: score, column 26: cannot use recipes.tokenVectors as argument"},
		"a param of tokens":              {"recipe: 1\nname: a\nparams:\n  b: {gives: tokens}\nreadings:\n  r: {gives: score}\nscore: r * b\n", `line 4: params.b.gives: "tokens" is none of number`},
		"a default of tokens":            {"recipe: 1\nname: a\nparams:\n  b: {default: [[1], [2]]}\nreadings:\n  r: {gives: score}\nscore: r * b\n", "line 4: params.b: the default is a tokens, and must be a number"},
		"tokens of other lengths":        {tokensOfBoth("bert_score(y, x)") + "example: {given: {y: [[1, 2]], x: [[1, 2], [3]]}, score: 1}\n", "line 7: example: x: the vectors of tokens 0 and 1 have 2 and 1 numbers"},
		"tokens of other models":         {tokensOfBoth("bert_score(y, x)") + "example: {given: {y: [[1, 2]], x: [[1, 2, 3]]}, score: 1}\n", "line 7: example: score: bert_score: the tokens have vectors of 2 and of 3 numbers"},
		"a word that never is":           {"recipe: 1\nname: a\nparams:\n  mode: {default: paper, one_of: [paper, code]}\nreadings: {r: {gives: score}}\nscore: 'mode == \"cod\" ? r : -r'\n", "line 6: score, column 9: mode is never \"cod\", but one of paper, code"},
		"a default that is none":         {"recipe: 1\nname: a\nparams:\n  mode: {default: cod, one_of: [paper, code]}\nreadings: {r: {gives: score}}\nscore: 'mode == \"code\" ? r : -r'\n", "line 4: params.mode: the default is \"cod\", and must be one of paper, code"},
		"a word as a number":             {"recipe: 1\nname: a\nparams:\n  mode: {default: paper, one_of: [paper, code]}\nreadings: {r: {gives: score}}\nscore: r + mode\n", "line 6: score, column "},
		"a text for a number":            {small("response"), "line 11: score: the expression gives a text"},
		"a pattern":                      {small(`found(response, "(")`), "line 11: score, column 17: error parsing regexp"},
		"a pattern that is made":         {small(`found(response, true ? "a" : "b")`), "line 11: score, column 1: found takes a text of the recipe's own"},
		"preferences of one item":        {"recipe: 1\nname: a\nreadings:\n  p: {gives: preferences}\nscore: '1'\n", "line 4: readings.p.gives: preferences are between the responses of a group"},
		"a group without a score":        {"recipe: 1\nname: a\nreadings: {r: {gives: score}}\ngroup:\n  values: {m: mean(r)}\n", "line 5: group.score: is missing"},
		"a number for a group":           {"recipe: 1\nname: a\nreadings: {r: {gives: score}}\ngroup: {score: mean(r)}\n", "line 4: group.score: the expression gives a number, and must give a vector, of one number for each response"},
		"steps of a group":               {"recipe: 1\nname: a\nreadings: {r: {gives: steps}}\nsteps: r\ngroup: {score: ranks(r)}\n", "line 4: steps: are of one item"},
		"a vector of items in a group":   {"recipe: 1\nname: a\nreadings: {q: {gives: steps}}\nscore: last(q)\ngroup: {score: ranks(q)}\n", "line 5: group.score, column 7: unknown name q"},
		"a role":                         {"recipe: 1\nname: a\nreadings:\n  r: {gives: raw, turns: [{text: Hi}]}\nscore: r\n", "line 4: readings.r.turns[0].role: is missing"},
		"a passage of two":               {"recipe: 1\nname: a\nreadings:\n  r: {gives: raw, response: {text: Hi, of: prompt}}\nscore: r\n", "line 4: readings.r.response: must have one of"},
		"a passage of nothing":           {"recipe: 1\nname: a\nreadings:\n  r: {gives: raw, response: {of: answer}}\nscore: r\n", "line 4: readings.r.response.of: \"answer\" is none of prompt, response, reference"},
		"labels of several inputs":       {"recipe: 1\nname: a\nreadings:\n  r: {gives: labels, labels: [a], response: {texts: [a, b]}}\nscore: r.a\n", "line 4: readings.r.gives: labels is of one input"},
		"masks of nothing":               {"recipe: 1\nname: a\nreadings:\n  r: {gives: raw, masks: parts}\nscore: sum(r)\n", "line 4: readings.r.masks: \"parts\" is no field of an item"},
		"an example's reading":           {strings.Replace(progress, "given: {q:", "given: {p:", 1), "line 16: example.given.p: the recipe has no such reading"},
	} {
		r, err := Parse([]byte(c.text))
		switch {
		case err == nil:
			t.Errorf("%s is taken: %+v", name, r)
		case !strings.HasPrefix(err.Error(), c.want) || strings.ContainsRune(err.Error(), '\n') || len(err.Error()) > 500:
			t.Errorf("%s: the error is %q, want %q", name, err, c.want)
		}
	}
}

func TestParamsKeepToTheirRange(t *testing.T) {
	r, err := Parse([]byte(progress))
	if err != nil {
		t.Fatal(err)
	}
	for want, asked := range map[string]map[string]Given{
		`params.before: is missing, and recipe "process-advantage" has no default for it`: nil,
		"params.alpha: is 11, and must be from 0 to 10":                                   {"before": {}, "alpha": {Number: 11}},
		"params.k: is NaN, and must be from 1 to 64":                                      {"before": {}, "k": {Number: math.NaN()}},
		`params.beta: recipe "process-advantage" has no such param`:                       {"before": {}, "beta": {Number: 1}},
	} {
		if got, err := r.Set(asked); err == nil || err.Error() != want {
			t.Errorf("%v gives %v, %v; want %s", asked, got, err, want)
		}
	}
}

// A comparison does not change where all rewards of a prompt are shifted alike, whatever the recipe's weights.
func TestDifferencesDoNotSeeAShift(t *testing.T) {
	r, err := Parse([]byte("recipe: 1\nname: mix\nparams:\n  w: {default: 0.5}\nreadings:\n  a: {gives: score}\n  b: {gives: score}\nscore: w * a + (1 - w) * b\n"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Float64Range(-100, 100)
		params, _ := r.Set(map[string]Given{"w": {Number: rapid.Float64Range(0, 1).Draw(t, "w")}})
		of := func(name string, shift float64) (float64, Given, Given) {
			a, b := number.Draw(t, name+".a"), number.Draw(t, name+".b")
			out, err := r.Evaluate(params, map[string]Given{"a": {Number: a}, "b": {Number: b}})
			if err != nil {
				t.Fatal(err)
			}
			return out.Score, Given{Number: a + shift}, Given{Number: b + shift}
		}
		shift := number.Draw(t, "shift")
		x, xa, xb := of("x", shift)
		y, ya, yb := of("y", shift)
		xs, err := r.Evaluate(params, map[string]Given{"a": xa, "b": xb})
		ys, also := r.Evaluate(params, map[string]Given{"a": ya, "b": yb})
		if err != nil || also != nil || math.Abs((x-y)-(xs.Score-ys.Score)) > 1e-9 {
			t.Fatalf("the difference is %g, and %g behind the shift", x-y, xs.Score-ys.Score)
		}
	})
}

// FuzzParse looks for a recipe that panics, or whose evaluation does.
func FuzzParse(f *testing.F) {
	f.Add(progress)
	f.Add(small("r * a - l.helpful + sum(q)"))
	f.Add(small("min(q) > 0.5 ? best_of(r, 4) : -r ** 2"))
	f.Add(every)
	f.Add(tokensOfBoth("bert_score(y, x) ** 2"))
	f.Add("recipe: 1\nname: a\nreadings: {r: {gives: score}}\nscore: 'unique_ngrams(up_to(response, \"#\"), 2) + found(prompt, \"(a|b)*c\") + r'\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse([]byte(text))
		if err != nil {
			return
		}
		params, err := r.Set(nil)
		if err != nil {
			return
		}
		of := map[string]Given{Prompt: {Word: "p"}, Response: {Word: "a b. a b"}, Reference: {Word: "k"}, "s": {Number: 1}, "answer": {Word: "4"}}
		of["y"], of["x"] = Given{Tokens: vectors.Tokens{Rows: [][]float64{{1, 0}, {0, 2}}}}, Given{Tokens: vectors.Tokens{Rows: [][]float64{{3, 4}}}}
		maps.Copy(of, given)
		out, err := r.Evaluate(params, of)
		if err == nil && (math.IsNaN(out.Score) || math.IsInf(out.Score, 0)) {
			t.Fatalf("the score is %g", out.Score)
		}
		if err != nil || r.Group == nil {
			return
		}
		rewarded, _, err := r.EvaluateGroup(params, []Outcome{out, out}, map[string]ops.Matrix{"p": ops.Preferences(maybes([]float64{1, 2}))})
		if err == nil && (len(rewarded) != 2 || math.IsNaN(rewarded[0]) || math.IsInf(rewarded[1], 0)) {
			t.Fatalf("the rewards are %g", rewarded)
		}
	})
}
