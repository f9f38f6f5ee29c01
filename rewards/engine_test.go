package rewards

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// codes shows the outcome of each item: its score, or the code of its problem.
func codes(results []ScoreResult) []string {
	out := make([]string, len(results))
	for i, r := range results {
		if r.Error != nil {
			out[i] = r.Error.Code
		} else {
			out[i] = fmt.Sprint(*r.Score)
		}
	}
	return out
}

func TestScoreKeepsOrderAndFailsOneByOne(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	items := text("a", "nan", "bb", "lost", "panic", strings.Repeat("x", 65), "ccc")
	items = append(items, encode.Item{})
	answer, err := e.Score(t.Context(), ScoreRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1", "not_finite", "2", "deadline_exceeded", "internal", "too_long", "3", "bad_item"}
	if diff := cmp.Diff(want, codes(answer.Results)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	for i, r := range answer.Results {
		if (r.Error == nil) != (r.Score != nil && r.Raw != nil && r.Tokens != nil) {
			t.Errorf("result %d has not exactly one of score and error: %+v", i, r)
		}
	}
	if _, err := json.Marshal(answer); err != nil {
		t.Error(err)
	}
	if answer.Timings.Queue != 3 || answer.Timings.Run != 2 || answer.Usage.Items != 8 {
		t.Errorf("timings %+v, usage %+v", answer.Timings, answer.Usage)
	}
}

func TestScoreOfManyItemsIsInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e, fakes := engineOf(t, reward("r"))
		lengths := rapid.SliceOfN(rapid.IntRange(1, 64), 1, 200).Draw(rt, "lengths")
		texts := make([]string, len(lengths))
		for i, n := range lengths {
			texts[i] = strings.Repeat("x", n)
		}
		answer, err := e.Score(t.Context(), ScoreRequest{Items: text(texts...)})
		if err != nil {
			rt.Fatal(err)
		}
		for i, r := range answer.Results {
			if *r.Score != float64(lengths[i]) {
				rt.Fatalf("result %d is %g, want %d", i, *r.Score, lengths[i])
			}
		}
		if got := fakes[0].encode.Load(); got != int64(len(lengths)) {
			rt.Fatalf("%d items were encoded %d times", len(lengths), got)
		}
	})
}

