package ranking

import (
	"encoding/json"
	"math"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/ops"
)

// examples is what examples.py computes.
type examples struct {
	Statistics []struct {
		Scores []*float64
		Want   struct {
			Count           int
			Mean, Deviation *float64
			Constant        bool
			LeaveOneOut     []*float64 `json:"leave_one_out"`
			Normalized      []*float64
			Ranks           []*float64
		}
	}
	Choices []struct {
		Strategy Strategy
		N        int
		Share    *float64
		Power    *float64
		Answers  []string
		Scores   []*float64
		Picks    map[int]float64
		Votes    map[string]float64
		Answer   *string
	}
	Comparisons []struct {
		Preference   [][]float64
		WinRate      []float64 `json:"win_rate"`
		Copeland     []float64
		BradleyTerry []float64 `json:"bradley_terry"`
		Elo          []float64
		Nash         []float64
		Tournament   *struct {
			Best, Worst, Games int
			Agrees             bool
		}
	}
}

// python runs examples.py.
func python(t *testing.T) (of examples) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "python3", "examples.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &of); err != nil || len(of.Statistics) < 50 || len(of.Choices) < 300 || len(of.Comparisons) < 40 {
		t.Fatalf("%d, %d and %d examples, %v", len(of.Statistics), len(of.Choices), len(of.Comparisons), err)
	}
	return of
}

// maybes are numbers of which null is missing.
func maybes(of []*float64) []ops.Maybe {
	all := make([]ops.Maybe, len(of))
	for i, x := range of {
		all[i] = maybe(x)
	}
	return all
}

func maybe(x *float64) ops.Maybe {
	if x == nil {
		return ops.Maybe{}
	}
	return ops.Some(*x)
}

// near lets numbers differ by rounding.
var near = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(a)) })

func TestStatisticsAreThoseOfPython(t *testing.T) {
	for _, example := range python(t).Statistics {
		w := &example.Want
		want := Statistics{
			Count: w.Count, Mean: maybe(w.Mean), Deviation: maybe(w.Deviation), Constant: w.Constant,
			LeaveOneOut: maybes(w.LeaveOneOut), Normalized: maybes(w.Normalized), Ranks: maybes(w.Ranks),
		}
		if diff := cmp.Diff(want, Describe(maybes(example.Scores)), near); diff != "" {
			t.Errorf("%v (-python +got):\n%s", maybes(example.Scores), diff)
		}
	}
}

func TestStrategiesSelectAsPythonDoes(t *testing.T) {
	seen := map[Strategy]bool{}
	for _, example := range python(t).Choices {
		c := Choice{Strategy: example.Strategy, N: example.N, Share: maybe(example.Share), Power: maybe(example.Power), Answers: example.Answers}
		if err := c.Check(len(example.Scores)); err != nil {
			t.Fatal(err)
		}
		seen[c.Strategy] = true
		got := c.Select(&Group{Scores: maybes(example.Scores)})
		picks := map[int]float64{}
		for _, p := range got.Picks {
			picks[p.Index] = p.Weight
		}
		votes := map[string]float64{}
		for _, v := range got.Votes {
			votes[v.Key] = v.Weight
		}
		if example.Votes == nil {
			example.Votes = map[string]float64{}
		}
		if diff := cmp.Diff(example.Picks, picks, near); diff != "" || got.Err != nil {
			t.Errorf("%s of %v: %v (-python +got):\n%s", c.Strategy, maybes(example.Scores), got.Err, diff)
		}
		if diff := cmp.Diff(example.Votes, votes, near); diff != "" || example.Answer != nil && got.Votes[0].Key != *example.Answer {
			t.Errorf("%s of %v: %v (-python +got):\n%s", c.Strategy, maybes(example.Scores), got.Votes, diff)
		}
	}
	if len(seen) != len(rules)-3 { // the others are a random one and those of comparisons
		t.Errorf("only %v were tried", seen)
	}
}

func TestAggregatesAreThoseOfPython(t *testing.T) {
	brackets := 0
	for _, example := range python(t).Comparisons {
		n := len(example.Preference)
		p := ops.NewMatrix(n, n)
		for i, row := range example.Preference {
			for j, x := range row {
				p.Row(i)[j] = ops.Some(x)
			}
		}
		names := []Aggregate{winRate, copeland, bradleyTerry, elo, nashMixture}
		got := Aggregates(names, ops.Some(500), p)
		for k, want := range [][]float64{example.WinRate, example.Copeland, example.BradleyTerry, example.Elo, example.Nash} {
			known := make([]ops.Maybe, n)
			for i, x := range want {
				known[i] = ops.Some(x)
			}
			if diff := cmp.Diff(Aggregated{Of: names[k], Values: known}, got[k], near); diff != "" {
				t.Errorf("%s of %v (-python +got):\n%s", names[k], example.Preference, diff)
			}
		}
		g := &Group{Scores: maybes(make([]*float64, n)), Preference: func(i, j int) ops.Maybe { return p.Row(i)[j] }}
		for i := range g.Scores {
			g.Scores[i] = ops.Some(example.WinRate[i])
		}
		weights := make([]float64, n)
		for _, pick := range selectOf(t, Choice{Strategy: Nash}, g).Picks {
			weights[pick.Index] = pick.Weight
		}
		if diff := cmp.Diff(example.Nash, weights, near); diff != "" {
			t.Errorf("nash of %v (-python +got):\n%s", example.Preference, diff)
		}
		if example.Tournament == nil {
			continue
		}
		brackets++
		s, want := selectOf(t, Choice{Strategy: Tournament}, g), example.Tournament
		if s.Picks[0] != (Pick{want.Best, 0.5}) || s.Picks[1] != (Pick{want.Worst, 0.5}) || s.Bracket.Agrees != want.Agrees || len(s.Bracket.Games) != want.Games {
			t.Errorf("the tournament of %v selects %+v, want %+v", example.Preference, s, want)
		}
		if n == 8 && want.Games != 11 {
			t.Errorf("8 play %d games", want.Games)
		}
	}
	if brackets < 10 {
		t.Errorf("%d tournaments", brackets)
	}
}

// selectOf selects what must be selected.
func selectOf(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, c Choice, g *Group,
) Selection {
	t.Helper()
	if err := c.Check(len(g.Scores)); err != nil {
		t.Fatalf("%v", err)
	}
	s := c.Select(g)
	if s.Err != nil {
		t.Fatalf("%v", s.Err)
	}
	return s
}
