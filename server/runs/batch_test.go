package runs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/tokenwise"
)

// TestWhatAnAnswerGives: each kind of answer by the names that the page has, and nothing of what failed.
func TestWhatAnAnswerGives(t *testing.T) {
	bad := failure.New(fault.CodeTooLong, "x")
	tokens := func(n int) rewards.Tokens { return rewards.Tokens{Tokens: n} }
	for name, of := range map[string]struct {
		answer rewards.Answer
		want   []Value
	}{
		"a sigmoid": {
			rewards.Answer{Transforms: []string{"mean 0 std 2", "sigmoid"}, Results: []rewards.Result{
				{Score: 0.5, Raw: ops.Some(0), Tokens: tokens(3)}, {Err: bad},
			}},
			[]Value{{"m", "score", 0.5, 3, 7, true}, {"m", "raw", 0, 3, 0, false}},
		},
		"labels": {
			rewards.Answer{Transforms: []string{"softmax", "weights"}, Results: []rewards.Result{
				{Score: 2, Raw: ops.Some(2), Scores: map[string]float64{"b": 1, "a": 3}, Tokens: tokens(3)},
			}},
			[]Value{{"m", "score", 2, 3, 7, false}, {"m", "labels.a", 3, 3, 0, false}, {"m", "labels.b", 1, 3, 0, false}},
		},
		"a recipe": {
			rewards.Answer{Results: []rewards.Result{{Score: 2, Values: map[string]float64{"v": 4}, Parts: []rewards.Part{
				{Name: "r", Score: ops.Some(1), Tokens: tokens(5)}, {Name: "q", Steps: []float64{0.5, 0.25, 1}, Tokens: tokens(9)}, {Name: "e", Err: bad},
			}}}},
			[]Value{
				{"m", "score", 2, 9, 7, false},
				{"m", "values.v", 4, 9, 0, false},
				{"m", "components.r", 1, 5, 0, false},
				{"m", "components.q.min", 0.25, 9, 0, false},
			},
		},
		"pairs": {
			rewards.Answer{Pairs: []rewards.PairResult{{Err: bad}, {
				Probability: 0.75, Margin: 1.1,
				Chosen: &rewards.Result{Score: 2, Tokens: tokens(4)}, Rejected: &rewards.Result{Score: 1, Tokens: tokens(5)},
			}}},
			[]Value{
				{"m", "probability", 0.75, 0, 0, true},
				{"m", "margin", 1.1, 0, 0, false},
				{"m", "chosen", 2, 4, 0, false},
				{"m", "rejected", 1, 5, 0, false},
			},
		},
		"steps": {
			rewards.Answer{Transforms: []string{"softmax", "label + "}, Steps: []rewards.StepsResult{{Min: 0.1, Mean: 0.2, Last: 0.3, Tokens: tokens(6)}}},
			[]Value{{"m", "steps.min", 0.1, 6, 0, true}, {"m", "steps.mean", 0.2, 6, 0, true}, {"m", "steps.last", 0.3, 6, 0, true}},
		},
		"choices": {
			rewards.Answer{Choices: []rewards.ChoiceResult{{Share: 0.9, Tokens: tokens(8)}}},
			[]Value{{"m", "share", 0.9, 8, 0, true}},
		},
		"log-probabilities": {
			rewards.Answer{Logprobs: []tokenwise.Result{{Err: bad}, {
				Policy: tokenwise.Total{Mean: -1}, Reference: tokenwise.Total{Mean: -3},
				Difference: tokenwise.Total{Mean: 2}, Tokens: []tokenwise.Token{{Difference: ops.Some(2)}},
			}}},
			[]Value{{"m", "logprobs.policy", -1, 1, 0, false}, {"m", "logprobs.reference", -3, 1, 0, false}, {"m", "logprobs.difference", 2, 1, 0, false}},
		},
	} {
		of.answer.Model = "m"
		got := Of(&of.answer, []int{7, 7})
		if diff := cmp.Diff(of.want, got.Values); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		asked, failed := of.answer.Items()
		if got.Items != asked || got.Failed[fault.CodeTooLong] != failed {
			t.Errorf("%s: %d items, %v", name, got.Items, got.Failed)
		}
	}
}

// TestMates: items of one prompt go together, whichever way they give it, and those that do not tell theirs with none.
func TestMates(t *testing.T) {
	turns := func(of ...string) []chat.Message {
		var all []chat.Message
		for _, text := range of {
			all = append(all, chat.Message{Role: "user", Content: text})
		}
		return all
	}
	got := Mates(&rewards.Request{Items: []encode.Item{
		{Prompt: new("a")},
		{Prompt: new("b")},
		{Prompt: new("a"), Response: new("x")},
		{Text: new("a")},
		{InputIDs: encode.TokenIDs{1}},
		{Messages: turns("q", "r")},
		{Messages: turns("q", "s")},
		{Messages: turns("qr", "s")},
		{Messages: turns("x")},
	}})
	if diff := cmp.Diff([]int{1, 2, 1, 0, 0, 3, 3, 4, 0}, got); diff != "" {
		t.Error(diff)
	}
	got = Mates(&rewards.Request{Groups: []rewards.Group{{Responses: []string{"a", "b"}}, {Responses: []string{"c"}}}})
	if diff := cmp.Diff([]int{1, 1, 2}, got); diff != "" {
		t.Error(diff)
	}
}
