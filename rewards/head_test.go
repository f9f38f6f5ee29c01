package rewards

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

var near = cmpopts.EquateApprox(1e-12, 1e-12)

// answers makes an engine over one fake source that gives those rows of every item.
func answers(t *testing.T, spec manifest.Manifest, rows ...[]float32) (*Engine, *fakeSource) {
	t.Helper()
	e, fakes := engineOf(t, spec)
	fakes[0].rows = func(string, *models.Reading) [][]float32 { return rows }
	return e, fakes[0]
}

// scoreOf is the score of those rows, as the request asks for it.
func scoreOf(t *testing.T, spec manifest.Manifest, r Request, rows ...[]float32) (Result, []string) {
	t.Helper()
	e, _ := answers(t, spec, rows...)
	r.Question, r.Items = Score, text("abcdef")
	answer := ask(t, e, r)
	return answer.Results[0], answer.Transforms
}

// filled is a head with the defaults that a manifest's has.
func filled(h manifest.Head) manifest.Head {
	h.Std, h.Activation = or(h.Std, 1), or(h.Activation, activationNone)
	return h
}

func TestHeads(t *testing.T) {
	labelled := func(head manifest.Head, labels ...string) manifest.Manifest {
		m := reward(labels...)
		m.Head = filled(head)
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
		request    Request
		rows       [][]float32
		raw, score float64
		transforms []string
	}{
		{"first label", labelled(manifest.Head{}, "a", "b"), Request{}, [][]float32{{1, 2}}, 1, 1, []string{}},
		{"a label", labelled(manifest.Head{Label: 1, Named: true}, "a", "b"), Request{}, [][]float32{{1, 2}}, 2, 2, []string{"label b"}},
		{"softmax", labelled(manifest.Head{Label: 1, Named: true, Activation: "softmax"}, "a", "b"), Request{}, [][]float32{{1, 3}}, 2, ops.Sigmoid(2), []string{"softmax", "label b"}},
		{
			"softmax of three", labelled(manifest.Head{Activation: "softmax"}, "a", "b", "c"),
			Request{},
			[][]float32{{1, 3, 0}},
			1 - math.Log(math.Exp(3)+1), math.E / (math.E + math.Exp(3) + 1),
			[]string{"softmax"},
		},
		{"sigmoid", labelled(manifest.Head{Activation: "sigmoid"}, "a"), Request{}, [][]float32{{3}}, 3, ops.Sigmoid(3), []string{"sigmoid"}},
		{
			"sigmoid twice", labelled(manifest.Head{Activation: "sigmoid"}, "a"),
			Request{Activation: "sigmoid"},
			[][]float32{{3}},
			3,
			ops.Sigmoid(ops.Sigmoid(3)),
			[]string{"sigmoid", "sigmoid"},
		},
		{"weights", labelled(manifest.Head{Label: -1, Weights: []float64{0.5, 0, -2}}, "a", "b", "c"), Request{}, [][]float32{{4, 9, 1}}, 0, 0, []string{"weights"}},
		{
			"weights asked for a label", labelled(manifest.Head{Label: -1, Weights: []float64{0.5, 0}, Mean: 7}, "a", "b"),
			Request{Label: "b"},
			[][]float32{{4, 9}},
			9, 9,
			[]string{},
		},
		{
			"calibrated", labelled(manifest.Head{Label: -1, Weights: []float64{1, -1}, Mean: 4.5, Final: "sigmoid"}, "yes", "no"),
			Request{},
			[][]float32{{7, 1}},
			6, ops.Sigmoid(1.5),
			[]string{"weights", "mean 4.5 std 1", "sigmoid"},
		},
		{
			"calibrated, asked for a label", labelled(manifest.Head{Label: -1, Weights: []float64{1, -1}, Mean: 4.5, Final: "sigmoid"}, "yes", "no"),
			Request{Label: "no"},
			[][]float32{{7, 1}},
			1, 1,
			[]string{},
		},
		{"gates", labelled(gates, "a", "b", "g", "h"), Request{}, [][]float32{{9, 9, 2, 3}, {5, 7, 0, 0}}, 31, 15, []string{"gates", "mean 1 std 2"}},
		{
			"gates and sigmoid", labelled(gates, "a", "b", "g", "h"),
			Request{Activation: "sigmoid"},
			[][]float32{{9, 9, 2, 3}, {5, 7, 0, 0}},
			31, ops.Sigmoid(15),
			[]string{"gates", "mean 1 std 2", "sigmoid"},
		},
		{"likelihood", likelihood("sum", "policy"), Request{}, [][]float32{{-1}, {-2}, {-3}}, -6, -3, []string{"likelihood sum beta 0.5"}},
		{"mean likelihood", likelihood("mean", "policy"), Request{}, [][]float32{{-1}, {-2}, {-3}}, -2, -1, []string{"likelihood mean beta 0.5"}},
		{"likelihood ratio", likelihood("sum", "policy", "reference"), Request{}, [][]float32{{-1, -4}, {-2, -1}}, 2, 1, []string{"likelihood sum beta 0.5"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, transforms := scoreOf(t, test.manifest, test.request, test.rows...)
			if got.Err != nil || !cmp.Equal([]float64{got.Raw.Value, got.Score}, []float64{test.raw, test.score}, near) {
				t.Errorf("raw and score %v %v, %v; want %g %g", got.Raw, got.Score, got.Err, test.raw, test.score)
			}
			if diff := cmp.Diff(test.transforms, transforms); diff != "" {
				t.Errorf("transforms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadRefusals(t *testing.T) {
	weights, likelihood, soft := reward("a", "b"), reward("policy"), reward("a", "b")
	weights.Head = manifest.Head{Activation: activationNone, Label: -1, Weights: []float64{1, 0}, Std: 1}
	likelihood.Head.Label, likelihood.Likelihood = -1, &manifest.Likelihood{Beta: 1, Norm: "sum"}
	soft.Head.Activation = activationSoftmax
	calibrated := reward("a", "b")
	calibrated.Head = filled(manifest.Head{Final: activationSigmoid})
	for name, test := range map[string]struct {
		manifest manifest.Manifest
		request  Request
		code     string
	}{
		"weights":    {weights, Request{Activation: activationSoftmax}, failure.CodeActivation},
		"softmax":    {soft, Request{Activation: activationSoftmax}, failure.CodeActivation},
		"final":      {calibrated, Request{Activation: activationSigmoid}, failure.CodeActivation},
		"likelihood": {likelihood, Request{Label: "policy"}, failure.CodeLabel},
	} {
		e, _ := answers(t, test.manifest, []float32{1, 2})
		test.request.Question, test.request.Items = Score, text("a")
		if _, err := e.Ask(t.Context(), test.request); code(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

func TestSoftmaxScoreIsSigmoidOfRaw(t *testing.T) {
	m := reward("a", "b", "c")
	m.Head = manifest.Head{Activation: activationSoftmax, Label: 1, Named: true, Std: 1}
	rapid.Check(t, func(rt *rapid.T) {
		row := rapid.SliceOfN(rapid.Float32Range(-40, 40), 3, 3).Draw(rt, "row")
		got, _ := scoreOf(t, m, Request{}, row)
		if math.Abs(ops.Sigmoid(got.Raw.Value)-got.Score) > 1e-12 {
			rt.Fatalf("score %g, sigmoid of raw %g", got.Score, ops.Sigmoid(got.Raw.Value))
		}
	})
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
