package ranking

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// group is so many responses whose scores and preferences do not depend on each other.
type group struct {
	scores  []ops.Maybe
	p       [][]float64
	answers []string
}

// drawn is a group without ties, since which of what is equal goes first depends on the order. Preferences may run in
// circles.
func drawn(t *rapid.T, n int) group {
	g := group{scores: make([]ops.Maybe, n), p: make([][]float64, n), answers: make([]string, n)}
	for i, x := range rapid.SliceOfNDistinct(rapid.IntRange(1, 4000), n, n, rapid.ID).Draw(t, "scores") {
		g.scores[i], g.p[i] = ops.Some(float64(x)/4096), make([]float64, n)
		g.answers[i] = rapid.SampledFrom([]string{"4", "5", "6", ""}).Draw(t, "answer")
	}
	for i := range n {
		for j := range i {
			x := rapid.Float64Range(0.02, 0.98).Draw(t, "preference")
			g.p[i][j], g.p[j][i] = x, 1-x
		}
	}
	return g
}

// permuted is the same group in another order.
func (g group) permuted(order []int) group {
	out := group{}
	for _, i := range order {
		row := make([]float64, len(order))
		for b, j := range order {
			row[b] = g.p[i][j]
		}
		out.scores, out.p, out.answers = append(out.scores, g.scores[i]), append(out.p, row), append(out.answers, g.answers[i])
	}
	return out
}

// asked is the group as a strategy sees it: nothing is known of comparisons with what has no score.
func (g group) asked() *Group {
	return &Group{Scores: g.scores, Preference: func(i, j int) ops.Maybe {
		if !g.scores[i].Known || !g.scores[j].Known {
			return ops.Maybe{}
		}
		return ops.Some(g.p[i][j])
	}}
}

// choice is a choice by any strategy but a few, with what it goes by.
func choice(t *rapid.T, g group, but ...Strategy) Choice {
	var names []Strategy
	for i := range rules {
		if !slices.Contains(but, rules[i].of) {
			names = append(names, rules[i].of)
		}
	}
	c := Choice{Strategy: rapid.SampledFrom(names).Draw(t, "strategy")}
	switch c.Strategy {
	case TopN:
		c.N = rapid.IntRange(1, 9).Draw(t, "n")
	case TopShare:
		c.Share = ops.Some(rapid.Float64Range(0.01, 1).Draw(t, "share"))
	case BestRandom:
		c.Seed = new(rapid.Int64Min(0).Draw(t, "seed"))
	case PowerWeights:
		c.Power = ops.Some(rapid.Float64Range(0.1, 16).Draw(t, "power"))
	case Majority, WeightedVote, WeightedMean:
		c.Answers = g.answers
	default:
	}
	return c
}

func weights(s Selection, n int) []float64 {
	of := make([]float64, n)
	for _, p := range s.Picks {
		of[p.Index] += p.Weight
	}
	return of
}

// TestWhatIsSelectedHasAScoreAndWeighsOne: each response at most once, the greatest weight first, and of no score
// nothing.
func TestWhatIsSelectedHasAScoreAndWeighsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawn(t, rapid.IntRange(1, 9).Draw(t, "responses"))
		for i := range g.scores {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				g.scores[i] = ops.Maybe{}
			case 1:
				g.scores[i] = ops.Some(float64(rapid.IntRange(0, 2).Draw(t, "tie")))
			}
		}
		c := choice(t, g, Tournament)
		s := selectOf(t, c, g.asked())
		sum, seen := 0.0, map[int]bool{}
		for k, p := range s.Picks {
			if !g.scores[p.Index].Known || seen[p.Index] || !(p.Weight > 0) || k > 0 && p.Weight > s.Picks[k-1].Weight {
				t.Fatalf("%s selects %v of %v", c.Strategy, s.Picks, g.scores)
			}
			sum += p.Weight
			seen[p.Index] = true
		}
		known := slices.ContainsFunc(g.scores, func(x ops.Maybe) bool { return x.Known })
		votes := c.Strategy.Votes() && !slices.ContainsFunc(seq(len(g.scores)), func(i int) bool { return g.scores[i].Known && g.answers[i] != "" })
		none := !known || votes || c.Strategy == TopShare && len(s.Picks) == 0
		if none != (len(s.Picks) == 0) || !none && math.Abs(sum-1) > 1e-12 {
			t.Fatalf("%s selects %v of %v, %g together", c.Strategy, s.Picks, g.scores, sum)
		}
	})
}

