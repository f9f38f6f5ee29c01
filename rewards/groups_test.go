package rewards

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
)

// everyKind serves one model that ranks of each kind, and a recipe, by name.
func everyKind(t *testing.T) map[string]*Engine {
	t.Helper()
	scaled := reward("r")
	scaled.Head.Mean, scaled.Head.Std = 1, 4
	all := map[string]*Engine{
		"fake-pair": preferenceEngine(t, pairManifest("probability")),
		"fake-gpm":  preferenceEngine(t, preferenceManifest(true)),
	}
	e, sources := engineOf(t, scaled)
	sources[0].rows = hashed(1, 1)
	all["fake-rm"] = e
	e, sources = composedEngine(t, mix)
	sources[0].rows, sources[1].rows = hashed(2, 1), hashed(1, 2)
	all["mix"] = e
	return all
}

// TestGroupsOfEveryKind: whoever reads the responses, the statistics are of their scores, the aggregates are of the
// preferences that a compare gives, and strategies go by the same numbers.
func TestGroupsOfEveryKind(t *testing.T) {
	for name, e := range everyKind(t) {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			ask := func(r Request) Answer {
				r.Model = name
				answer, err := e.Ask(context.Background(), r)
				if err != nil {
					t.Fatal(err)
				}
				return answer
			}
			responses := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-k]{1,9}`), 4, 4, rapid.ID).Draw(t, "responses") // none of them lost
			names := []ranking.Aggregate{"win_rate", "copeland", "nash"}
			compare := ask(Request{Question: Compare, Groups: to("p", responses...), Statistics: true, Aggregates: names})
			scores := make([]ops.Maybe, len(responses))
			for i, r := range compare.Results {
				scores[i] = ops.Some(r.Score)
			}
			if want := ranking.Describe(scores); !cmp.Equal(want, *compare.Statistics) {
				t.Fatalf("statistics %+v, want %+v", compare.Statistics, want)
			}
			if !cmp.Equal(compare.WinRates, compare.Aggregates[0].Values) || len(compare.Aggregates) != len(names) {
				t.Fatalf("win rates %v and %v", compare.WinRates, compare.Aggregates)
			}
			nash := ask(Request{Question: Rank, Groups: to("p", responses...), Statistics: true, Choice: ranking.Choice{Strategy: ranking.Nash}})
			if !cmp.Equal(compare.Statistics, nash.Statistics) {
				t.Fatalf("statistics %+v of a rank, and %+v of a compare", nash.Statistics, compare.Statistics)
			}
			weights := make([]ops.Maybe, len(responses))
			for i := range weights {
				weights[i] = ops.Some(0)
			}
			for _, p := range nash.Selection.Picks {
				weights[p.Index] = ops.Some(p.Weight)
			}
			if !cmp.Equal(compare.Aggregates[2].Values, weights) {
				t.Fatalf("the mixture is %v, and a rank selects %v", compare.Aggregates[2], nash.Selection)
			}
			bracket := ask(Request{Question: Rank, Groups: to("p", responses...), Choice: ranking.Choice{Strategy: ranking.Tournament}})
			for _, game := range bracket.Selection.Bracket.Games {
				if game.FirstWon != (compare.Preference.Row(game.First)[game.Second].Value >= 0.5) {
					t.Fatalf("game %+v, and the preference is %v", game, compare.Preference.Row(game.First)[game.Second])
				}
			}
			if !slices.Equal(bracket.Transforms, compare.Transforms) {
				t.Fatalf("a tournament goes by %v, and a compare by %v", bracket.Transforms, compare.Transforms)
			}
			worst := ask(Request{Question: Rank, Groups: to("p", responses...), Choice: ranking.Choice{Strategy: ranking.BestWorst}})
			if p, order := worst.Selection.Picks, worst.Ranking; p[0].Index != order[0] || p[1].Index != order[len(order)-1] || worst.Strategy != ranking.BestWorst {
				t.Fatalf("%+v of the ranking %v", worst.Selection, order)
			}
		}))
	}
}

// TestAFailedResponseOfAGroup: it has its error, a missing place in each list, and no part in what is selected.
func TestAFailedResponseOfAGroup(t *testing.T) {
	for name, e := range everyKind(t) {
		few := ask(t, e, Request{Question: Rank, Model: name, Groups: to("p", "ab", "cde", "k"), Statistics: true, Choice: ranking.Choice{Strategy: ranking.Nash}})
		all := ask(t, e, Request{Question: Rank, Model: name, Groups: to("p", "ab", "lost", "cde", "k"), Statistics: true, Choice: ranking.Choice{Strategy: ranking.Nash}})
		s, w := all.Statistics, few.Statistics
		if s.Count != 3 || s.Mean != w.Mean || s.Deviation != w.Deviation || s.LeaveOneOut[1].Known || s.Normalized[1].Known || s.Ranks[1].Known || len(s.Ranks) != 4 {
			t.Errorf("%s: %+v beside a failure, and %+v without it", name, s, w)
		}
		if all.Results[1].Err == nil || all.Selection.Err != nil || len(all.Selection.Picks) != len(few.Selection.Picks) {
			t.Errorf("%s: %+v beside a failure, and %+v without it", name, all.Selection, few.Selection)
		}
		for k, p := range all.Selection.Picks {
			if at := []int{0, 2, 3}[few.Selection.Picks[k].Index]; p.Index != at || p.Weight != few.Selection.Picks[k].Weight {
				t.Errorf("%s: %+v beside a failure, and %+v without it", name, all.Selection, few.Selection)
			}
		}
		votes := ask(t, e, Request{Question: Rank, Model: name, Groups: to("p", "ab", "lost", "cde", "k"), Choice: ranking.Choice{
			Strategy: ranking.Majority, Answers: []string{"5", "5", "4", "4"},
		}}).Selection
		if votes.Votes[0].Key != "4" || votes.Votes[1].Weight != 1 || len(votes.Picks) != 2 {
			t.Errorf("%s: a response that failed votes: %+v", name, votes)
		}
		none := ask(t, e, Request{Question: Rank, Model: name, Groups: to("p", "lost", "lost too"), Statistics: true})
		if none.Selection.Err != nil || none.Selection.Picks != nil || none.Statistics.Count != 0 || !none.Statistics.Constant || none.Statistics.Mean.Known {
			t.Errorf("%s: of no score: %+v, %+v", name, none.Selection, none.Statistics)
		}
	}
}

// TestSelectionGoesWhereTheRankingDoes: of scores that are 1 alike the greater raw leads, and statistics see only what
// is alike.
func TestSelectionGoesWhereTheRankingDoes(t *testing.T) {
	e, sources := engineOf(t, reward("r"))
	sources[0].info.Manifest.Limits.MaxTokens = 1 << 10
	long := func(n int) string { return strings.Repeat("x", n) }
	answer := ask(t, e, Request{
		Question: Rank, Groups: to("p", long(100), long(300), long(200)), Activation: "sigmoid", Places: 1, Statistics: true,
		Choice: ranking.Choice{Strategy: ranking.BestWorst},
	})
	want := []ranking.Pick{{Index: 1, Weight: 0.5}, {Index: 0, Weight: 0.5}}
	if diff := cmp.Diff(want, answer.Selection.Picks); diff != "" || len(answer.Ranking) != 1 || !answer.Statistics.Constant || answer.Statistics.Mean != ops.Some(1) {
		t.Errorf("%+v, %v, %s", answer.Statistics, answer.Ranking, diff)
	}
	if plain := ask(t, e, Request{Question: Rank, Groups: to("p", "a", "bb")}); plain.Statistics != nil || plain.Strategy != ranking.BestOfN ||
		!cmp.Equal(plain.Selection, ranking.Selection{Picks: []ranking.Pick{{Index: 1, Weight: 1}}}) || len(plain.Transforms) != 0 {
		t.Errorf("where nothing is asked: %+v", plain)
	}
	// sigmoid(100 − 900) is 0: no finite strengths, and the other aggregates are there.
	sure := ask(t, e, Request{
		Question: Compare, Groups: to("p", long(100), long(900)), Aggregates: []ranking.Aggregate{"elo", "copeland"},
	}).Aggregates
	if sure[0].Err == nil || sure[0].Err.Code != failure.CodeUndefined || !cmp.Equal(sure[1].Values, []ops.Maybe{ops.Some(0), ops.Some(1)}) {
		t.Errorf("%+v", sure)
	}
	// of rewards, the strengths are the rewards around their mean
	near := ask(t, e, Request{Question: Compare, Groups: to("p", "a", long(101), long(201)), Aggregates: []ranking.Aggregate{"bradley_terry"}}).Aggregates[0]
	for i, want := range []float64{-100, 0, 100} {
		if near.Err != nil || math.Abs(near.Values[i].Value-want) > 1e-9 {
			t.Errorf("%+v", near)
		}
	}
}

// TestWhatIsAskedOfAGroupIsChecked: the request is refused before a model is asked.
func TestWhatIsAskedOfAGroupIsChecked(t *testing.T) {
	e, sources := engineOf(t, reward("r"))
	for want, r := range map[string]Request{
		`strategy: "vote" is none of `:                                  {Question: Rank, Groups: to("p", "a"), Choice: ranking.Choice{Strategy: "vote"}},
		`n: is missing, and strategy top_n goes by it`:                  {Question: Rank, Groups: to("p", "a"), Choice: ranking.Choice{Strategy: ranking.TopN, N: 3}},
		`aggregate[1]: elo is given twice`:                              {Question: Compare, Groups: to("p", "a", "b"), Aggregates: []ranking.Aggregate{"elo", "elo"}},
		`aggregate: is of the responses to one prompt, and pairs`:       {Question: Pairs, Groups: to("p", "a", "b"), Aggregates: []ranking.Aggregate{"elo"}},
		`aggregate: is of the responses to one prompt, and pairs are g`: {Question: Pairs, Groups: to("p", "a", "b"), EloScale: ops.Some(400)},
		`statistics: are of the responses to one prompt, and pairs`:     {Question: Pairs, Groups: to("p", "a", "b"), Statistics: true},
	} {
		if _, err := e.Ask(t.Context(), r); code(err) != failure.CodeInvalidField || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if n := sources[0].admits.Load() + sources[0].reads.Load(); n != 0 {
		t.Errorf("the model was asked %d times", n)
	}
	if answer := ask(t, e, Request{Question: Rank, Groups: to("p", "a", "bb", "ccc"), Places: 2, Choice: ranking.Choice{Strategy: ranking.TopN}}); len(answer.Selection.Picks) != 2 {
		t.Errorf("%+v", answer.Selection)
	}
}
