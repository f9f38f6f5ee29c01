package recipes

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/ops"
)

// every uses each function of groups once, all of which treat the responses alike.
const every = `recipe: 1
name: every
params:
  mode: {default: plain, one_of: [plain, voted]}
given:
  answer: {gives: word}
readings:
  r: {gives: score}
  s: {gives: raw}
  p: {gives: preferences}
values:
  both: mean(r, s)
score: r + both
group:
  values:
    agree: consistency(r, s) + kendall(r, s) + spearman(r, s) + pearson(r, s) + r_squared(r, s)
    spread: sample_deviation(score) + deviation(both) + max(r)
    strengths: bradley_terry(p) + elo(p, 400) / 400 + copeland(p) + nash(p)
  score: 'leave_one_out(r) + normalized(s, 0.1) + ranks(both) + win_rates(p) + strengths + win_rates(preferences(r)) + (mode == "voted" ? votes(s, answer) : r)'
`

// Responses in another order get the same rewards, and the group the same values.
func TestGroupsDoNotSeeTheOrder(t *testing.T) {
	r, err := Parse([]byte(every))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 7).Draw(t, "n")
		distinct := func(name string) []float64 {
			return rapid.SliceOfNDistinct(rapid.Float64Range(-3, 3), n, n, func(x float64) int { return int(math.Round(x * 100)) }).Draw(t, name)
		}
		given := make([]map[string]Given, n)
		rs, ss, between := distinct("r"), distinct("s"), ops.NewMatrix(n, n)
		for i := range n {
			given[i] = map[string]Given{"r": {Number: rs[i]}, "s": {Number: ss[i]}, "answer": {Word: rapid.SampledFrom([]string{"4", "5", "x"}).Draw(t, "answer")}}
			between.Row(i)[i] = ops.Some(0.5)
			for j := range i {
				p := rapid.Float64Range(0.05, 0.95).Draw(t, "p")
				between.Row(i)[j], between.Row(j)[i] = ops.Some(p), ops.Some(1-p)
			}
		}
		params, err := r.Set(map[string]Given{"mode": {Word: rapid.SampledFrom([]string{"plain", "voted"}).Draw(t, "mode")}})
		if err != nil {
			t.Fatal(err)
		}
		of := func(order []int) ([]float64, map[string]float64) {
			all, m := make([]Outcome, n), ops.NewMatrix(n, n)
			for k, i := range order {
				if all[k], err = r.Evaluate(params, given[i]); err != nil {
					t.Fatal(err)
				}
				for l, j := range order {
					m.Row(k)[l] = between.Row(i)[j]
				}
			}
			rewards, values, err := r.EvaluateGroup(params, all, map[string]ops.Matrix{"p": m})
			if err != nil {
				t.Fatal(err)
			}
			return rewards, values
		}
		plain := make([]int, n)
		for i := range plain {
			plain[i] = i
		}
		order := rapid.Permutation(plain).Draw(t, "order")
		a, of1 := of(plain)
		b, of2 := of(order)
		for k, i := range order {
			if math.Abs(a[i]-b[k]) > 1e-6 {
				t.Fatalf("response %d has %g, and in the order %v %g", i, a[i], order, b[k])
			}
		}
		for name, x := range of1 {
			if math.Abs(x-of2[name]) > 1e-6 {
				t.Fatalf("%s is %g and %g", name, x, of2[name])
			}
		}
	})
}

// of is a group recipe of one expression over the rewards r and the words w.
func ofGroup(score string) string {
	return "recipe: 1\nname: a\ngiven: {w: {gives: word, default: x}, n: {default: -1}}\nreadings: {r: {gives: score}}\ngroup:\n  values:\n    used: votes(n, w)\n  score: '" + score + "'\n"
}