func seq(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestAnotherOrderSelectsTheSame: a strategy treats responses alike wherever they stand, and so do the statistics. A
// tournament does not: who plays whom is said by the order.
func TestAnotherOrderSelectsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawn(t, rapid.IntRange(1, 9).Draw(t, "responses"))
		n := len(g.scores)
		order := rapid.Permutation(seq(n)).Draw(t, "order")
		moved := g.permuted(order)
		c := choice(t, g, Tournament)
		first := selectOf(t, c, g.asked())
		if c.Strategy.Votes() {
			if len(first.Votes) > 1 && first.Votes[0].Weight == first.Votes[1].Weight {
				t.Skip("two answers have the same votes")
			}
			c.Answers = moved.answers
		}
		was, is := weights(first, n), weights(selectOf(t, c, moved.asked()), n)
		a, b := Describe(g.scores), Describe(moved.scores)
		for at, i := range order {
			if math.Abs(was[i]-is[at]) > 1e-8 {
				t.Fatalf("%s gives response %d %g, and at place %d %g", c.Strategy, i, was[i], at, is[at])
			}
			for _, pair := range [][2]ops.Maybe{
				{a.LeaveOneOut[i], b.LeaveOneOut[at]}, {a.Normalized[i], b.Normalized[at]}, {a.Ranks[i], b.Ranks[at]},
			} {
				if pair[0].Known != pair[1].Known || math.Abs(pair[0].Value-pair[1].Value) > 1e-8 {
					t.Fatalf("the statistics of response %d are %v, and at place %d %v", i, pair[0], at, pair[1])
				}
			}
		}
	})
}

// TestFailuresChangeNothingForTheOthers: responses that failed may stand anywhere, or not be there at all.
func TestFailuresChangeNothingForTheOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, failed := rapid.IntRange(1, 6).Draw(t, "responses"), rapid.IntRange(1, 3).Draw(t, "failed")
		all := drawn(t, n+failed)
		lost := rapid.Permutation(seq(n+failed)).Draw(t, "lost")[:failed]
		var kept []int
		for i := range all.scores {
			if slices.Contains(lost, i) {
				all.scores[i] = ops.Maybe{}
			} else {
				kept = append(kept, i)
			}
		}
		few := all.permuted(kept)
		c := choice(t, all, Tournament)
		with := selectOf(t, c, all.asked())
		if c.Strategy.Votes() {
			c.Answers = few.answers
		}
		without := selectOf(t, c, few.asked())
		was, is := weights(with, n+failed), weights(without, n)
		a, b := Describe(all.scores), Describe(few.scores)
		for at, i := range kept {
			if was[i] != is[at] || a.LeaveOneOut[i] != b.LeaveOneOut[at] || a.Normalized[i] != b.Normalized[at] || a.Ranks[i] != b.Ranks[at] {
				t.Fatalf("%s: response %d has %g beside failures, and %g without them; statistics %+v and %+v", c.Strategy, i, was[i], is[at], a, b)
			}
		}
		if a.Count != b.Count || a.Mean != b.Mean || a.Deviation != b.Deviation || a.Constant != b.Constant {
			t.Fatalf("statistics %+v beside failures, and %+v without them", a, b)
		}
		for _, i := range lost {
			if was[i] != 0 || a.LeaveOneOut[i].Known || a.Normalized[i].Known || a.Ranks[i].Known {
				t.Fatalf("response %d failed and has %g, %+v", i, was[i], a)
			}
		}
	})
}

// TestOfEqualScoresTheTieBreakerLeads: as in the ranking, and then the earlier.
func TestOfEqualScoresTheTieBreakerLeads(t *testing.T) {
	ones := []ops.Maybe{ops.Some(1), ops.Some(1), ops.Some(1), ops.Some(1)}
	g := &Group{Scores: ones, Ties: []ops.Maybe{ops.Some(40), ops.Some(50), ops.Some(50), ops.Some(30)}}
	if s := selectOf(t, Choice{}, g); s.Picks[0].Index != 1 {
		t.Errorf("the best is %v", s.Picks)
	}
	want := []Pick{{1, 0.5}, {3, 0.5}}
	if diff := cmp.Diff(want, selectOf(t, Choice{Strategy: BestWorst}, g).Picks); diff != "" {
		t.Error(diff)
	}
	s := selectOf(t, Choice{Strategy: Majority, Answers: []string{"b", "a", "a", "b"}}, g)
	if s.Votes[0].Key != "b" || s.Votes[0].Weight != 2 || s.Votes[1].Key != "a" || cmp.Diff([]Pick{{0, 0.5}, {3, 0.5}}, s.Picks) != "" {
		t.Errorf("the first of equal answers does not win: %+v", s)
	}
}

