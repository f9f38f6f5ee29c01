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
)

// TestSlopesAreThoseOfTheScore compares every way from labels to a score with differences of the score.
func TestSlopesAreThoseOfTheScore(t *testing.T) {
	weights := []float64{0.5, 0, -2}
	for name, spec := range map[string]manifest.Head{
		"plain": {}, "scaled": {Mean: 0.5, Std: 4}, "label": {Label: 1},
		"sigmoid": {Activation: "sigmoid"}, "softmax": {Activation: "softmax", Label: 2, Mean: 1, Std: 0.5},
		"weights": {Label: -1, Weights: weights, Std: 3}, "weights of sigmoids": {Activation: "sigmoid", Label: -1, Weights: weights},
		"weights of a softmax": {Activation: "softmax", Label: -1, Weights: weights, Mean: 0.1},
	} {
		for _, activation := range []Activation{ActivationNone, ActivationSigmoid, ActivationSoftmax} {
			for _, label := range []string{"", "b"} {
				m := reward("a", "b", "c")
				m.Head = complete(spec)
				rule, err := newRule(m, Scoring{Activation: activation, Label: label})
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
	request := ScoreRequest{Explain: ExplainGradient}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Features encode.Features
			Gradient map[string]float64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		wants, request.Items = append(wants, line.Gradient), append(request.Items, encode.Item{Features: line.Features})
	}
	together, err := e.Score(t.Context(), request)
	if err != nil || len(wants) < 10 {
		t.Fatalf("%d lines, %v", len(wants), err)
	}
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
		alone, err := e.Score(t.Context(), ScoreRequest{Explain: ExplainGradient, Items: request.Items[i : i+1]})
		if err != nil || !cmp.Equal(alone.Results[0].Gradient, got) {
			t.Errorf("item %d: %v alone, %v beside others (%v)", i, alone.Results[0].Gradient, got, err)
		}
	}
}

// TestGradientsFollowTheRequest: a request's activation and label are part of what is differentiated.
func TestGradientsFollowTheRequest(t *testing.T) {
	e := judge(t)
	features := func(spam float64) encode.Item {
		return encode.Item{Features: encode.Features{"length": 300, "citations": 2, "age_days": 10, "readability": 50, "spam": spam}}
	}
	for _, scoring := range []Scoring{{}, {Activation: ActivationSigmoid}, {Label: "honesty"}, {Label: "honesty", Activation: ActivationSigmoid}} {
		const step = 0.01
		answer, err := e.Score(t.Context(), ScoreRequest{
			Scoring: scoring, Explain: ExplainGradient, Items: []encode.Item{features(0.1), features(0.1 - step), features(0.1 + step)},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := (*answer.Results[2].Score - *answer.Results[1].Score) / (2 * step)
		if got := answer.Results[0].Gradient["spam"]; math.Abs(got-want) > 1e-3*math.Abs(want) || got == 0 {
			t.Errorf("%+v: the gradient by spam is %g, and differences give %g", scoring, got, want)
		}
	}
}

// TestComparisonsHaveNoGradient: by a feature that is only compared it is 0, and a model that does nothing else has none.
func TestComparisonsHaveNoGradient(t *testing.T) {
	e, _ := fixtures(t, "../heads/thresholds", "../heads/rule")
	request := ScoreRequest{Explain: ExplainGradient, Items: []encode.Item{{Features: encode.Features{"compared": 1, "smooth": 2}}}}
	for label, want := range map[string]map[string]float64{"rule": {"compared": 0, "smooth": 0}, "sum": {"compared": 0, "smooth": 3}} {
		request.Model, request.Label = "thresholds", label
		answer, err := e.Score(t.Context(), request)
		if err != nil || !cmp.Equal(answer.Results[0].Gradient, want) {
			t.Errorf("%s: %+v, %v", label, answer.Results, err)
		}
	}
	request.Model, request.Label = "rule", ""
	if _, err := e.Score(t.Context(), request); ProblemOf(err) == nil || ProblemOf(err).Code != fault.CodeKind || !strings.Contains(ProblemOf(err).Detail, `model "rule" has no gradient: `) {
		t.Errorf("%v", err)
	}
}

// TestAnItemWithoutScoreHasNoGradient, and leaves the others theirs.
func TestAnItemWithoutScoreHasNoGradient(t *testing.T) {
	e := judge(t)
	good := encode.Item{Features: encode.Features{"length": 300, "citations": 2, "age_days": 10, "readability": 50, "spam": 0}}
	answer, err := e.Score(t.Context(), ScoreRequest{Explain: ExplainGradient, Items: []encode.Item{good, {Features: encode.Features{"length": 1}}, good}})
	if err != nil {
		t.Fatal(err)
	}
	bad := answer.Results[1]
	if bad.Error == nil || bad.Error.Code != fault.CodeItem || !strings.Contains(bad.Error.Detail, "features.citations is missing") || bad.Gradient != nil {
		t.Errorf("%+v", bad)
	}
	if answer.Results[0].Gradient == nil || !cmp.Equal(answer.Results[0].Gradient, answer.Results[2].Gradient) || answer.Results[0].Tokens.Tokens != 5 {
		t.Errorf("%+v, %+v", answer.Results[0], answer.Results[2])
	}
	plain, err := e.Score(t.Context(), ScoreRequest{Items: []encode.Item{good}})
	if err != nil || plain.Results[0].Gradient != nil {
		t.Errorf("a gradient that was not asked for: %+v, %v", plain, err)
	}
}

// TestAGradientThatCannotBeToldFailsItsItem: one that is not finite, and one that the deadline leaves no time for.
func TestAGradientThatCannotBeToldFailsItsItem(t *testing.T) {
	spec := reward("a")
	spec.Graph.Features = []string{"x", "y"}
	s := scored{info: models.Info{Manifest: spec}, outcomes: make([]outcome, 2), results: []ScoreResult{{Score: new(1.0)}, {Score: new(2.0)}}}
	for i := range s.outcomes {
		s.outcomes[i].reading.Rows = [][]float32{{float32(i)}}
	}
	s.rule, _ = newRule(spec, Scoring{Activation: ActivationNone})
	ended, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	late := scored{info: s.info, rule: s.rule, outcomes: s.outcomes, results: slices.Clone(s.results)}
	if err := late.explain(ended, steep{}); err != nil || late.results[1].Error == nil || late.results[1].Error.Code != CodeDeadline || late.results[1].Score != nil {
		t.Errorf("after the deadline: %+v, %v", late.results, err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := s.explain(gone, steep{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that is gone: %v", err)
	}
	if err := s.explain(t.Context(), steep{}); err != nil {
		t.Fatal(err)
	}
	if got := s.results[0]; got.Error != nil || !cmp.Equal(got.Gradient, map[string]float64{"x": 1, "y": 2}) {
		t.Errorf("%+v", got)
	}
	if got := s.results[1]; got.Error == nil || got.Error.Code != fault.CodeNotFinite || !strings.Contains(got.Error.Detail, `feature "y" is +Inf`) || got.Score != nil {
		t.Errorf("%+v", got)
	}
}

// TestADeadlineInsideAGradientFailsItsItems: while a label is computed, the last one too.
func TestADeadlineInsideAGradientFailsItsItems(t *testing.T) {
	spec := reward("a")
	spec.Graph.Features = []string{"x", "y"}
	for _, fails := range []error{nil, context.DeadlineExceeded} {
		s := scored{info: models.Info{Manifest: spec}, outcomes: make([]outcome, 1), results: []ScoreResult{{Score: new(1.0)}}}
		s.outcomes[0].reading.Rows = [][]float32{{0}}
		s.rule, _ = newRule(spec, Scoring{Activation: ActivationNone})
		ctx := &ending{Context: t.Context()}
		if err := s.explain(ctx, slow{ctx: ctx, fails: fails}); err != nil || s.results[0].Error == nil || s.results[0].Error.Code != CodeDeadline || s.results[0].Gradient != nil {
			t.Errorf("slopes with the error %v: %+v, %v", fails, s.results, err)
		}
	}
}

// ending is a context that ends when it is told to.
type ending struct {
	context.Context //nolint:containedctx // it is one

	err error
}

func (e *ending) Err() error { return e.err }

// slow lets the deadline pass.
type slow struct {
	reader
	ctx   *ending
	fails error
}

func (s slow) Slopes(_ context.Context, items []encode.Encoded, _ int) ([][]float32, error) {
	s.ctx.err = context.DeadlineExceeded
	return slices.Repeat([][]float32{{1, 2}}, len(items)), s.fails
}

// steep has a finite gradient for the first item only.
type steep struct{ reader }

func (steep) Slopes(context.Context, []encode.Encoded, int) ([][]float32, error) {
	return [][]float32{{1, 2}, {0, float32(math.Inf(1))}}, nil
}

// TestWhatAFeatureModelIsAsked: score, and nothing about responses; the other models do not see it where it cannot answer.
func TestWhatAFeatureModelIsAsked(t *testing.T) {
	e, _ := fixtures(t, "../heads/judge", "qwen2-reward-packed")
	prompt, responses := Prompted{Prompt: new("2+2?")}, []string{"4", "5"}
	if answer, err := e.Rank(t.Context(), RankRequest{Prompted: prompt, Responses: responses}); err != nil || answer.Model != "qwen2-reward-packed" {
		t.Errorf("rank without a model's name: %v, %v", answer.Model, err)
	}
	if answer, err := e.Tokenize(t.Context(), TokenizeRequest{Items: text("a")}); err != nil || answer.Model != "qwen2-reward-packed" {
		t.Errorf("tokenize without a model's name: %v, %v", answer.Model, err)
	}
	named := Common{Model: "judge"}
	for question, err := range map[string]error{
		"rank":     second(e.Rank(t.Context(), RankRequest{Common: named, Prompted: prompt, Responses: responses})),
		"compare":  second(e.Compare(t.Context(), CompareRequest{Common: named, Prompted: prompt, Responses: responses})),
		"steps":    second(e.Steps(t.Context(), StepsRequest{Common: named, Items: text("a")})),
		"tokenize": second(e.Tokenize(t.Context(), TokenizeRequest{Common: named, Items: text("a")})),
	} {
		if p := ProblemOf(err); p == nil || p.Code != fault.CodeKind || !strings.Contains(p.Detail, `"judge" is a feature reward model`) {
			t.Errorf("%s: %+v", question, p)
		}
	}
	if _, err := e.Score(t.Context(), ScoreRequest{Items: text("a")}); ProblemOf(err) == nil || ProblemOf(err).Code != fault.CodeModel {
		t.Errorf("score without a name, where two models answer: %v", err)
	}
	explained := func(model string, x Explanation) *Problem {
		_, err := e.Score(t.Context(), ScoreRequest{Common: Common{Model: model}, Explain: x, Items: text("a")})
		return ProblemOf(err)
	}
	if p := explained("qwen2-reward-packed", ExplainGradient); p == nil || p.Code != CodeInvalidField || !strings.HasPrefix(p.Detail, "explain: a gradient is by features") {
		t.Errorf("%+v", p)
	}
	if p := explained("judge", "shap"); p == nil || p.Code != CodeInvalidField || p.Detail != `explain: "shap" is none of gradient` {
		t.Errorf("%+v", p)
	}
	info := e.Models()[0]
	if !cmp.Equal(info.Answers, []string{"score"}) || len(info.Features) != 5 || info.Provider != "gorgonia" || info.Template || info.User != 0 || info.MaxTokens != 5 {
		t.Errorf("%+v", info)
	}
	if !cmp.Equal(info.Transforms, []string{"sigmoid", "weights", "mean 0.5 std 0.25"}) {
		t.Errorf("%v", info.Transforms)
	}
	if err := e.Probe(t.Context(), "judge"); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestOneUserAskedEveryWay: score, rank and compare read the user's vector alike, and two users have other scores.
func TestOneUserAskedEveryWay(t *testing.T) {
	e, _ := fixtures(t, "../heads/user-rows")
	if info := e.Models()[0]; info.User != 4 {
		t.Errorf("%+v", info)
	}
	prompt, responses := Prompted{Prompt: new("2+2?")}, []string{"4", "5", "It is four."}
	var first []float64
	for _, user := range [][]float64{{3, -3, 3, -3}, {-3, 3, -3, 3}} {
		prompt.User = user
		rank, err := e.Rank(t.Context(), RankRequest{Prompted: prompt, Responses: responses})
		if err != nil {
			t.Fatal(err)
		}
		compare, err := e.Compare(t.Context(), CompareRequest{Prompted: prompt, Responses: responses})
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := e.Compare(t.Context(), CompareRequest{Pairs: []Pair{{Prompted: prompt, Chosen: &responses[0], Rejected: &responses[1]}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range responses {
			alone, err := e.Score(t.Context(), ScoreRequest{Items: []encode.Item{prompt.Item(responses[i])}})
			if err != nil {
				t.Fatal(err)
			}
			want := *alone.Results[0].Score
			if first = append(first, want); len(first) > len(responses) && want == first[i] {
				t.Errorf("response %d is %g to both users", i, want)
			}
			if *rank.Responses[i].Score != want || *compare.Responses[i].Score != want || (i == 0 && *pairs.Results[0].Chosen.Score != want) {
				t.Errorf("response %d is %g alone, %g ranked, %g compared", i, want, *rank.Responses[i].Score, *compare.Responses[i].Score)
			}
		}
	}
	stranger, err := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("2+2?")}, Responses: responses})
	if err != nil || stranger.Responses[0].Error == nil || !strings.Contains(stranger.Responses[0].Error.Detail, "user has 0 numbers") {
		t.Errorf("%+v, %v", stranger, err)
	}
}
