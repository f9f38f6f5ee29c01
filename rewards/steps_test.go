package rewards

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// stepsOf asks for the steps of an item whose steps end at those tokens.
func stepsOf(t *testing.T, spec manifest.Manifest, response int, steps []int, rows ...[]float32) StepsResult {
	t.Helper()
	e, source := answers(t, spec, rows...)
	source.steps, source.response = steps, response
	answer := ask(t, e, Request{Question: Steps, Items: text("abcdefgh")})
	if err := answer.Steps[0].Err; err != nil {
		t.Fatal(err)
	}
	return answer.Steps[0]
}

// scores are those of the steps, NaN where there is none.
func scores(steps []Step) []float64 {
	all := make([]float64, len(steps))
	for i, step := range steps {
		if all[i] = step.Score.Value; !step.Score.Known {
			all[i] = math.NaN()
		}
	}
	return all
}

func TestStepsOfSeveralLabelsAndSkipped(t *testing.T) {
	m := process("softmax", "neutral", "negative", "neutral", "positive")
	m.Steps.Right = []int{1, 2}
	m.Steps.Skip = 1
	got := stepsOf(t, m, 0, []int{1, 3, 5}, []float32{9, 1, 1}, []float32{0, 1, 1})
	p := ops.Softmax([]float64{9, 1, 1})
	q := ops.Softmax([]float64{0, 1, 1})
	want := []float64{math.NaN(), p[1] + p[2], q[1] + q[2]}
	if diff := cmp.Diff(want, scores(got.Steps), near, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	first, last := got.Steps[0], got.Steps[2]
	if got.FirstError != 1 || got.Min != want[1] || got.Last != want[2] || first.Raw.Known || last.Raw != ops.Some(2) || last.Token != 5 || last.End != -1 {
		t.Errorf("%+v", got)
	}
}

func TestStepsOfALikelihood(t *testing.T) {
	m := process("none", "", "policy", "reference")
	m.Steps.Right, m.Likelihood = nil, &manifest.Likelihood{Beta: 0.5, Norm: "sum"}
	rows := [][]float32{{-1, -2}, {-1, -1}, {-3, -1}, {0, -4}}
	// The response is tokens 2 to 5; steps end at tokens 3 and 5.
	if diff := cmp.Diff([]float64{0.5, 1.5}, scores(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps)); diff != "" {
		t.Errorf("sums up to each step (-want +got):\n%s", diff)
	}
	m.Steps.Accumulate = false
	if diff := cmp.Diff([]float64{0.5, 1}, scores(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps)); diff != "" {
		t.Errorf("what each step adds (-want +got):\n%s", diff)
	}
	m.Steps.Activation = activationSigmoid
	if diff := cmp.Diff([]float64{ops.Sigmoid(0.5), ops.Sigmoid(1)}, scores(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps)); diff != "" {
		t.Errorf("with sigmoid (-want +got):\n%s", diff)
	}
}

// TestRowsThatAreNotThoseOfTheSteps: a source that gives too few of them has failed, and nothing else does.
func TestRowsThatAreNotThoseOfTheSteps(t *testing.T) {
	likely := process("none", "", "policy")
	likely.Steps.Right, likely.Likelihood = nil, &manifest.Likelihood{Beta: 1, Norm: "sum"}
	skips := process("none", "good", "good")
	skips.Steps.Skip = 2
	for _, spec := range []manifest.Manifest{process("none", "good", "good"), likely, skips} {
		e, source := answers(t, spec, []float32{1})
		source.steps = []int{1, 2}
		if r := ask(t, e, Request{Question: Steps, Items: text("abcd")}).Steps[0]; r.Err == nil || r.Err.Code != failure.CodeInternal || r.Steps != nil {
			t.Errorf("%+v", r)
		}
	}
}

// TestTheThresholdFitsTheScale: probabilities have their middle, log-ratios 0, and an output without a scale has none.
func TestTheThresholdFitsTheScale(t *testing.T) {
	for name, test := range map[string]struct {
		rule steps
		want ops.Maybe
	}{
		"sigmoid":              {steps{Steps: &manifest.Steps{Activation: activationSigmoid}}, ops.Some(0.5)},
		"softmax":              {steps{Steps: &manifest.Steps{Activation: activationSoftmax}}, ops.Some(0.5)},
		"log-ratio":            {steps{Steps: &manifest.Steps{Activation: activationNone}, likelihood: &manifest.Likelihood{Beta: 1}}, ops.Some(0)},
		"sigmoid of log-ratio": {steps{Steps: &manifest.Steps{Activation: activationSigmoid}, likelihood: &manifest.Likelihood{Beta: 1}}, ops.Some(0.5)},
		"no scale":             {steps{Steps: &manifest.Steps{Activation: activationNone}}, ops.Maybe{}},
	} {
		if got := test.rule.threshold(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestAggregatesKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 50).Draw(t, "scores")
		threshold := rapid.Float64Range(0, 1).Draw(t, "threshold")
		a := aggregate(scores, ops.Some(threshold), 0)
		if without := aggregate(scores, ops.Maybe{}, 0); without.FirstError != -1 || without.Min != a.Min {
			t.Fatalf("without a threshold: %+v", without)
		}
		if a.Min > a.Mean || a.Mean > slices.Max(scores) || a.Product.Value > a.Min || a.Last != scores[len(scores)-1] {
			t.Fatalf("min %g, mean %g, product %g, last %g of %v", a.Min, a.Mean, a.Product.Value, a.Last, scores)
		}
		for i, s := range scores {
			below := i == a.FirstError
			switch {
			case below && s >= threshold:
				t.Fatalf("first error %d has score %g, threshold %g", i, s, threshold)
			case s < threshold && (a.FirstError < 0 || a.FirstError > i):
				t.Fatalf("step %d (%g) is an error before the first one", i, s)
			}
		}
	})
}
