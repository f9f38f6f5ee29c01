package server

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/wire"
)

// TestGroupsOnTheWire: strategies, statistics and aggregates of a model that scores and of one that compares, and what
// is refused by a word that names the field.
func TestGroupsOnTheWire(t *testing.T) {
	s := realServer(t, "qwen3-reward-packed", "../heads/preference")
	many := func(n int) string {
		return `"prompt":"2+2?","responses":[` + strings.TrimSuffix(strings.Repeat(`"4",`, n), ",") + `]`
	}
	const four = `"prompt":"2+2?","responses":["4","5","six","It is 4."]`
	for _, model := range []string{"qwen3-reward-packed", "preference"} {
		head := `{"model":"` + model + `",`
		for _, test := range []struct {
			path, body string
			status     int
			words      []string // in the answer
		}{
			{"/v1/rank", head + four + `}`, 200, []string{`"strategy":"best_of_n"`, `"selected":{"picks":[{"index":`, `"weight":1}]},"responses"`}},
			{"/v1/rank", head + four + `,"strategy":"top_n","n":2}`, 200, []string{`"weight":0.5},{"index":`}},
			{"/v1/rank", head + four + `,"strategy":"best_random","seed":9,"n":1}`, 200, []string{`"weight":0.5},{"index":`}},
			{"/v1/rank", head + four + `,"strategy":"top_share","share":0.5}`, 200, []string{`"weight":0.5},{"index":`}},
			{"/v1/rank", head + four + `,"strategy":"power_weights","power":1}`, 200, []string{`"selected":{"picks":[{"index":`}},
			{"/v1/rank", head + four + `,"strategy":"majority","answers":["4","5","6","4"]}`, 200, []string{`"answer":"4","votes":[{"answer":"4","weight":2,"indices":[0,3]},`}},
			{"/v1/rank", head + four + `,"strategy":"weighted_mean","answers":["4","5","","4"]}`, 200, []string{`"votes":[{"answer":"`}},
			{"/v1/rank", head + four + `,"strategy":"majority","answers":["","","",""]}`, 200, []string{`"selected":{"picks":[],"votes":[]}`}},
			{"/v1/rank", head + four + `,"strategy":"tournament"}`, 200, []string{`"games":[{"first":0,"second":1,"winner":`, `"agrees":`}},
			{"/v1/rank", head + four + `,"strategy":"nash","statistics":true}`, 200, []string{`"statistics":{"count":4,"mean":`}},
			{"/v1/compare", head + four + `,"aggregate":["elo","nash","copeland","win_rate","bradley_terry"],"elo_scale":500,"statistics":true}`, 200, []string{
				`"aggregates":{"bradley_terry":{"values":[`, `"elo":{"values":[`, `"statistics":{"count":4,"mean":`,
			}},

			{"/v1/rank", head + four + `,"strategy":"best"}`, 422, []string{`"invalid_field"`, `strategy: \"best\" is none of best_of_n, `}},
			{"/v1/rank", head + four + `,"strategy":"top_n"}`, 422, []string{`"invalid_field"`, `n: is missing, and strategy top_n goes by it`}},
			{"/v1/rank", head + four + `,"strategy":"majority","answers":["4"]}`, 422, []string{`"invalid_field"`, `answers: there are 1, and 4 responses; each has one`}},
			{"/v1/rank", head + four + `,"seed":1}`, 422, []string{`"invalid_field"`, `seed: strategy best_of_n does not go by it`}},
			{"/v1/rank", head + many(6) + `,"strategy":"tournament"}`, 422, []string{`"invalid_field"`, `responses: a tournament has a power of two of them`}},
			{"/v1/rank", head + many(129) + `,"strategy":"nash"}`, 413, []string{`"too_many_items"`, `responses: strategy nash takes 128 at most, and there are 129`}},
			{"/v1/compare", head + many(129) + `,"aggregate":["bradley_terry"]}`, 413, []string{`"too_many_items"`, `aggregate[0]: bradley_terry takes 128 responses at most`}},
			{"/v1/compare", head + four + `,"elo_scale":400}`, 422, []string{`"invalid_field"`, `elo_scale: is of the aggregate elo`}},
			{"/v1/compare", head + `"pairs":[{"prompt":"p","chosen":"a","rejected":"b"}],"statistics":true}`, 422, []string{`"invalid_field"`, `statistics: are of the responses to one prompt`}},
		} {
			got := do(t, s, "POST", test.path, test.body)
			if got.status != test.status {
				t.Errorf("%s %.200s: %d %s", test.path, test.body, got.status, got.body)
			}
			for _, word := range test.words {
				if !strings.Contains(string(got.body), word) {
					t.Errorf("%s %.200s: no %s in %s", test.path, test.body, word, got.body)
				}
			}
		}
	}
}