func TestTransformsAreNamedAndRawIsKept(t *testing.T) {
	normal := reward("r")
	normal.Head = manifest.Head{Activation: "none", Mean: 1, Std: 2}
	for _, test := range []struct {
		manifest   manifest.Manifest
		scoring    Scoring
		score, raw float64
		transforms []string
		code       string
	}{
		{reward("r"), Scoring{}, 3, 3, []string{}, ""},
		{reward("r"), Scoring{Activation: ActivationSigmoid}, Sigmoid(3), 3, []string{"sigmoid"}, ""},
		{normal, Scoring{}, 1, 3, []string{"mean 1 std 2"}, ""},
		{normal, Scoring{Activation: ActivationSigmoid}, Sigmoid(1), 3, []string{"mean 1 std 2", "sigmoid"}, ""},
		{reward("r"), Scoring{Activation: ActivationSoftmax}, 0, 0, nil, CodeActivation},
		{reward("a", "b"), Scoring{}, 3, 3, []string{}, ""},
		{reward("a", "b"), Scoring{Label: "b"}, 2, 2, []string{}, ""},
		{reward("a", "b"), Scoring{Label: "c"}, 0, 0, nil, CodeLabel},
		{reward("a", "b"), Scoring{Activation: ActivationSoftmax}, Softmax([]float64{3, 2})[0], 3, []string{"softmax"}, ""},
		{reward("r"), Scoring{Activation: "tanh"}, 0, 0, nil, CodeInvalidField},
	} {
		t.Run(fmt.Sprintf("%v %v", test.manifest.Graph.Labels, test.scoring), func(t *testing.T) {
			e, _ := engineOf(t, test.manifest)
			answer, err := e.Score(t.Context(), ScoreRequest{Scoring: test.scoring, Items: text("abc")})
			if test.code != "" {
				if got := ProblemOf(err); got == nil || got.Code != test.code {
					t.Fatalf("error %v, want %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := answer.Results[0]
			if *r.Score != test.score || *r.Raw != test.raw {
				t.Errorf("score %g raw %g, want %g and %g", *r.Score, *r.Raw, test.score, test.raw)
			}
			if diff := cmp.Diff(test.transforms, answer.Transforms); diff != "" {
				t.Errorf("transforms (-want +got):\n%s", diff)
			}
			if several := len(test.manifest.Graph.Labels) > 1; several != (len(r.Scores) == 2 && len(r.Logits) == 2) {
				t.Errorf("scores %v, logits %v", r.Scores, r.Logits)
			}
		})
	}
}

func TestScoresThatOverflowAreProblems(t *testing.T) {
	tiny := reward("r")
	tiny.Head.Std = 1e-320
	e, _ := engineOf(t, tiny)
	answer, err := e.Score(t.Context(), ScoreRequest{Items: text("abc")})
	if err != nil || codes(answer.Results)[0] != fault.CodeNotFinite {
		t.Fatalf("%v, %v", codes(answer.Results), err)
	}
}

func TestTruncationIsAskedForAndReported(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	for truncate, want := range map[encode.Truncation]string{"": "too_long", "error": "too_long", "left": "64", "right": "64"} {
		answer, err := e.Score(t.Context(), ScoreRequest{Common: Common{Truncate: truncate}, Items: text(strings.Repeat("x", 70))})
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(answer.Results)[0]; got != want {
			t.Errorf("truncate %q gives %s, want %s", truncate, got, want)
		}
		if r := answer.Results[0]; r.Error == nil && r.Truncated != 6 {
			t.Errorf("truncate %q reports %d tokens, want 6", truncate, r.Truncated)
		}
	}
}

func TestRequestsThatAreRefusedWhole(t *testing.T) {
	e, _ := engineOf(t, reward("r"), process("softmax", "good", "bad", "good"))
	prompt, messages := new("p"), []chat.Message{{Role: "user", Content: "p"}}
	ended := append(messages, chat.Message{Role: "assistant", Content: "a"})
	score := func(r ScoreRequest) error { _, err := e.Score(t.Context(), r); return err }
	rank := func(r RankRequest) error { _, err := e.Rank(t.Context(), r); return err }
	compare := func(r CompareRequest) error { _, err := e.Compare(t.Context(), r); return err }
	steps := func(r StepsRequest) error { _, err := e.Steps(t.Context(), r); return err }
	tokenize := func(r TokenizeRequest) error { _, err := e.Tokenize(t.Context(), r); return err }
	for name, test := range map[string]struct {
		err    error
		code   string
		detail string // its head
	}{
		"score nothing":       {score(ScoreRequest{}), CodeInvalidField, "items:"},
		"steps of nothing":    {steps(StepsRequest{}), CodeInvalidField, "items:"},
		"tokenize nothing":    {tokenize(TokenizeRequest{}), CodeInvalidField, "items:"},
		"truncate":            {score(ScoreRequest{Common: Common{Truncate: "middle"}, Items: text("a")}), CodeInvalidField, "truncate:"},
		"timeout below zero":  {score(ScoreRequest{Common: Common{TimeoutMS: -1}, Items: text("a")}), CodeInvalidField, "timeout_ms:"},
		"timeout too long":    {steps(StepsRequest{Common: Common{TimeoutMS: 3600001}, Items: text("a")}), CodeInvalidField, "timeout_ms:"},
		"unknown model":       {score(ScoreRequest{Common: Common{Model: "x"}, Items: text("a")}), fault.CodeModel, "no such"},
		"wrong kind":          {score(ScoreRequest{Common: Common{Model: "fake-prm"}, Items: text("a")}), fault.CodeKind, "another kind; a process model answers steps"},
		"steps of a reward":   {steps(StepsRequest{Common: Common{Model: "fake-rm"}, Items: text("a")}), fault.CodeKind, "another kind; a reward model answers score"},
		"rank nothing":        {rank(RankRequest{Prompted: Prompted{Prompt: prompt}}), CodeInvalidField, "responses:"},
		"rank without prompt": {rank(RankRequest{Responses: []string{"a"}}), CodeInvalidField, "prompt: is missing"},
		"rank with both":      {rank(RankRequest{Prompted: Prompted{Prompt: prompt, Messages: messages}, Responses: []string{"a"}}), CodeInvalidField, "prompt: given together"},
		"rank an answer":      {rank(RankRequest{Prompted: Prompted{Messages: ended}, Responses: []string{"a"}}), CodeInvalidField, "messages[1].role:"},
		"rank by chance":      {rank(RankRequest{Prompted: Prompted{Prompt: prompt}, Responses: []string{"a"}, Strategy: "dice"}), CodeInvalidField, "strategy:"},
		"rank n":              {rank(RankRequest{Prompted: Prompted{Prompt: prompt}, Responses: []string{"a"}, N: -1}), CodeInvalidField, "n:"},
		"compare one":         {compare(CompareRequest{Prompted: Prompted{Prompt: prompt}, Responses: []string{"a"}}), CodeInvalidField, "responses:"},
		"compare both":        {compare(CompareRequest{Prompted: Prompted{Prompt: prompt}, Pairs: []Pair{{}}}), CodeInvalidField, "pairs:"},
		"compare a user too":  {compare(CompareRequest{Prompted: Prompted{User: []float64{1}}, Pairs: []Pair{{Prompted: Prompted{Prompt: prompt}, Chosen: prompt, Rejected: prompt}}}), CodeInvalidField, "pairs: given together with prompt, messages, user or responses"},
		"half a pair":         {compare(CompareRequest{Pairs: []Pair{{Prompted: Prompted{Prompt: prompt}, Chosen: prompt}}}), CodeInvalidField, "pairs[0].rejected:"},
		"pair without prompt": {compare(CompareRequest{Pairs: []Pair{{Chosen: prompt, Rejected: prompt}}}), CodeInvalidField, "pairs[0].prompt:"},
	} {
		problem := ProblemOf(test.err)
		if problem == nil || problem.Code != test.code || !strings.HasPrefix(problem.Detail, test.detail) {
			t.Errorf("%s: %+v, want %s %q", name, problem, test.code, test.detail)
		}
	}
}

func TestRankOrdersWhatScored(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	long := strings.Repeat("x", 70)
	answer, err := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "ccc", long, "bbb", "dddd"}, N: 2})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Ranked{{4, 6}, {1, 5}}, answer.Ranking); diff != "" {
		t.Errorf("ranking (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"3", "5", "too_long", "5", "6"}, codes(answer.Responses)); diff != "" {
		t.Errorf("responses (-want +got):\n%s", diff)
	}
	if answer.Best == nil || *answer.Best != 4 || answer.Strategy != BestOfN {
		t.Errorf("best %v by %q", answer.Best, answer.Strategy)
	}
	none, err := e.Rank(t.Context(), RankRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{long}})
	if err != nil || none.Best != nil || len(none.Ranking) != 0 {
		t.Errorf("best %v of failures, ranking %v, %v", none.Best, none.Ranking, err)
	}
	if got := FailedStatus(none.Problems()); got != 413 {
		t.Errorf("status of failures is %d", got)
	}
}

