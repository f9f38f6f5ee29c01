package rewards

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

// TestSlopesAreThoseOfTheScore compares every way from labels to a score with differences of the score.
func TestSlopesAreThoseOfTheScore(t *testing.T) {
	weights := []float64{0.5, 0, -2}
	for name, spec := range map[string]manifest.Head{
		"plain": {}, "scaled": {Mean: 0.5, Std: 4.0}, "label": {Label: 1, Named: true},
		"sigmoid": {Activation: "sigmoid"}, "softmax": {Activation: "softmax", Label: 2, Named: true, Mean: 1, Std: 0.5},
		"weights": {Label: -1, Weights: weights, Std: 3.0}, "weights of sigmoids": {Activation: "sigmoid", Label: -1, Weights: weights},
		"weights of a softmax": {Activation: "softmax", Label: -1, Weights: weights, Mean: 0.1},
	} {
		for _, activation := range []string{activationNone, activationSigmoid, activationSoftmax} {
			for _, label := range []string{"", "b"} {
				m := reward("a", "b", "c")
				m.Head = filled(spec)
				plain, _ := newHead(&m).(*head)
				rule, err := plain.asked(&Request{Activation: activation, Label: label})
				if err != nil {
					continue // a softmax of what has one already, or of one number
				}
				row, most := []float64{0.3, -1.2, 0.9}, 0.0
				got := rule.slopes(row)
				for i := range row {
					const step = 1e-6
					beside := func(by float64) float64 {
						moved := append([]float64{}, row...)
						moved[i] += by
						_, score, _ := rule.apply([][]float64{moved})
						return score
					}
					want := (beside(step) - beside(-step)) / (2 * step)
					if most = max(most, math.Abs(want)); math.Abs(got[i]-want) > 1e-8 {
						t.Errorf("%s, %s, label %q: the slope by label %d is %g, and differences give %g", name, activation, label, i, got[i], want)
					}
				}
				if most == 0 {
					t.Errorf("%s, %s, label %q: the score depends on no label", name, activation, label)
				}
			}
		}
	}
}

// judge serves the fixture that reads features.
func judge(t *testing.T) *Engine {
	t.Helper()
	e, _ := fixtures(t, "../heads/judge")
	return e
}

// TestGradientsEqualPyTorch: through the graph, both sigmoids, the weights, mean and std.
func TestGradientsEqualPyTorch(t *testing.T) {
	e := judge(t)
	file, err := os.Open("../models/testdata/heads/judge-gradients.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	var wants []map[string]float64
	request := Request{Question: Score, Gradient: true}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct{ Features, Gradient map[string]float64 }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		wants, request.Items = append(wants, line.Gradient), append(request.Items, encode.Item{Features: line.Features})
	}
	if len(wants) < 10 {
		t.Fatalf("%d lines", len(wants))
	}
	together := ask(t, e, request)
	for i, want := range wants {
		got := together.Results[i].Gradient
		if len(got) != len(want) {
			t.Fatalf("item %d: %v, want %v", i, together.Results[i], want)
		}
		for name := range want {
			if math.Abs(got[name]-want[name]) > 1e-6*max(1, math.Abs(want[name])) {
				t.Errorf("item %d: the gradient by %s is %g, and PyTorch's %g", i, name, got[name], want[name])
			}
		}
		alone := ask(t, e, Request{Question: Score, Gradient: true, Items: request.Items[i : i+1]})
		if !cmp.Equal(alone.Results[0].Gradient, got) {
			t.Errorf("item %d: %v alone, %v beside others", i, alone.Results[0].Gradient, got)
		}
	}
}

// TestGradientsFollowTheRequest: a request's activation and label are part of what is differentiated.
func TestGradientsFollowTheRequest(t *testing.T) {
	e := judge(t)
	features := func(spam float64) encode.Item {
		return encode.Item{Features: encode.Features{"length": 300, "citations": 2, "age_days": 10, "readability": 50, "spam": spam}}
	}
	for _, request := range []Request{
		{}, {Activation: activationSigmoid}, {Label: "honesty"}, {Label: "honesty", Activation: activationSigmoid},
	} {
		const step = 0.01
		request.Question, request.Gradient = Score, true
		request.Items = []encode.Item{features(0.1), features(0.1 - step), features(0.1 + step)}
		results := ask(t, e, request).Results
		want := (results[2].Score - results[1].Score) / (2 * step)
		if got := results[0].Gradient["spam"]; math.Abs(got-want) > 1e-3*math.Abs(want) || got == 0 {
			t.Errorf("%q, %q: the gradient by spam is %g, and differences give %g", request.Label, request.Activation, got, want)
		}
	}
}

