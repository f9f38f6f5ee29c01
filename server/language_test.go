package server

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/server/wire"
)

// languageCard is the card's tables of the language models, as their own script measured them without this server.
type languageCard struct {
	Implicit stepsOfSplits `json:"arith-implicit"`
	Chance   stepsOfSplits `json:"chance"`
	Votes    map[string]struct {
		Eight struct {
			Majority float64 `json:"majority"`
			RM       float64 `json:"arith-rm"`
		} `json:"8"`
	} `json:"votes"`
}

type stepsOfSplits struct {
	Steps map[string]struct {
		F1      float64 `json:"f1"`
		Error   float64 `json:"error_accuracy"`
		Correct float64 `json:"correct_accuracy"`
	} `json:"steps"`
}

func readLanguageCard(t *testing.T) languageCard {
	t.Helper()
	data, err := builtin.Heldout.ReadFile("heldout/language.json")
	if err != nil {
		t.Fatal(err)
	}
	var c languageCard
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestImplicitStepsFindTheFirstError: the process rewards that two language models imply find as many first errors as
// the card says, far more than chance.
func TestImplicitStepsFindTheFirstError(t *testing.T) {
	s, want := embeddedServer(t, "arith-implicit"), readLanguageCard(t)
	rows := heldout[struct {
		Split, Prompt string
		Steps         []string
		First         *int `json:"first_error"`
	}](t, "steps.jsonl")
	items := make([]any, len(rows))
	for i := range rows {
		items[i] = map[string]any{"prompt": rows[i].Prompt, "steps": rows[i].Steps}
	}
	got := do(t, s, "POST", "/v1/steps", asJSON(t, map[string]any{"model": "arith-implicit", "items": items}))
	answer := decoded[wire.StepsAnswer](t, got)
	if got.status != 200 || answer.Threshold == nil || *answer.Threshold != 0 || len(answer.Results) != len(rows) {
		t.Fatalf("%d %.500s", got.status, got.body)
	}
	erroneous, correct := map[string]*share{"in": {}, "hard": {}}, map[string]*share{"in": {}, "hard": {}}
	for i, row := range rows {
		first := answer.Results[i].FirstError
		if row.First == nil {
			correct[row.Split].add(first == nil)
		} else {
			erroneous[row.Split].add(first != nil && *first == *row.First)
		}
	}
	for split, say := range want.Implicit.Steps {
		a, b := erroneous[split], correct[split]
		if math.Abs(a.value()-say.Error) > 1.5/a.tries || math.Abs(b.value()-say.Correct) > 1.5/b.tries {
			t.Errorf("%s: %.4f of the errors and %.4f of the right ones found, and the card says %.4f and %.4f",
				split, a.value(), b.value(), say.Error, say.Correct)
		}
		f1, chance := 2*a.value()*b.value()/(a.value()+b.value()), want.Chance.Steps[split].F1
		if f1 < 3*chance {
			t.Errorf("%s: F1 is %.3f, and a guess has %.3f", split, f1, chance)
		}
	}
}

// TestVotesAmongThePolicysSamples: of 8 samples of the policy, a vote weighted by the sigmoid of the reward model's
// score gives the right answer as often as the card says, and more often than the majority.
func TestVotesAmongThePolicysSamples(t *testing.T) {
	s, want := embeddedServer(t), readLanguageCard(t)
	majority, weighted := map[string]*share{"in": {}, "hard": {}}, map[string]*share{"in": {}, "hard": {}}
	for _, row := range heldout[struct {
		Split, Prompt string
		Responses     []string
		Answers       []*string
		Correct       []bool
	}](t, "samples.jsonl") {
		answers := make([]string, len(row.Answers)) // one that is missing is empty, and has no vote
		for i, answer := range row.Answers {
			if answer != nil {
				answers[i] = *answer
			}
		}
		got := do(t, s, "POST", "/v1/rank", asJSON(t, map[string]any{
			"model": "arith-rm", "prompt": row.Prompt, "responses": row.Responses, "activation": "sigmoid", "strategy": "weighted_vote", "answers": answers,
		}))
		answer := decoded[wire.RankAnswer](t, got)
		if got.status != 200 || answer.Selected.Error != nil || len(answer.Selected.Votes) == 0 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		most := slices.MaxFunc(answer.Selected.Votes, func(a, b wire.Vote) int {
			return cmp.Or(len(a.Indices)-len(b.Indices), b.Indices[0]-a.Indices[0]) // of as many the one that came first
		})
		majority[row.Split].add(row.Correct[most.Indices[0]])
		weighted[row.Split].add(row.Correct[answer.Selected.Votes[0].Indices[0]])
	}
	for split, say := range want.Votes {
		a, b := majority[split], weighted[split]
		if math.Abs(a.value()-say.Eight.Majority) > 0.5/a.tries || math.Abs(b.value()-say.Eight.RM) > 1.5/b.tries || b.value() <= a.value() {
			t.Errorf("%s: the majority is right in %.4f and the weighted vote in %.4f; the card says %.4f and %.4f",
				split, a.value(), b.value(), say.Eight.Majority, say.Eight.RM)
		}
	}
}