// TestChanceFollowsItsSeed: one seed chooses the same, and over many seeds all others are chosen alike.
func TestChanceFollowsItsSeed(t *testing.T) {
	g := &Group{Scores: []ops.Maybe{ops.Some(1), {}, ops.Some(5), ops.Some(3), ops.Some(2), ops.Some(4)}}
	counts := map[int]int{}
	const seeds = 4000
	for seed := range int64(seeds) {
		s := selectOf(t, Choice{Strategy: BestRandom, Seed: &seed}, g)
		if again := selectOf(t, Choice{Strategy: BestRandom, Seed: &seed}, g); !cmp.Equal(s, again) || s.Picks[0].Index != 2 || len(s.Picks) != 2 {
			t.Fatalf("seed %d selects %v and %v", seed, s.Picks, again.Picks)
		}
		counts[s.Picks[1].Index]++
	}
	for i := range g.Scores {
		share := float64(counts[i]) / seeds
		if (i == 1 || i == 2) != (counts[i] == 0) || counts[i] > 0 && math.Abs(share-0.25) > 0.04 {
			t.Errorf("response %d is chosen %d times of %d", i, counts[i], seeds)
		}
	}
}

// TestWhatHasNoAnswerSaysWhy: an error of the selection or the aggregate, with its own code, and nothing beside it.
func TestWhatHasNoAnswerSaysWhy(t *testing.T) {
	some := []ops.Maybe{ops.Some(1), ops.Some(-2), {}, ops.Some(3)}
	apart := func(i, j int) ops.Maybe {
		if i+j == 1 {
			return ops.Maybe{}
		}
		return ops.Some(0.5)
	}
	huge := []ops.Maybe{ops.Some(math.MaxFloat64), ops.Some(math.MaxFloat64)}
	for _, test := range []struct {
		choice       Choice
		group        Group
		code, detail string
	}{
		{
			Choice{Strategy: WeightedVote, Answers: []string{"", "a", "a", "b"}},
			Group{Scores: some},
			failure.CodeUndefined,
			"strategy weighted_vote: it adds scores, and that of response 1 is -2, below 0; ask for activation sigmoid, or for weighted_mean",
		},
		{Choice{Strategy: WeightedVote, Answers: []string{"a", "a"}}, Group{Scores: huge}, fault.CodeNotFinite, "strategy weighted_vote: votes: "},
		{
			Choice{Strategy: Tournament},
			Group{Scores: some},
			failure.CodeUndefined,
			"strategy tournament: response 2 has no score, and all 4 must have one",
		},
		{
			Choice{Strategy: Tournament},
			Group{Scores: huge, Preference: apart},
			failure.CodeUndefined,
			"strategy tournament: responses 0 and 1 could not be compared",
		},
		{Choice{Strategy: Nash}, Group{Scores: some, Preference: apart}, failure.CodeUndefined, "strategy nash: candidates 0 and 1 are not compared"},
	} {
		if err := test.choice.Check(len(test.group.Scores)); err != nil {
			t.Fatal(err)
		}
		s := test.choice.Select(&test.group)
		if s.Err == nil || s.Err.Code != test.code || !strings.HasPrefix(s.Err.Detail, test.detail) || s.Picks != nil || s.Votes != nil {
			t.Errorf("%s: %+v, want %s %s", test.choice.Strategy, s, test.code, test.detail)
		}
	}
	sure := ops.NewMatrix(3, 3)
	sure.Row(0)[1], sure.Row(1)[0] = ops.Some(1), ops.Some(0)
	for name, want := range map[Aggregate]string{
		bradleyTerry: "aggregate bradley_terry: no finite strengths fit: no chain of comparisons leads from candidate 1 to candidate 0 without a sure loss",
		elo:          "aggregate elo: no finite strengths fit: no chain of comparisons leads from candidate 1 to candidate 0 without a sure loss",
		copeland:     "", nashMixture: "", winRate: "",
	} {
		got := Aggregates([]Aggregate{name}, ops.Maybe{}, sure)[0]
		if got.Of != name || (got.Err == nil) != (want == "") || got.Err != nil && (got.Err.Detail != want || got.Err.Code != failure.CodeUndefined || got.Values != nil) {
			t.Errorf("%s: %+v, %v", name, got, got.Err)
		}
		if want == "" && (got.Values[2].Known || got.Values[0] != ops.Some(1) || got.Values[1] != ops.Some(0)) {
			t.Errorf("%s: %+v", name, got.Values)
		}
	}
	far := ops.NewMatrix(2, 2)
	far.Row(0)[1], far.Row(1)[0] = ops.Some(0.9999), ops.Some(0.0001)
	if got := Aggregates([]Aggregate{elo}, ops.Some(math.MaxFloat64), far)[0]; got.Err == nil || got.Err.Code != fault.CodeNotFinite {
		t.Errorf("a scale of %g gives %+v", math.MaxFloat64, got)
	}
	if s := Describe(huge); s.Err == nil || s.Err.Code != fault.CodeNotFinite || s.Count != 0 || s.Ranks != nil {
		t.Errorf("the mean of %v: %+v", huge, s)
	}
}