// TestComparisonsHaveNoGradient: by a feature that is only compared it is 0, and a model that does nothing else has
// none.
func TestComparisonsHaveNoGradient(t *testing.T) {
	e, _ := fixtures(t, "../heads/thresholds", "../heads/rule")
	request := Request{Question: Score, Gradient: true, Items: []encode.Item{{Features: encode.Features{"compared": 1, "smooth": 2}}}}
	for label, want := range map[string]map[string]float64{"rule": {"compared": 0, "smooth": 0}, "sum": {"compared": 0, "smooth": 3}} {
		request.Model, request.Label = "thresholds", label
		if r := ask(t, e, request).Results[0]; !cmp.Equal(r.Gradient, want) {
			t.Errorf("%s: %+v", label, r)
		}
	}
	request.Model, request.Label = "rule", ""
	_, err := e.Ask(t.Context(), request)
	if of := failure.Of(err); of == nil || of.Code != fault.CodeKind || !strings.Contains(of.Detail, `model "rule" has no gradient: `) {
		t.Errorf("%v", err)
	}
}

// TestAnItemWithoutScoreHasNoGradient, and leaves the others theirs.
func TestAnItemWithoutScoreHasNoGradient(t *testing.T) {
	e := judge(t)
	good := encode.Item{Features: encode.Features{"length": 300, "citations": 2, "age_days": 10, "readability": 50, "spam": 0}}
	answer := ask(t, e, Request{Question: Score, Gradient: true, Items: []encode.Item{good, {Features: encode.Features{"length": 1}}, good}})
	first, bad, last := answer.Results[0], answer.Results[1], answer.Results[2]
	if bad.Err == nil || bad.Err.Code != fault.CodeItem || !strings.Contains(bad.Err.Detail, "features.citations is missing") || bad.Gradient != nil {
		t.Errorf("%+v", bad)
	}
	if first.Gradient == nil || !cmp.Equal(first.Gradient, last.Gradient) || first.Tokens.Tokens != 5 {
		t.Errorf("%+v, %+v", first, last)
	}
	if plain := ask(t, e, Request{Question: Score, Items: []encode.Item{good}}).Results[0]; plain.Gradient != nil {
		t.Errorf("a gradient that was not asked for: %+v", plain)
	}
}

// explained has two results of a model of one label, read at 0 and 1.
func explained(source Source) (s *scoring, readings []models.Reading, results []Result) {
	h, _ := newHead(&source.Info().Manifest).(*head)
	readings = []models.Reading{{Rows: [][]float32{{0}}}, {Rows: [][]float32{{1}}}}
	return &scoring{source: source, head: h}, readings, []Result{{Score: 1}, {Score: 2}}
}

