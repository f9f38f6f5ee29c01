package rewards

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestScoreKeepsOrderAndFailsOneByOne(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	items := text("a", "nan", "bb", "lost", "panic", strings.Repeat("x", 65), "ccc")
	items = append(items, encode.Item{})
	answer := ask(t, e, Request{Question: Score, Items: items})
	want := []string{"1", "not_finite", "2", "deadline_exceeded", "internal", "too_long", "3", "bad_item"}
	if diff := cmp.Diff(want, codes(answer.Results)); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	for i, r := range answer.Results {
		if (r.Err == nil) != (r.Raw.Known && r.Tokens.Tokens > 0) {
			t.Errorf("result %d has not exactly one of score and error: %+v", i, r)
		}
	}
	if u := answer.Usage; u.Queue != 3*time.Millisecond || u.Run != 2*time.Millisecond || u.Items != 8 {
		t.Errorf("usage %+v", u)
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
		answer, err := e.Ask(t.Context(), Request{Question: Score, Items: text(texts...)})
		if err != nil {
			rt.Fatal(err)
		}
		for i, r := range answer.Results {
			if r.Score != float64(lengths[i]) {
				rt.Fatalf("result %d is %g, want %d", i, r.Score, lengths[i])
			}
		}
		if got := fakes[0].items.Load(); got != int64(len(lengths)) {
			rt.Fatalf("%d items were read %d times", len(lengths), got)
		}
	})
}