// TestAFailedResponseStaysAHole: beside an error there is null in every list, and what the others do not suffice for
// is an error of its own.
func TestAFailedResponseStaysAHole(t *testing.T) {
	s := realServer(t, "qwen3-reward-packed")
	rank := decoded[wire.RankAnswer](t, do(t, s, "POST", "/v1/rank", `{"prompt":"p","responses":["a","\ud800","bb"],"statistics":true,"strategy":"nash"}`))
	st := rank.Statistics
	if rank.Responses[1].Error == nil || st.Count != 2 || st.LeaveOneOut[1] != nil || st.Normalized[1] != nil || st.Ranks[1] != nil || rank.Selected.Error != nil {
		t.Errorf("%+v, %+v", st, rank.Selected)
	}
	a, b := *rank.Responses[0].Score, *rank.Responses[2].Score
	if math.Abs(*st.LeaveOneOut[0]-(a-b)) > 1e-12 || math.Abs(*st.Mean-(a+b)/2) > 1e-12 || math.Abs(*st.Deviation-math.Abs(a-b)/math.Sqrt2) > 1e-12 {
		t.Errorf("%+v of %g and %g", st, a, b)
	}
	bracket := decoded[wire.RankAnswer](t, do(t, s, "POST", "/v1/rank", `{"prompt":"p","responses":["a","\ud800"],"strategy":"tournament"}`))
	if e := bracket.Selected.Error; e == nil || e.Code != "undefined" || e.Status != 422 || bracket.Selected.Picks != nil || bracket.Best == nil {
		t.Errorf("%+v", bracket.Selected)
	}
	compare := decoded[wire.CompareAnswer](t, do(t, s, "POST", "/v1/compare", `{"prompt":"p","responses":["a","\ud800"],"aggregate":["elo","win_rate"]}`))
	if e := compare.Aggregates["elo"].Error; e == nil || e.Detail != "aggregate elo: no two candidates are compared" || compare.Aggregates["elo"].Values != nil {
		t.Errorf("%+v", compare.Aggregates)
	}
	if rates := compare.Aggregates["win_rate"].Values; len(rates) != 2 || rates[0] != nil || rates[1] != nil {
		t.Errorf("win rates %v beside nobody", rates)
	}
}

// TestWeightedVotesBeatTheMajority: on held-out problems, of which each has eight answers, those that the model rates
// weigh more.
func TestWeightedVotesBeatTheMajority(t *testing.T) {
	s := embeddedServer(t)
	last := regexp.MustCompile(`-?\d+`)
	found := map[string]*share{"majority": {}, "weighted vote": {}, "best of 8": {}}
	for _, row := range heldout[struct {
		Split, Prompt string
		Responses     []string
		Correct       []bool
	}](t, "best_of_8.jsonl") {
		answers, right := make([]string, len(row.Responses)), map[string]bool{}
		for i, response := range row.Responses {
			numbers := last.FindAllString(response, -1)
			if answers[i] = ""; len(numbers) > 0 {
				answers[i] = numbers[len(numbers)-1]
			}
			if row.Correct[i] {
				right[answers[i]] = true
			}
		}
		got := decoded[wire.RankAnswer](t, do(t, s, "POST", "/v1/rank", asJSON(t, map[string]any{
			"prompt": row.Prompt, "responses": row.Responses, "activation": "sigmoid", "strategy": "weighted_vote", "answers": answers,
		})))
		if got.Selected.Error != nil || got.Selected.Answer == nil || *got.Selected.Answer != answers[got.Selected.Picks[0].Index] {
			t.Fatalf("%+v", got.Selected)
		}
		most := slices.MaxFunc(got.Selected.Votes, func(a, b wire.Vote) int {
			return cmp.Or(len(a.Indices)-len(b.Indices), b.Indices[0]-a.Indices[0]) // of as many the one that came first
		})
		found["majority"].add(right[most.Answer])
		found["weighted vote"].add(right[*got.Selected.Answer])
		found["best of 8"].add(right[answers[*got.Best]])
	}
	told := fmt.Sprintf("majority %.4f, weighted vote %.4f, best of 8 %.4f of %g problems",
		found["majority"].value(), found["weighted vote"].value(), found["best of 8"].value(), found["majority"].tries)
	t.Log(told)
	if found["weighted vote"].value() < found["majority"].value()+0.05 {
		t.Error(told)
	}
}