// TestWhatIsAskedIsChecked: before any model is asked, by an error that names the field.
func TestWhatIsAskedIsChecked(t *testing.T) {
	seed := new(int64(1))
	for _, test := range []struct {
		choice    Choice
		responses int
		want      string
	}{
		{Choice{}, 3, ""},
		{Choice{Strategy: "best"}, 3, "strategy: \"best\" is none of best_of_n, top_n, top_share, best_worst, best_random, power_weights, majority, weighted_vote, weighted_mean, tournament, nash"},
		{Choice{Strategy: TopN}, 3, "n: is missing, and strategy top_n goes by it"},
		{Choice{Strategy: BestWorst, N: 2}, 3, ""},
		{Choice{Strategy: TopShare}, 3, "share: is missing, and strategy top_share goes by it"},
		{Choice{Share: ops.Some(0.5)}, 3, "share: strategy best_of_n does not go by it"},
		{Choice{Strategy: BestRandom}, 3, "seed: is missing, and strategy best_random goes by it"},
		{Choice{Strategy: Nash, Seed: seed}, 3, "seed: strategy nash does not go by it"},
		{Choice{Strategy: PowerWeights}, 3, ""},
		{Choice{Strategy: TopN, N: 1, Power: ops.Some(1)}, 3, "power: strategy top_n does not go by it"},
		{Choice{Strategy: Majority}, 3, "answers: is missing, and strategy majority goes by it"},
		{Choice{Strategy: Tournament, Answers: []string{"a", "b"}}, 2, "answers: strategy tournament does not go by it"},
		{Choice{Strategy: WeightedMean, Answers: []string{"a", "b"}}, 3, "answers: there are 2, and 3 responses; each has one"},
		{Choice{Strategy: Tournament}, 6, "responses: a tournament has a power of two of them, from 2 on, and there are 6"},
		{Choice{Strategy: Tournament}, 1, "responses: a tournament has a power of two of them, from 2 on, and there are 1"},
		{Choice{Strategy: Tournament}, 4096, ""},
		{Choice{Strategy: Nash}, mostFitted, ""},
		{Choice{Strategy: Nash}, mostFitted + 1, "responses: strategy nash takes 128 at most, and there are 129"},
	} {
		holds(t, test.choice.Check(test.responses), test.want)
	}
	for _, test := range []struct {
		names     []Aggregate
		scale     ops.Maybe
		responses int
		want      string
	}{
		{nil, ops.Maybe{}, 512, ""},
		{[]Aggregate{winRate, copeland}, ops.Maybe{}, 512, ""},
		{[]Aggregate{bradleyTerry, elo, nashMixture}, ops.Some(500), mostFitted, ""},
		{[]Aggregate{copeland, elo}, ops.Maybe{}, mostFitted + 1, "aggregate[1]: elo takes 128 responses at most, and there are 129"},
		{[]Aggregate{copeland, "borda"}, ops.Maybe{}, 3, "aggregate[1]: is none of win_rate, copeland, bradley_terry, elo, nash"},
		{[]Aggregate{copeland, copeland}, ops.Maybe{}, 3, "aggregate[1]: copeland is given twice"},
		{[]Aggregate{bradleyTerry}, ops.Some(400), 3, "elo_scale: is of the aggregate elo, which is not asked for"},
		{[]Aggregate{elo}, ops.Some(0), 3, "elo_scale: 0 is not above 0"},
		{[]Aggregate{elo}, ops.Some(math.Inf(1)), 3, "elo_scale: +Inf is not above 0"},
	} {
		holds(t, CheckAggregates(test.names, test.scale, test.responses), test.want)
	}
}

func holds(t *testing.T, err error, want string) {
	t.Helper()
	var known *failure.Error
	switch {
	case err == nil && want != "" || err != nil && err.Error() != want:
		t.Errorf("%v, want %s", err, want)
	case err != nil && (!errors.As(err, &known) || (known.Code == failure.CodeTooManyItems) != strings.Contains(want, "at most")):
		t.Errorf("%v has another code", err)
	}
}
