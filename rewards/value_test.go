package rewards

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

var near = cmpopts.EquateApprox(1e-12, 1e-12)

// answers makes an engine over one fake model that gives those rows of every item, read at as many positions.
func answers(t *testing.T, spec manifest.Manifest, rows ...[]float32) *Engine {
	t.Helper()
	e, fakes := engineOf(t, spec)
	fakes[0].places = len(rows)
	fakes[0].read = func(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
		readings := make([]models.Reading, len(items))
		for i := range readings {
			readings[i].Rows = rows
		}
		return readings, nil
	}
	return e
}

func scoreOf(t *testing.T, spec manifest.Manifest, scoring Scoring, rows ...[]float32) (ScoreResult, []string) {
	t.Helper()
	answer, err := answers(t, spec, rows...).Score(t.Context(), ScoreRequest{Scoring: scoring, Items: text("abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Results[0], answer.Transforms
}

// complete is a head with the defaults that a manifest's has.
func complete(h manifest.Head) manifest.Head {
	if h.Std == 0 {
		h.Std = 1
	}
	if h.Activation == "" {
		h.Activation = "none"
	}
	return h
}

func TestHeads(t *testing.T) {
	labelled := func(head manifest.Head, labels ...string) manifest.Manifest {
		m := reward(labels...)
		m.Head = complete(head)
		return m
	}
	likelihood := func(norm string, labels ...string) manifest.Manifest {
		m := reward(labels...)
		m.Head.Label, m.Likelihood = -1, &manifest.Likelihood{Beta: 0.5, Norm: norm}
		return m
	}
	gates := manifest.Head{Label: -1, Gates: []manifest.Gate{{Value: 0, Gate: 2}, {Value: 1, Gate: 3}}, Mean: 1, Std: 2}
	tests := []struct {
		name       string
		manifest   manifest.Manifest
		scoring    Scoring
		rows       [][]float32
		raw, score float64
		transforms []string
	}{
		{"first label", labelled(manifest.Head{}, "a", "b"), Scoring{}, [][]float32{{1, 2}}, 1, 1, []string{}},
		{"a label", labelled(manifest.Head{Label: 1, Named: true}, "a", "b"), Scoring{}, [][]float32{{1, 2}}, 2, 2, []string{"label b"}},
		{"softmax", labelled(manifest.Head{Label: 1, Named: true, Activation: "softmax"}, "a", "b"), Scoring{}, [][]float32{{1, 3}}, 2, Sigmoid(2), []string{"softmax", "label b"}},
		{
			"softmax of three", labelled(manifest.Head{Activation: "softmax"}, "a", "b", "c"),
			Scoring{},
			[][]float32{{1, 3, 0}},
			1 - math.Log(math.Exp(3)+1), math.E / (math.E + math.Exp(3) + 1),
			[]string{"softmax"},
		},
		{"sigmoid", labelled(manifest.Head{Activation: "sigmoid"}, "a"), Scoring{}, [][]float32{{3}}, 3, Sigmoid(3), []string{"sigmoid"}},
		{
			"sigmoid twice", labelled(manifest.Head{Activation: "sigmoid"}, "a"),
			Scoring{Activation: "sigmoid"},
			[][]float32{{3}},
			3,
			Sigmoid(Sigmoid(3)),
			[]string{"sigmoid", "sigmoid"},
		},
		{"weights", labelled(manifest.Head{Label: -1, Weights: []float64{0.5, 0, -2}}, "a", "b", "c"), Scoring{}, [][]float32{{4, 9, 1}}, 0, 0, []string{"weights"}},
		{
			"weights asked for a label", labelled(manifest.Head{Label: -1, Weights: []float64{0.5, 0}, Mean: 7}, "a", "b"),
			Scoring{Label: "b"},
			[][]float32{{4, 9}},
			9, 9,
			[]string{},
		},
		{"gates", labelled(gates, "a", "b", "g", "h"), Scoring{}, [][]float32{{9, 9, 2, 3}, {5, 7, 0, 0}}, 31, 15, []string{"gates", "mean 1 std 2"}},
		{
			"gates and sigmoid", labelled(gates, "a", "b", "g", "h"),
			Scoring{Activation: "sigmoid"},
			[][]float32{{9, 9, 2, 3}, {5, 7, 0, 0}},
			31, Sigmoid(15),
			[]string{"gates", "mean 1 std 2", "sigmoid"},
		},
		{"likelihood", likelihood("sum", "policy"), Scoring{}, [][]float32{{-1}, {-2}, {-3}}, -6, -3, []string{"likelihood sum beta 0.5"}},
		{"mean likelihood", likelihood("mean", "policy"), Scoring{}, [][]float32{{-1}, {-2}, {-3}}, -2, -1, []string{"likelihood mean beta 0.5"}},
		{"likelihood ratio", likelihood("sum", "policy", "reference"), Scoring{}, [][]float32{{-1, -4}, {-2, -1}}, 2, 1, []string{"likelihood sum beta 0.5"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, transforms := scoreOf(t, test.manifest, test.scoring, test.rows...)
			if got.Error != nil || !cmp.Equal([]float64{*got.Raw, *got.Score}, []float64{test.raw, test.score}, near) {
				t.Errorf("raw and score %v %v, %v; want %g %g", got.Raw, got.Score, got.Error, test.raw, test.score)
			}
			if diff := cmp.Diff(test.transforms, transforms); diff != "" {
				t.Errorf("transforms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadRefusals(t *testing.T) {
	weights, likelihood, soft := reward("a", "b"), reward("policy"), reward("a", "b")
	weights.Head = manifest.Head{Label: -1, Weights: []float64{1, 0}, Std: 1}
	likelihood.Head.Label, likelihood.Likelihood = -1, &manifest.Likelihood{Beta: 1, Norm: "sum"}
	soft.Head.Activation = "softmax"
	for code, ask := range map[string]struct {
		manifest manifest.Manifest
		scoring  Scoring
	}{
		CodeActivation + " weights":  {weights, Scoring{Activation: ActivationSoftmax}},
		CodeActivation + " softmax":  {soft, Scoring{Activation: ActivationSoftmax}},
		CodeLabel + " of likelihood": {likelihood, Scoring{Label: "policy"}},
	} {
		_, err := answers(t, ask.manifest, []float32{1, 2}).Score(t.Context(), ScoreRequest{Scoring: ask.scoring, Items: text("a")})
		if problem := ProblemOf(err); problem == nil || problem.Code != code[:len(problem.Code)] {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestSoftmaxScoreIsSigmoidOfRaw(t *testing.T) {
	m := reward("a", "b", "c")
	m.Head = manifest.Head{Activation: "softmax", Label: 1, Std: 1}
	rapid.Check(t, func(rt *rapid.T) {
		row := rapid.SliceOfN(rapid.Float32Range(-40, 40), 3, 3).Draw(rt, "row")
		got, _ := scoreOf(t, m, Scoring{}, row)
		if math.Abs(Sigmoid(*got.Raw)-*got.Score) > 1e-12 {
			rt.Fatalf("score %g, sigmoid of raw %g", *got.Score, Sigmoid(*got.Raw))
		}
	})
}

// stepsOf asks for the steps of an item of n tokens whose steps end there.
func stepsOf(t *testing.T, spec manifest.Manifest, response int, steps []int, rows ...[]float32) StepsResult {
	t.Helper()
	e := answers(t, spec, rows...)
	m, err := e.find("", manifest.KindProcess)
	if err != nil {
		t.Fatal(err)
	}
	m.(*fakeModel).steps, m.(*fakeModel).response = steps, response
	answer, err := e.Steps(t.Context(), StepsRequest{Items: text("abcdefgh")})
	if err != nil || answer.Results[0].Error != nil {
		t.Fatal(err, answer.Results[0].Error)
	}
	return answer.Results[0]
}

func values(steps []StepScore, of func(StepScore) *float64) []float64 {
	all := make([]float64, len(steps))
	for i, step := range steps {
		if all[i] = math.NaN(); of(step) != nil {
			all[i] = *of(step)
		}
	}
	return all
}

func score(s StepScore) *float64 { return s.Score }

func TestStepsOfSeveralLabelsAndSkipped(t *testing.T) {
	m := process("softmax", "neutral", "negative", "neutral", "positive")
	m.Steps.Right = []int{1, 2}
	m.Steps.Skip = 1
	got := stepsOf(t, m, 0, []int{1, 3, 5}, []float32{9, 1, 1}, []float32{0, 1, 1})
	p := Softmax([]float64{9, 1, 1})
	q := Softmax([]float64{0, 1, 1})
	want := []float64{math.NaN(), p[1] + p[2], q[1] + q[2]}
	if diff := cmp.Diff(want, values(got.Steps, score), near, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if *got.FirstError != 1 || got.Min != want[1] || got.Last != want[2] || got.Steps[0].Raw != nil || *got.Steps[2].Raw != 2 || got.Steps[2].Token != 5 {
		t.Errorf("%+v %+v", got.Aggregate, got.Steps)
	}
}

func TestStepsOfALikelihood(t *testing.T) {
	m := process("none", "", "policy", "reference")
	m.Steps.Right, m.Likelihood = nil, &manifest.Likelihood{Beta: 0.5, Norm: "sum"}
	rows := [][]float32{{-1, -2}, {-1, -1}, {-3, -1}, {0, -4}}
	// The response is tokens 2 to 5; steps end at tokens 3 and 5.
	if diff := cmp.Diff([]float64{0.5, 1.5}, values(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps, score)); diff != "" {
		t.Errorf("sums up to each step (-want +got):\n%s", diff)
	}
	m.Steps.Accumulate = false
	if diff := cmp.Diff([]float64{0.5, 1}, values(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps, score)); diff != "" {
		t.Errorf("what each step adds (-want +got):\n%s", diff)
	}
	m.Steps.Activation = "sigmoid"
	if diff := cmp.Diff([]float64{Sigmoid(0.5), Sigmoid(1)}, values(stepsOf(t, m, 2, []int{3, 5}, rows...).Steps, score)); diff != "" {
		t.Errorf("with sigmoid (-want +got):\n%s", diff)
	}
}

func TestSingleStepsSumToTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []float64 {
			return []float64{rapid.Float64Range(-9, 0).Draw(t, "policy"), rapid.Float64Range(-9, 0).Draw(t, "reference")}
		}), 1, 20).Draw(t, "rows")
		cut := rapid.IntRange(0, len(rows)).Draw(t, "cut")
		whole, parts := LogRatio(rows, false), LogRatio(rows[:cut], false)+LogRatio(rows[cut:], false)
		if math.Abs(whole-parts) > 1e-9 || math.Abs(LogRatio(rows, true)*float64(len(rows))-whole) > 1e-9 {
			t.Fatalf("whole %g, parts %g", whole, parts)
		}
		swapped := make([][]float64, len(rows))
		for i, row := range rows {
			swapped[i] = []float64{row[1], row[0]}
		}
		if math.Abs(LogRatio(swapped, false)+whole) > 1e-9 {
			t.Fatal("policy and reference are not each other's opposite")
		}
	})
}

func TestSkewLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vector := rapid.SliceOfN(rapid.Float64Range(-5, 5), 6, 6)
		a, b := Unit(vector.Draw(t, "a")), Unit(vector.Draw(t, "b"))
		scale := Softmax(rapid.SliceOfN(rapid.Float64Range(-5, 5), 3, 3).Draw(t, "scale"))
		s := Skew(a, b, scale)
		if Skew(a, a, scale) != 0 || s != -Skew(b, a, scale) || math.Abs(s) > 1+1e-12 {
			t.Fatalf("skew of %v and %v is %g, back %g, of the first alone %g", a, b, s, Skew(b, a, scale), Skew(a, a, scale))
		}
		if one := Skew(a, b, []float64{1, 1, 1}); one != Skew(a, b, nil) {
			t.Fatal("no scales are not scales of 1")
		}
	})
	if u := Unit([]float64{0, 0}); !slices.Equal(u, []float64{0, 0}) {
		t.Errorf("a vector of length 0 became %v", u)
	}
}

func TestLogOddsStayFinite(t *testing.T) {
	for _, row := range [][]float64{{1000, -1000}, {-1000, 1000}, {0, 0, 0}, {700, 700.5, -700}} {
		if x := LogOdds(row, 0); !finite(x) {
			t.Errorf("log-odds of %v are %g", row, x)
		}
	}
}