// TestAGradientThatCannotBeToldFailsItsItem: one that is not finite, and one that the deadline leaves no time for.
func TestAGradientThatCannotBeToldFailsItsItem(t *testing.T) {
	ended, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	s, readings, results := explained(steep{})
	if err := s.explain(ended, readings, results); err != nil || results[1].Err == nil || results[1].Err.Code != failure.CodeDeadline || results[1].Score != 0 {
		t.Errorf("after the deadline: %+v, %v", results, err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	s, readings, results = explained(steep{})
	if err := s.explain(gone, readings, results); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
	if err := s.explain(t.Context(), readings, results); err != nil {
		t.Fatal(err)
	}
	if got := results[0]; got.Err != nil || !cmp.Equal(got.Gradient, map[string]float64{"x": 1, "y": 2}) {
		t.Errorf("%+v", got)
	}
	if got := results[1]; got.Err == nil || got.Err.Code != fault.CodeNotFinite || !strings.Contains(got.Err.Detail, `feature "y" is +Inf`) || got.Score != 0 {
		t.Errorf("%+v", got)
	}
}

// TestADeadlineInsideAGradientFailsItsItems: while a label is computed, the last one too.
func TestADeadlineInsideAGradientFailsItsItems(t *testing.T) {
	for _, fails := range []error{nil, context.DeadlineExceeded} {
		ctx := &ending{Context: t.Context()}
		s, readings, results := explained(slow{ctx: ctx, fails: fails})
		if err := s.explain(ctx, readings, results); err != nil || results[0].Err == nil || results[0].Err.Code != failure.CodeDeadline || results[0].Gradient != nil {
			t.Errorf("slopes with the error %v: %+v, %v", fails, results, err)
		}
	}
}

// ending is a context that ends when it is told to.
type ending struct {
	context.Context //nolint:containedctx // it is one

	err error
}

func (e *ending) Err() error { return e.err }

// twoFeatures says that it reads x and y.
type twoFeatures struct{ Source }

func (twoFeatures) Info() *models.Info {
	m := reward("a")
	m.Graph.Features = []string{"x", "y"}
	return &models.Info{Manifest: m}
}

// slow lets the deadline pass.
type slow struct {
	twoFeatures
	ctx   *ending
	fails error
}

func (s slow) Slopes(_ context.Context, readings []models.Reading, _ int) ([][]float32, error) {
	s.ctx.err = context.DeadlineExceeded
	return slices.Repeat([][]float32{{1, 2}}, len(readings)), s.fails
}

// steep has a finite gradient for the first item only.
type steep struct{ twoFeatures }

func (steep) Slopes(context.Context, []models.Reading, int) ([][]float32, error) {
	return [][]float32{{1, 2}, {0, float32(math.Inf(1))}}, nil
}

// TestWhatAFeatureModelIsAsked: score, and nothing about responses; the other models do not see it where it cannot
// answer.
func TestWhatAFeatureModelIsAsked(t *testing.T) {
	e, _ := fixtures(t, "../heads/judge", "qwen2-reward-packed")
	groups := to("2+2?", "4", "5")
	for _, request := range []Request{{Question: Rank, Groups: groups}, {Question: Tokenize, Items: text("a")}} {
		if answer, err := e.Ask(t.Context(), request); err != nil || answer.Model != "qwen2-reward-packed" {
			t.Errorf("%s without a model's name: %v, %v", request.Question, answer.Model, err)
		}
	}
	for _, q := range []Question{Rank, Compare, Pairs, Steps, Tokenize} {
		_, err := e.Ask(t.Context(), Request{Question: q, Model: "judge", Groups: groups, Items: text("a")})
		if of := failure.Of(err); of == nil || of.Code != fault.CodeKind || !strings.Contains(of.Detail, `"judge" is a feature reward model`) {
			t.Errorf("%s: %+v", q, of)
		}
	}
	if _, err := e.Ask(t.Context(), Request{Question: Score, Items: text("a")}); code(err) != fault.CodeModel {
		t.Errorf("score without a name, where two models answer: %v", err)
	}
	_, err := e.Ask(t.Context(), Request{Question: Score, Model: "qwen2-reward-packed", Gradient: true, Items: text("a")})
	if of := failure.Of(err); of == nil || of.Code != failure.CodeInvalidField || !strings.HasPrefix(of.Detail, "explain: a gradient is by features") {
		t.Errorf("%+v", of)
	}
	info := e.Models()[0]
	m := info.Manifest
	if !cmp.Equal(info.Answers, []string{"score"}) || len(m.Graph.Features) != 5 || info.Provider != "gorgonia" || info.User != 0 || m.Limits.MaxTokens != 5 {
		t.Errorf("%+v", info)
	}
	if !cmp.Equal(info.Transforms, []string{"sigmoid", "weights", "mean 0.5 std 0.25"}) {
		t.Errorf("%v", info.Transforms)
	}
	if err := e.Probe(t.Context(), "judge"); err != nil {
		t.Error(err)
	}
}

// TestOneUserAskedEveryWay: score, rank and compare read the user's vector alike, and two users have other scores.
func TestOneUserAskedEveryWay(t *testing.T) {
	e, _ := fixtures(t, "../heads/user-rows")
	if info := e.Models()[0]; info.User != 4 {
		t.Errorf("%+v", info)
	}
	groups := to("2+2?", "4", "5", "It is four.")
	var first []float64
	for _, user := range [][]float64{{3, -3, 3, -3}, {-3, 3, -3, 3}} {
		groups[0].User = user
		rank := ask(t, e, Request{Question: Rank, Groups: groups})
		compare := ask(t, e, Request{Question: Compare, Groups: groups})
		pair := groups[0]
		pair.Responses = pair.Responses[:2]
		pairs := ask(t, e, Request{Question: Pairs, Groups: []Group{pair}})
		for i := range groups[0].Responses {
			want := ask(t, e, Request{Question: Score, Items: []encode.Item{groups[0].item(i)}}).Results[0].Score
			if first = append(first, want); len(first) > 3 && want == first[i] {
				t.Errorf("response %d is %g to both users", i, want)
			}
			if rank.Results[i].Score != want || compare.Results[i].Score != want || (i == 0 && pairs.Pairs[0].Chosen.Score != want) {
				t.Errorf("response %d is %g alone, %g ranked, %g compared", i, want, rank.Results[i].Score, compare.Results[i].Score)
			}
		}
	}
	stranger := ask(t, e, Request{Question: Rank, Groups: to("2+2?", "4", "5")}).Results[0]
	if stranger.Err == nil || !strings.Contains(stranger.Err.Detail, "user has 0 numbers") {
		t.Errorf("%+v", stranger)
	}
}