func TestRankTakesMessages(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	request := RankRequest{Prompted: Prompted{Messages: []chat.Message{{Role: "user", Content: "p"}}}, Responses: []string{"a", "bb"}}
	answer, err := e.Rank(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"19", "20"} // the lengths of user:p|assistant:a| and user:p|assistant:bb|
	if diff := cmp.Diff(want, codes(answer.Responses)); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
}

func TestCompare(t *testing.T) {
	normal := reward("r")
	normal.Head = manifest.Head{Activation: "none", Mean: 1, Std: 2}
	e, _ := engineOf(t, normal)
	long := strings.Repeat("x", 70)
	answer, err := e.Compare(t.Context(), CompareRequest{Prompted: Prompted{Prompt: new("p")}, Responses: []string{"a", "bbb", long}})
	if err != nil {
		t.Fatal(err)
	}
	low, high := Sigmoid(-2), Sigmoid(2) // of raw, whatever the normalisation
	want := [][]*float64{{new(0.5), &low, nil}, {&high, new(0.5), nil}, {nil, nil, nil}}
	if diff := cmp.Diff(want, answer.Preference); diff != "" {
		t.Errorf("preference (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]*float64{&low, &high, nil}, answer.WinRate); diff != "" {
		t.Errorf("win rate (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mean 1 std 2", BradleyTerry}, answer.Transforms); diff != "" {
		t.Errorf("transforms (-want +got):\n%s", diff)
	}
	pairs, err := e.Compare(t.Context(), CompareRequest{Pairs: []Pair{
		{Prompted{Prompt: new("p")}, new("bbb"), new("a")},
		{Prompted{Prompt: new("p")}, new("a"), &long},
	}})
	if err != nil {
		t.Fatal(err)
	}
	first, second := pairs.Results[0], pairs.Results[1]
	if *first.Probability != high || *first.Margin != 2 || *first.Chosen.Raw != 5 || *first.Chosen.Score != 2 {
		t.Errorf("first pair %+v", first)
	}
	if second.Probability != nil || second.Error == nil || !strings.HasPrefix(second.Error.Detail, "rejected: ") || second.Chosen.Score == nil {
		t.Errorf("second pair %+v", second)
	}
}

func TestSteps(t *testing.T) {
	e, _ := engineOf(t, process("softmax", "good", "bad", "good"))
	items := []encode.Item{{Prompt: new("pppp"), Steps: []string{"a", "b", "c"}}, {}}
	answer, err := e.Steps(t.Context(), StepsRequest{Items: items, Threshold: new(0.2)})
	if err != nil {
		t.Fatal(err)
	}
	r := answer.Results[0]
	p := Softmax([]float64{4, 3})[1] // each row: bad one above good
	for i, step := range r.Steps {
		if *step.Score != p || *step.Raw != float64(3-i) || step.Token != i || *step.End != 10*(i+1) || step.Logits["bad"] != float64(4-i) {
			t.Errorf("step %d: %+v", i, step)
		}
	}
	if r.Min != p || r.Last != p || *r.Product != p*p*p || r.Mean != p || r.FirstError != nil || answer.Threshold != 0.2 {
		t.Errorf("aggregate %+v", r.Aggregate)
	}
	if diff := cmp.Diff([]string{"softmax", "label good"}, answer.Transforms); diff != "" {
		t.Errorf("transforms (-want +got):\n%s", diff)
	}
	if got := answer.Results[1]; got.Error == nil || got.Steps != nil || got.Aggregate != nil {
		t.Errorf("the empty item: %+v", got)
	}
	again, err := e.Steps(t.Context(), StepsRequest{Items: items})
	if err != nil || again.Threshold != DefaultThreshold || again.Results[0].FirstError == nil || *again.Results[0].FirstError != 0 {
		t.Errorf("with the default threshold: %+v, %v", again.Results[0].Aggregate, err)
	}
}

func TestDeadlineFailsItemsAndAGoneClientTheRequest(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	fakes[0].read = func(ctx context.Context, items []encode.Encoded) ([]models.Reading, error) {
		<-ctx.Done()
		readings := fakes[0].readings(items)
		readings[1] = models.Reading{Err: ctx.Err()}
		return readings, nil
	}
	request := ScoreRequest{Common: Common{TimeoutMS: 1}, Items: text("a", "bb")}
	answer, err := e.Score(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Results[1].Error.Code != CodeDeadline {
		t.Errorf("results %v", codes(answer.Results))
	}
	request.TimeoutMS = 0 // a deadline that passed first would be told instead
	gone, leave := context.WithCancel(t.Context())
	fakes[0].read = func(ctx context.Context, items []encode.Encoded) ([]models.Reading, error) {
		leave()
		return fakes[0].readings(items), nil
	}
	if _, err := e.Score(gone, request); ProblemOf(err) == nil || ProblemOf(err).Code != CodeClientGone {
		t.Errorf("a client gone gives %v", err)
	}
}

func TestRefusalsOfTheModelAreOfTheRequest(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	refusal := errors.New("broken")
	fakes[0].read = func(context.Context, []encode.Encoded) ([]models.Reading, error) { return nil, refusal }
	if _, err := e.Score(t.Context(), ScoreRequest{Items: text("a")}); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	fakes[0].read = func(context.Context, []encode.Encoded) ([]models.Reading, error) { return nil, nil }
	if _, err := e.Score(t.Context(), ScoreRequest{Items: text("a")}); ProblemOf(err) == nil || ProblemOf(err).Code != CodeInternal {
		t.Errorf("too few readings give %v", err)
	}
}

func TestTokenize(t *testing.T) {
	e, _ := engineOf(t, reward("r"), process("none", "good", "good"))
	answer, err := e.Tokenize(t.Context(), TokenizeRequest{Items: append(text("ab"), encode.Item{})})
	if err != nil {
		t.Fatal(err)
	}
	if r := answer.Results[0]; answer.Model != "fake-rm" || r.Text != "ab" || r.Tokens != 2 || !cmp.Equal(r.IDs, []int64{'a', 'b'}) {
		t.Errorf("%+v", answer)
	}
	if answer.Results[1].Error == nil || answer.MaxTokens != 64 {
		t.Errorf("%+v", answer)
	}
	answer, err = e.Tokenize(t.Context(), TokenizeRequest{Common: Common{Model: "fake-prm"}, Items: text("ab")})
	if err != nil || answer.Model != "fake-prm" {
		t.Errorf("%q, %v", answer.Model, err)
	}
	if _, err := e.Tokenize(t.Context(), TokenizeRequest{Common: Common{Model: "x"}, Items: text("ab")}); ProblemOf(err).Code != fault.CodeModel {
		t.Errorf("%v", err)
	}
}

func TestComputedTokensCountSharedPrefixesOnce(t *testing.T) {
	item := func(ids string, shared, cached int) outcome {
		o := outcome{reading: models.Reading{Shared: shared, Cached: cached}}
		for _, c := range []byte(ids) {
			o.encoded.IDs = append(o.encoded.IDs, int64(c))
		}
		return o
	}
	for _, test := range []struct {
		name     string
		outcomes []outcome
		tokens   int
		computed int
	}{
		{"nothing shared", []outcome{item("abc", 0, 0), item("abd", 0, 0)}, 6, 6},
		{"one prefix", []outcome{item("abc", 2, 0), item("abd", 2, 0)}, 6, 4},
		{"nested prefixes", []outcome{item("abcd", 3, 0), item("abce", 3, 0), item("abx", 2, 0)}, 11, 6},
		{"identical", []outcome{item("abc", 3, 0), item("abc", 3, 0)}, 6, 3},
		{"cached", []outcome{item("abcd", 0, 3)}, 4, 1},
		{"cached and shared", []outcome{item("abcd", 3, 2), item("abce", 3, 2)}, 8, 3},
		{"failed", []outcome{{problem: invalid("x")}, item("ab", 0, 0)}, 2, 2},
	} {
		if got := usage(test.outcomes); got.Tokens != test.tokens || got.Computed != test.computed || got.Items != len(test.outcomes) {
			t.Errorf("%s: %+v, want %d and %d", test.name, got, test.tokens, test.computed)
		}
	}
}
