package rewards

import (
	"strconv"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

func TestOneLostResponse(t *testing.T) {
	for _, spec := range []manifest.Manifest{pairManifest("logit"), preferenceManifest(true)} {
		answer := ask(t, preferenceEngine(t, spec), Request{Question: Compare, Groups: to("p", "a", "lost", "b")})
		p, rates, results := answer.Preference, answer.WinRates, answer.Results
		if !p.Row(0)[2].Known || p.Row(0)[1].Known || rates[1].Known || !rates[0].Known ||
			results[1].Err == nil || results[0].Err != nil || p.Row(1)[1].Known {
			t.Errorf("%s: %+v", spec.Kind, answer)
		}
		if lost := results[1]; lost.Tokens != (Tokens{}) || lost.Score != 0 {
			t.Errorf("%s: a lost response has %+v", spec.Kind, lost)
		}
	}
}

// TestTheOtherOfTwoLostResponses: a response that only a lost one stands beside has the lost one's error.
func TestTheOtherOfTwoLostResponses(t *testing.T) {
	for _, spec := range []manifest.Manifest{pairManifest("logit"), preferenceManifest(true)} {
		answer := ask(t, preferenceEngine(t, spec), Request{Question: Compare, Groups: to("p", "a", "lost")})
		if err := answer.Results[0].Err; err == nil || err.Code != failure.CodeDeadline || !strings.HasPrefix(err.Detail, "beside response 1: ") {
			t.Errorf("%s: the other response has %+v", spec.Kind, err)
		}
		for i := range answer.WinRates {
			for j, p := range answer.Preference.Row(i) {
				if p.Known || answer.WinRates[i].Known {
					t.Errorf("%s: preference %d over %d and win rate %v", spec.Kind, i, j, answer.WinRates[i])
				}
			}
		}
		if err := answer.Results[1].Err; err == nil || err.Code != failure.CodeDeadline {
			t.Errorf("%s: the lost response has %+v", spec.Kind, err)
		}
	}
}

// TestAPairsErrorNamesItsSide: where each response is read on its own, and where both are read at once there is no
// side.
func TestAPairsErrorNamesItsSide(t *testing.T) {
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
		answer := ask(t, preferenceEngine(t, test.manifest), Request{Question: Pairs, Groups: to("p", test.chosen, test.rejected)})
		if err := answer.Pairs[0].Err; err == nil || !strings.HasPrefix(err.Detail, test.want) {
			t.Errorf("%s of %s: %+v, want %q", test.chosen, test.rejected, err, test.want)
		}
	}
}

// TestMarginsAreFinite: what has no finite log-odds is an error, and no number of an answer is infinite.
func TestMarginsAreFinite(t *testing.T) {
	sharp, heavy, likely := preferenceManifest(false), reward("a"), reward("policy")
	sharp.Preference.Temperature = 1e-320
	heavy.Head.Label, heavy.Head.Weights = -1, []float64{1e308}
	likely.Head.Label, likely.Likelihood = -1, &manifest.Likelihood{Beta: 1e308, Norm: "sum"}
	likely.Head.Std = 1e10 // so that there is a score
	for _, spec := range []manifest.Manifest{sharp, heavy, likely} {
		e, fakes := engineOf(t, spec)
		fakes[0].rows = func(text string, _ *models.Reading) [][]float32 {
			row := make([]float32, len(spec.Graph.Labels))
			for l := range row {
				row[l] = 1
				if strings.HasSuffix(text, "b") && l%2 == 0 {
					row[l] = -1
				}
			}
			return [][]float32{row}
		}
		pairs := ask(t, e, Request{Question: Pairs, Groups: to("p", "a", "b")})
		if pair := pairs.Pairs[0]; pair.Err == nil || pair.Err.Code != fault.CodeNotFinite || pair.Probability != 0 {
			t.Errorf("%s: %+v", spec.Kind, pair)
		}
		all := ask(t, e, Request{Question: Compare, Groups: to("p", "a", "b")})
		for i := range 2 {
			for _, p := range append(all.Preference.Row(i), all.WinRates[i]) {
				if !ops.Finite(p.Value) {
					t.Errorf("%s: %+v", spec.Kind, all)
				}
			}
		}
		if spec.Kind == manifest.KindPreference && (all.Results[0].Err == nil || all.Preference.Row(0)[0].Known) {
			t.Errorf("%+v", all)
		}
	}
}