func TestTransformsAreNamedAndRawIsKept(t *testing.T) {
	normal := reward("r")
	normal.Head = manifest.Head{Activation: "none", Mean: 1, Std: 2}
	softmax := ops.Softmax([]float64{3, 2})[0]
	for _, test := range []struct {
		manifest          manifest.Manifest
		label, activation string
		score, raw        float64
		transforms        []string
		code              string
	}{
		{reward("r"), "", "", 3, 3, []string{}, ""},
		{reward("r"), "", "sigmoid", ops.Sigmoid(3), 3, []string{"sigmoid"}, ""},
		{normal, "", "", 1, 3, []string{"mean 1 std 2"}, ""},
		{normal, "", "sigmoid", ops.Sigmoid(1), 3, []string{"mean 1 std 2", "sigmoid"}, ""},
		{reward("r"), "", "softmax", 0, 0, nil, failure.CodeActivation},
		{reward("a", "b"), "", "", 3, 3, []string{}, ""},
		{reward("a", "b"), "b", "", 2, 2, []string{}, ""},
		{reward("a", "b"), "c", "", 0, 0, nil, failure.CodeLabel},
		{reward("a", "b"), "", "softmax", softmax, 3, []string{"softmax"}, ""},
		{reward("r"), "", "tanh", 0, 0, nil, failure.CodeInvalidField},
	} {
		t.Run(fmt.Sprintf("%v %s %s", test.manifest.Graph.Labels, test.label, test.activation), func(t *testing.T) {
			e, _ := engineOf(t, test.manifest)
			answer, err := e.Ask(t.Context(), Request{Question: Score, Label: test.label, Activation: test.activation, Items: text("abc")})
			if test.code != "" {
				if code(err) != test.code {
					t.Fatalf("error %v, want %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := answer.Results[0]
			if r.Score != test.score || r.Raw.Value != test.raw {
				t.Errorf("score %g raw %g, want %g and %g", r.Score, r.Raw.Value, test.score, test.raw)
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

func TestScoresThatOverflowAreErrors(t *testing.T) {
	tiny := reward("r")
	tiny.Head.Std = 1e-320
	e, _ := engineOf(t, tiny)
	if got := codes(ask(t, e, Request{Question: Score, Items: text("abc")}).Results)[0]; got != fault.CodeNotFinite {
		t.Fatal(got)
	}
}

func TestTruncationIsAskedForAndReported(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	for truncate, want := range map[encode.Truncation]string{"": "too_long", "error": "too_long", "left": "64", "right": "64"} {
		answer := ask(t, e, Request{Question: Score, Truncate: truncate, Items: text(strings.Repeat("x", 70))})
		if got := codes(answer.Results)[0]; got != want {
			t.Errorf("truncate %q gives %s, want %s", truncate, got, want)
		}
		if r := answer.Results[0]; r.Err == nil && r.Truncated != 6 {
			t.Errorf("truncate %q reports %d tokens, want 6", truncate, r.Truncated)
		}
	}
}

func TestRankOrdersWhatScored(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	long := strings.Repeat("x", 70)
	answer := ask(t, e, Request{Question: Rank, Groups: to("p", "a", "ccc", long, "bbb", "dddd"), Places: 2})
	if diff := cmp.Diff([]int{4, 1}, answer.Ranking); diff != "" {
		t.Errorf("ranking (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"3", "5", "too_long", "5", "6"}, codes(answer.Results)); diff != "" {
		t.Errorf("responses (-want +got):\n%s", diff)
	}
	for places, want := range map[int]int{0: 4, 1: 1, 4: 4, 5: 4, 100: 4} { // none asked for, and more than there are, are all that scored
		answer := ask(t, e, Request{Question: Rank, Groups: to("p", "a", "ccc", long, "bbb", "dddd"), Places: places})
		if len(answer.Ranking) != want || len(answer.Results) != 5 {
			t.Errorf("n %d: %d places of %d responses, want %d", places, len(answer.Ranking), len(answer.Results), want)
		}
	}
	none := ask(t, e, Request{Question: Rank, Groups: to("p", long)})
	if len(none.Ranking) != 0 || none.Results[0].Err == nil || none.Results[0].Err.Code != fault.CodeTooLong {
		t.Errorf("ranking %v of failures %v", none.Ranking, codes(none.Results))
	}
}

func TestRankTakesMessages(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	group := Group{Messages: []chat.Message{{Role: "user", Content: "p"}}, Responses: []string{"a", "bb"}}
	answer := ask(t, e, Request{Question: Rank, Groups: []Group{group}})
	want := []string{"19", "20"} // the lengths of user:p|assistant:a| and user:p|assistant:bb|
	if diff := cmp.Diff(want, codes(answer.Results)); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
}

func TestCompare(t *testing.T) {
	normal := reward("r")
	normal.Head = manifest.Head{Activation: "none", Mean: 1, Std: 2}
	e, _ := engineOf(t, normal)
	long := strings.Repeat("x", 70)
	answer := ask(t, e, Request{Question: Compare, Groups: to("p", "a", "bbb", long)})
	low, high := ops.Sigmoid(-2), ops.Sigmoid(2) // of raw, whatever the normalisation
	for i, want := range [][]ops.Maybe{{ops.Some(0.5), ops.Some(low), {}}, {ops.Some(high), ops.Some(0.5), {}}, {{}, {}, {}}} {
		if diff := cmp.Diff(want, answer.Preference.Row(i)); diff != "" {
			t.Errorf("row %d of preference (-want +got):\n%s", i, diff)
		}
	}
	if diff := cmp.Diff([]ops.Maybe{ops.Some(low), ops.Some(high), {}}, answer.WinRates); diff != "" {
		t.Errorf("win rates (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mean 1 std 2", bradleyTerry}, answer.Transforms); diff != "" {
		t.Errorf("transforms (-want +got):\n%s", diff)
	}
	pairs := ask(t, e, Request{Question: Pairs, Groups: append(to("p", "bbb", "a"), to("p", "a", long)...)})
	first, second := pairs.Pairs[0], pairs.Pairs[1]
	if first.Probability != high || first.Margin != 2 || first.Chosen.Raw.Value != 5 || first.Chosen.Score != 2 {
		t.Errorf("first pair %+v", first)
	}
	if second.Err == nil || !strings.HasPrefix(second.Err.Detail, "rejected: ") || second.Chosen.Err != nil {
		t.Errorf("second pair %+v", second)
	}
}

func TestSteps(t *testing.T) {
	e, _ := engineOf(t, process("softmax", "good", "bad", "good"))
	items := []encode.Item{{Prompt: new("pppp"), Steps: []string{"a", "b", "c"}}, {}}
	answer := ask(t, e, Request{Question: Steps, Items: items, Threshold: ops.Some(0.2)})
	r := answer.Steps[0]
	p := ops.Softmax([]float64{4, 3})[1] // each row: bad one above good
	for i, step := range r.Steps {
		if step.Score.Value != p || step.Raw.Value != float64(3-i) || step.Token != i || step.End != 10*(i+1) || step.Logits["bad"] != float64(4-i) {
			t.Errorf("step %d: %+v", i, step)
		}
	}
	if r.Min != p || r.Last != p || r.Product.Value != p*p*p || r.Mean != p || r.FirstError != -1 || answer.Threshold != ops.Some(0.2) {
		t.Errorf("aggregates %+v", r)
	}
	if diff := cmp.Diff([]string{"softmax", "label good"}, answer.Transforms); diff != "" {
		t.Errorf("transforms (-want +got):\n%s", diff)
	}
	if got := answer.Steps[1]; got.Err == nil || got.Steps != nil || got.Tokens.Tokens != 0 {
		t.Errorf("the empty item: %+v", got)
	}
	again := ask(t, e, Request{Question: Steps, Items: items})
	if again.Threshold != ops.Some(0.5) || again.Steps[0].FirstError != 0 {
		t.Errorf("with the default threshold: %+v", again.Steps[0])
	}
}

func TestDeadlineFailsItemsAndAGoneClientTheRequest(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	request := Request{Question: Score, Items: text("a", "lost")}
	answer := ask(t, e, request) // one item was read in time
	if diff := cmp.Diff([]string{"1", failure.CodeDeadline}, codes(answer.Results)); diff != "" {
		t.Error(diff)
	}
	fakes[0].read = func(ctx context.Context, _ models.Ask) error {
		<-ctx.Done()
		return ctx.Err()
	}
	timed, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if answer, err := e.Ask(timed, request); err != nil || !cmp.Equal(codes(answer.Results), []string{failure.CodeDeadline, failure.CodeDeadline}) {
		t.Errorf("after the deadline: %v, %v", codes(answer.Results), err)
	}
	gone, leave := context.WithCancel(t.Context())
	fakes[0].read = func(context.Context, models.Ask) error {
		leave()
		return nil
	}
	if _, err := e.Ask(gone, request); code(err) != failure.CodeClientGone {
		t.Errorf("a client gone gives %v", err)
	}
}

func TestRefusalsOfTheModelAreOfTheRequest(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	refusal := errors.New("broken")
	fakes[0].read = func(context.Context, models.Ask) error { return refusal }
	if _, err := e.Ask(t.Context(), Request{Question: Score, Items: text("a")}); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	short := &shortSource{fakes[0]}
	fakes[0].read = nil
	if _, err := gather(t.Context(), models.Caller{}, []need{{source: short, items: text("a", "b")}}); code(err) != failure.CodeInternal {
		t.Errorf("too few readings give %v", err)
	}
}

// shortSource loses a reading.
type shortSource struct{ *fakeSource }

func (s *shortSource) Read(ctx context.Context, ask models.Ask) ([]models.Reading, int, error) {
	readings, computed, err := s.fakeSource.Read(ctx, ask)
	return readings[1:], computed, err
}

// TestAFullQueueReadsNothing: under load most requests are refused, and none of those is encoded first.
func TestAFullQueueReadsNothing(t *testing.T) {
	e, fakes := engineOf(t, reward("r"), process("sigmoid", "right", "right"))
	for _, s := range fakes {
		s.full = &models.QueueFullError{Items: 9, MaxItems: 9, RetryAfter: time.Second}
	}
	for _, request := range []Request{
		{Question: Score, Items: text("a", "b")}, {Question: Steps, Items: text("a")}, {Question: Rank, Groups: to("p", "a")},
	} {
		_, err := e.Ask(t.Context(), request)
		if of := failure.Of(err); of.Code != failure.CodeQueueFull || of.RetryAfter != time.Second {
			t.Errorf("%s: error %v, want a full queue", request.Question, err)
		}
	}
	for _, s := range fakes {
		if calls := s.reads.Load(); calls != 0 {
			t.Errorf("%s was asked to read %d times", s.info.Manifest.Name, calls)
		}
	}
}
