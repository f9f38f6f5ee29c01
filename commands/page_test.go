package commands

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/groups"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/server/wire"
)

func shown(show func(p *page.Page)) string {
	var text strings.Builder
	p := page.New(&text)
	show(p)
	if err := p.Flush(); err != nil {
		panic(err)
	}
	return "\n" + text.String()
}

func TestShow(t *testing.T) {
	prompt := "12 + 30?"
	prompted := wire.Prompted{Prompt: &prompt}
	line := wire.GroupLine{Prompted: prompted, Responses: []string{"43", "4\t2", "x"}}
	long := failure.New(fault.CodeTooLong, "the item has 9 tokens")
	scored := []rewards.Result{{Score: -1.5}, {Score: 2}, {Err: long}}
	got := shown(func(p *page.Page) {
		new(scoreCommand).Show(p, 1, wire.Item{Prompt: &prompt, Response: new("42")}, rewards.Result{Score: 1.25, Tokens: rewards.Tokens{Tokens: 41}})
		new(scoreCommand).Show(p, 2, wire.Item{}, rewards.Result{Err: long})
		new(rankCommand).Show(p, 3, wire.RankLine{GroupLine: line}, listAnswer{Answer: rewards.Answer{Ranking: []int{1, 0}, Results: scored}})
		new(compareCommand).Show(p, 4, wire.CompareLine{GroupLine: line, Chosen: new("42"), Rejected: new("43")},
			listAnswer{Answer: rewards.Answer{Pairs: []rewards.PairResult{{Probability: 0.93, Margin: 2.6}}}})
		new(compareCommand).Show(p, 5, wire.CompareLine{GroupLine: line}, listAnswer{Answer: rewards.Answer{
			Preference: ops.Preferences([]ops.Maybe{ops.Some(1), ops.Some(2), {}}), WinRates: []ops.Maybe{ops.Some(0.27), ops.Some(0.73), {}},
		}})
		new(stepsCommand).Show(p, 6, wire.Item{Prompt: &prompt, Response: new("12 + 30 = 42\n\nso 43"), Separator: new("\n\n")},
			rewards.StepsResult{
				Steps:      []rewards.Step{{Score: ops.Some(0.98), End: 12}, {Score: ops.Some(0.1), End: 19}},
				Threshold:  ops.Some(0.5),
				FirstError: 1,
			})
		selected := rewards.Answer{Ranking: []int{1, 0}, Results: scored, Strategy: ranking.Majority, Statistics: &ranking.Statistics{
			Count: 2, Mean: ops.Some(0.25), Deviation: ops.Some(2.4749), Constant: true,
		}}
		selected.Selection = ranking.Selection{
			Picks: []ranking.Pick{{Index: 1, Weight: 0.75}, {Index: 0, Weight: 0.25}}, Votes: []groups.Ballot{{Key: "4\n2", Weight: 2}},
		}
		new(rankCommand).Show(p, 7, wire.RankLine{GroupLine: line}, listAnswer{Answer: selected})
		selected.Results, selected.Selection, selected.Statistics = scored[:2], ranking.Selection{Err: long}, nil
		new(rankCommand).Show(p, 8, wire.RankLine{GroupLine: line}, listAnswer{Answer: selected})
		new(compareCommand).Show(p, 9, wire.CompareLine{GroupLine: wire.GroupLine{Prompted: prompted}}, listAnswer{Answer: rewards.Answer{
			Aggregates: []ranking.Aggregated{{Of: "copeland", Values: []ops.Maybe{ops.Some(0.5), {}}}, {Of: "elo", Err: long}},
			Statistics: &ranking.Statistics{},
		}})
	})
	want := `
     1     1.2500      41  12 + 30? → 42
     2  too_long: the item has 9 tokens
     3  12 + 30?
           1     2.0000  #1 4 2
           2    -1.5000  #0 43
           -          -  #2 too_long: the item has 9 tokens
     4     0.9300    2.6000  12 + 30?: 42 / 43
     5  12 + 30?
           0.2700  [0.5000 0.2689 -]  #0 43
           0.7300  [0.7311 0.5000 -]  #1 4 2
                -  [- - -]  #2 x
     6  12 + 30? — first error: step 1
           0  0.9800   12 + 30 = 42
           1  0.1000 ✗ so 43
     7  12 + 30?
           1     2.0000  #1 4 2
           2    -1.5000  #0 43
           -          -  #2 too_long: the item has 9 tokens
        majority: #1 0.7500, #0 0.2500; answer 4 2
        2 scores, mean 0.2500, deviation 2.4749, no variance
     8  12 + 30?
           1     2.0000  #1 4 2
           2    -1.5000  #0 43
        majority: too_long: the item has 9 tokens
     9  12 + 30?
        copeland: 0.5000 -
        elo: too_long: the item has 9 tokens
        0 scores, mean -, deviation -
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]size{"32MiB": 32 << 20, "1024": 1024, "5 KiB": 5 << 10, "2GiB": 2 << 30, "7B": 7, "0": 0} {
		var s size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "-1", "MiB", "1.5MiB", "9999999999GiB", "5parsecs"} {
		var s size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %d", text, s)
		}
	}
	for want, s := range map[string]size{"32MiB": 32 << 20, "1000B": 1000, "3KiB": 3 << 10} {
		if s.String() != want {
			t.Errorf("%s, not %s", s, want)
		}
	}
}