func TestExpressionsOfGroups(t *testing.T) {
	for score, want := range map[string][]float64{
		"leave_one_out(r)":                 {1 - 7.0/3, 3 - 5.0/3, 0, 0},
		"ranks(r)":                         {4, 1, 2, 2},
		"top(r, 2)":                        {0, 1, 1, 0},
		"top_share(-r, 0.5)":               {1, 0, 1, 0},
		"votes(r, w)":                      {1, 5, 2, 5},
		"r - at(r, 0)":                     {0, 2, 1, 1},
		"tournament(preferences(r))":       {-1, 1, 0, 0},
		"normalized(r, 0) * 0":             {0, 0, 0, 0},
		"tree_sums(r, n)":                  {1, 3, 2, 2},
		"r * 0 + mean(top(r, 1))":          {0.25, 0.25, 0.25, 0.25},
		"r * 0 + ends_agree(r, 2 * r - 1)": {1, 1, 1, 1},
	} {
		got, err := evaluated(t, ofGroup(score), 1, 3, 2, 2)
		if err != nil || !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%s is %v, want %v: %v", score, got, want, err)
		}
	}
	for score, want := range map[string]string{
		"tournament(preferences(top(r, 1)))": "", // of four
		"leave_one_out(r) / (r - 1)":         "group.score: /: number 0 of the result is -Inf",
		"normalized(r - r, 0)":               "group.score: normalized: there is no number 0",
		"tree_sums(r, r)":                    "group.score: tree_sums: node 0 has no root above it",
		"skip(r, 1)":                         "group.score: has 3 numbers, and the group 4 responses",
		"r * kendall(r, r - r)":              "group.score: kendall: the scores are all equal",
	} {
		got, err := evaluated(t, ofGroup(score), 1, 3, 2, 2)
		if want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) || want == "" && err != nil {
			t.Errorf("%s is %v, %v; want %s", score, got, err, want)
		}
	}
	// An answer that nobody found is an empty word: it is taken, and votes for nothing.
	r, err := Parse([]byte(ofGroup("votes(r, w)")))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]Outcome, 2)
	for i, word := range []Given{{Word: "a"}, {Blank: true}} {
		given, err := r.Of(map[string]Given{"w": word})
		if err != nil {
			t.Fatal(err)
		}
		given["r"] = Given{Number: 3}
		if all[i], err = r.Evaluate(nil, given); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err := r.EvaluateGroup(nil, all, nil); err != nil || !slices.Equal(got, []float64{3, 0}) {
		t.Errorf("beside an answer that is empty: %v, %v", got, err)
	}
	if _, err := evaluated(t, ofGroup("tournament(preferences(r))"), 1, 2, 3); err == nil || !strings.Contains(err.Error(), "a power of two") {
		t.Errorf("a tournament of three: %v", err)
	}
	for _, name := range []string{"nash(preferences(r))", "win_rates(preferences(r))", "elo(preferences(r), 400)"} {
		r, err := Parse([]byte(ofGroup(name)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := r.Evaluate(nil, map[string]Given{"r": {Number: 1}, "w": {Word: "a"}, "n": {Number: -1}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.EvaluateGroup(nil, slices.Repeat([]Outcome{out}, 129), nil); err == nil || !strings.Contains(err.Error(), "there are 129 responses, and may be 128") {
			t.Errorf("%s of 129 responses: %v", name, err)
		}
	}
	if got, err := evaluated(t, ofGroup("leave_one_out(r)"), 1); err == nil {
		t.Errorf("one response less the mean of none is %v", got)
	}
}

// evaluated are the rewards of responses with these readings, of which the second and the fourth have the same word.
func evaluated(t *testing.T, text string, rewards ...float64) ([]float64, error) {
	t.Helper()
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	all := make([]Outcome, len(rewards))
	for i, x := range rewards {
		given, err := r.Of(map[string]Given{"w": {Word: []string{"a", "b", "c", "b"}[i]}})
		if err != nil {
			t.Fatal(err)
		}
		given["r"] = Given{Number: x}
		if all[i], err = r.Evaluate(nil, given); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := r.EvaluateGroup(nil, all, nil)
	return got, err
}
