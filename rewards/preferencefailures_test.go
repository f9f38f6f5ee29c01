package rewards

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

func TestOneLostResponse(t *testing.T) {
	for _, spec := range []manifest.Manifest{pairManifest("logit"), preferenceManifest(true)} {
		answer, err := preferenceEngine(t, spec).Compare(t.Context(), CompareRequest{
			Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "lost", "b"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Preference[0][2] == nil || answer.Preference[0][1] != nil || answer.WinRate[1] != nil || answer.WinRate[0] == nil ||
			answer.Responses[1].Error == nil || answer.Responses[0].Error != nil || answer.Preference[1][1] != nil {
			t.Errorf("%s: %+v", spec.Kind, answer)
		}
	}
}

// TestTheOtherOfTwoLostResponses: a response that only a lost one stands beside has the lost one's problem.
func TestTheOtherOfTwoLostResponses(t *testing.T) {
	for _, spec := range []manifest.Manifest{pairManifest("logit"), preferenceManifest(true)} {
		answer, err := preferenceEngine(t, spec).Compare(t.Context(), CompareRequest{
			Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "lost"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := answer.Responses[0].Error; p == nil || p.Code != CodeDeadline || !strings.HasPrefix(p.Detail, "beside response 1: ") {
			t.Errorf("%s: the other response has %+v", spec.Kind, p)
		}
		for i, row := range answer.Preference {
			for j := range row {
				if row[j] != nil || answer.WinRate[i] != nil {
					t.Errorf("%s: preference %d over %d and win rate %v", spec.Kind, i, j, answer.WinRate[i])
				}
			}
		}
		if answer.Responses[1].Error == nil || FailedStatus(answer.Problems()) != 504 {
			t.Errorf("%s: %+v", spec.Kind, answer.Responses)
		}
	}
}

// TestAPairsProblemNamesItsSide: where each response is read on its own, and where both are read at once there is no side.
func TestAPairsProblemNamesItsSide(t *testing.T) {
	for _, test := range []struct {
		manifest         manifest.Manifest
		chosen, rejected string
		want             string
	}{
		{preferenceManifest(true), "a", "lost", "rejected: the deadline"},
		{preferenceManifest(true), "lost", "a", "chosen: the deadline"},
		{preferenceManifest(true), "lost", "lost", "chosen: the deadline"},
		{pairManifest("logit"), "a", "lost", "the deadline"},
	} {
		answer, err := preferenceEngine(t, test.manifest).Compare(t.Context(), CompareRequest{
			Pairs: []Pair{{Prompted{Prompt: new("p")}, &test.chosen, &test.rejected}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := answer.Results[0].Error; p == nil || !strings.HasPrefix(p.Detail, test.want) {
			t.Errorf("%s of %s: %+v, want %q", test.chosen, test.rejected, p, test.want)
		}
	}
}

// TestMarginsAreFinite: what has no finite log-odds is a problem, and an answer is always JSON.
func TestMarginsAreFinite(t *testing.T) {
	sharp, heavy := preferenceManifest(false), reward("a")
	sharp.Preference.Temperature = 1e-320
	heavy.Head.Label, heavy.Head.Weights = -1, []float64{1e308}
	for _, spec := range []manifest.Manifest{sharp, heavy} {
		e, fakes := engineOf(t, spec)
		fakes[0].places, fakes[0].read = 2, func(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
			readings := make([]models.Reading, len(items))
			for i, item := range items {
				row := make([]float32, len(spec.Graph.Labels))
				for l := range row {
					row[l] = float32(1 - 2*(i&(l+1)&1))
				}
				for range item.Positions {
					readings[i].Rows = append(readings[i].Rows, row)
				}
			}
			return readings, nil
		}
		pairs, err := e.Compare(t.Context(), CompareRequest{Pairs: []Pair{{Prompted{Prompt: new("p")}, new("a"), new("b")}}})
		if err != nil || pairs.Results[0].Error == nil || pairs.Results[0].Error.Code != fault.CodeNotFinite || pairs.Results[0].Probability != nil {
			t.Errorf("%s: %+v, %v", spec.Kind, pairs.Results, err)
		}
		all, err := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "b"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, answer := range []CompareAnswer{pairs, all} {
			if _, err := json.Marshal(answer); err != nil {
				t.Errorf("%s: %v", spec.Kind, err)
			}
		}
		if spec.Kind == manifest.KindPreference && (all.Responses[0].Error == nil || all.Preference[0][0] != nil) {
			t.Errorf("%+v", all)
		}
	}
}

// TestManyResponsesOfAPairModel: N responses are N·(N − 1) sequences, and more than the model takes are refused before any is made.
func TestManyResponsesOfAPairModel(t *testing.T) {
	e, fakes := engineOf(t, pairManifest("logit"))
	ask := func(n int) *Problem {
		_, err := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: make([]string, n)})
		_, ranked := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: make([]string, n)})
		if problem := ProblemOf(ranked); problem == nil || problem.Code != ProblemOf(err).Code {
			t.Errorf("compare %v, rank %v", err, ranked)
		}
		return ProblemOf(err)
	}
	for n, detail := range map[int]string{65: "4160", 4096: "16773120"} {
		problem := ask(n)
		if problem.Code != CodeTooManyItems || fakes[0].encode.Load() != 0 {
			t.Fatalf("%d responses: %+v after %d encodings", n, problem, fakes[0].encode.Load())
		}
		for _, word := range []string{detail, strconv.Itoa(n), strconv.Itoa(models.DefaultMaxItems)} {
			if !strings.Contains(problem.Detail, word) {
				t.Errorf("%q lacks %s", problem.Detail, word)
			}
		}
	}
	if _, err := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: make([]string, 64)}); err != nil {
		t.Errorf("64 responses: %v", err)
	}
}

// TestPromptsThatWereCutApart: under truncation the prompt's scales are of what is left of it, and two responses need the same.
func TestPromptsThatWereCutApart(t *testing.T) {
	e, fakes := engineOf(t, preferenceManifest(true))
	fakes[0].places = 2
	long := strings.Repeat("x", 60)
	for _, test := range []struct {
		rejected string
		fails    bool
	}{{strings.Repeat("y", 60), false}, {strings.Repeat("y", 70), true}} {
		fakes[0].read = func(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
			readings := make([]models.Reading, len(items))
			for i, item := range items {
				at := float32(item.Truncated)
				readings[i].Rows = [][]float32{{0, 0, 0, 0, at, at}, {1, 2, 3, 4, 0, 0}}
			}
			return readings, nil
		}
		answer, err := e.Compare(t.Context(), CompareRequest{
			Common: Common{Truncate: encode.TruncateLeft},
			Pairs:  []Pair{{Prompted{Prompt: new("a longer prompt")}, &long, &test.rejected}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := answer.Results[0].Error; (p != nil) != test.fails || p != nil && p.Code != fault.CodeTooLong {
			t.Errorf("%d and %d characters: %+v", len(long), len(test.rejected), answer.Results[0])
		}
	}
}

// TestLikelihoodsCompareByBeta: a model of likelihoods was trained on beta times their difference, whatever mean and std show.
func TestLikelihoodsCompareByBeta(t *testing.T) {
	m := reward("policy")
	m.Likelihood = &manifest.Likelihood{Beta: 0.25, Norm: "sum"}
	m.Head = manifest.Head{Activation: "none", Label: -1, Mean: 3, Std: 7}
	e, _ := engineOf(t, m) // raw is the number of tokens
	answer, err := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"aaaaa", "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := Sigmoid(0.25 * 4); *answer.Preference[0][1] != want || *answer.Responses[0].Raw-*answer.Responses[1].Raw != 4 {
		t.Errorf("preference %g of raw %g and %g, want %g", *answer.Preference[0][1], *answer.Responses[0].Raw, *answer.Responses[1].Raw, want)
	}
	if last := answer.Transforms[len(answer.Transforms)-1]; last != BradleyTerryOfBeta {
		t.Errorf("transforms %q", answer.Transforms)
	}
	pairs, err := e.Compare(t.Context(), CompareRequest{Pairs: []Pair{{Prompted{Prompt: new("p")}, new("aaaaa"), new("a")}}})
	if err != nil || *pairs.Results[0].Margin != 1 || *pairs.Results[0].Probability != Sigmoid(1) {
		t.Errorf("%+v, %v", pairs.Results, err)
	}
}

func TestPreferenceRefusals(t *testing.T) {
	e := preferenceEngine(t, pairManifest("logit"))
	_, scored := e.Score(t.Context(), ScoreRequest{Items: text("a")})
	_, labelled := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "b"}, Label: "A"})
	_, activated := e.Rank(t.Context(), RankRequest{Scoring: Scoring{Activation: ActivationSigmoid}, Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "b"}})
	_, alone := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a"}})
	for code, err := range map[string]error{fault.CodeModel: scored, CodeLabel: labelled, CodeActivation: activated, CodeInvalidField: alone} {
		if problem := ProblemOf(err); problem == nil || problem.Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}