// TestRewardsTooLargeToCompareAreNotCompared: beta times raw can be infinite where the score is not.
func TestRewardsTooLargeToCompareAreNotCompared(t *testing.T) {
	spec := reward("policy")
	spec.Head.Label, spec.Likelihood = -1, &manifest.Likelihood{Beta: 1e308, Norm: "sum"}
	h, _ := newHead(&spec).(*head)
	c := scored{h.trained, []Result{{Raw: ops.Some(20)}, {Raw: ops.Some(30)}, {Raw: ops.Some(1)}}}
	p := c.preferences()
	if p.Row(0)[1].Known || p.Row(1)[0].Known || p.Row(0)[2].Known || p.Row(2)[2] != ops.Some(0.5) {
		t.Errorf("%+v", p)
	}
}

// TestManyResponsesOfAPairModel: N responses are N·(N − 1) sequences, and more than the model takes are refused before
// any is read.
func TestManyResponsesOfAPairModel(t *testing.T) {
	e, fakes := engineOf(t, pairManifest("logit"))
	for n, detail := range map[int]string{65: "4160", 256: "65280"} {
		for _, q := range []Question{Rank, Compare} {
			_, err := e.Ask(t.Context(), Request{Question: q, Groups: to("p", make([]string, n)...)})
			of := failure.Of(err)
			if of == nil || of.Code != failure.CodeTooManyItems || fakes[0].items.Load() != 0 {
				t.Fatalf("%s of %d responses: %+v after %d items", q, n, of, fakes[0].items.Load())
			}
			for _, word := range []string{detail, strconv.Itoa(n), strconv.Itoa(models.DefaultBudget().Items)} {
				if !strings.Contains(of.Detail, word) {
					t.Errorf("%q lacks %s", of.Detail, word)
				}
			}
		}
	}
	ask(t, e, Request{Question: Compare, Groups: to("p", make([]string, 64)...)})
}

// TestPromptsThatWereCutApart: under truncation the prompt's scales are of what is left of it, and two responses need
// the same.
func TestPromptsThatWereCutApart(t *testing.T) {
	e, fakes := engineOf(t, preferenceManifest(true))
	fakes[0].rows = func(_ string, r *models.Reading) [][]float32 {
		at := float32(r.Truncated)
		return [][]float32{{0, 0, 0, 0, at, at}, {1, 2, 3, 4, 0, 0}}
	}
	long := strings.Repeat("x", 60)
	for _, test := range []struct {
		rejected string
		fails    bool
	}{{strings.Repeat("y", 60), false}, {strings.Repeat("y", 70), true}} {
		answer := ask(t, e, Request{Question: Pairs, Truncate: encode.TruncateLeft, Groups: to("a longer prompt", long, test.rejected)})
		if err := answer.Pairs[0].Err; (err != nil) != test.fails || err != nil && err.Code != fault.CodeTooLong {
			t.Errorf("%d and %d characters: %+v", len(long), len(test.rejected), answer.Pairs[0])
		}
	}
}

// TestLikelihoodsCompareByBeta: a model of likelihoods was trained on beta times their difference, whatever mean and
// std show.
func TestLikelihoodsCompareByBeta(t *testing.T) {
	m := reward("policy")
	m.Head.Label, m.Likelihood = -1, &manifest.Likelihood{Beta: 0.25, Norm: "sum"}
	m.Head.Mean, m.Head.Std = 3, 7
	e, _ := engineOf(t, m) // raw is the number of tokens
	answer := ask(t, e, Request{Question: Compare, Groups: to("p", "aaaaa", "a")})
	one, other := answer.Results[0].Raw.Value, answer.Results[1].Raw.Value
	if want := ops.Sigmoid(0.25 * 4); answer.Preference.Row(0)[1].Value != want || one-other != 4 {
		t.Errorf("preference %v of raw %g and %g, want %g", answer.Preference.Row(0)[1], one, other, want)
	}
	if last := answer.Transforms[len(answer.Transforms)-1]; last != bradleyTerryOfBeta {
		t.Errorf("transforms %q", answer.Transforms)
	}
	pair := ask(t, e, Request{Question: Pairs, Groups: to("p", "aaaaa", "a")}).Pairs[0]
	if pair.Margin != 1 || pair.Probability != ops.Sigmoid(1) {
		t.Errorf("%+v", pair)
	}
}

func TestPreferenceRefusals(t *testing.T) {
	e := preferenceEngine(t, pairManifest("logit"))
	for name, test := range map[string]struct {
		request Request
		code    string
	}{
		"score":         {Request{Question: Score, Items: text("a")}, fault.CodeModel},
		"a label":       {Request{Question: Compare, Groups: to("p", "a", "b"), Label: "A"}, failure.CodeLabel},
		"an activation": {Request{Question: Rank, Groups: to("p", "a", "b"), Activation: activationSigmoid}, failure.CodeActivation},
		"one response":  {Request{Question: Rank, Groups: to("p", "a")}, failure.CodeInvalidField},
	} {
		if _, err := e.Ask(t.Context(), test.request); code(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}
