package rewards

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

func TestRequestsThatAreRefusedWhole(t *testing.T) {
	e, _ := engineOf(t, reward("r"), process("softmax", "good", "bad", "good"))
	prompt, messages := new("p"), []chat.Message{{Role: "user", Content: "p"}}
	ended := append(messages, chat.Message{Role: "assistant", Content: "a"})
	rank := func(g Group) Request { return Request{Question: Rank, Groups: []Group{g}} }
	for name, test := range map[string]struct {
		request Request
		code    string
		detail  string // its head
	}{
		"no question":         {Request{Items: text("a")}, failure.CodeInternal, "question:"},
		"score nothing":       {Request{Question: Score}, failure.CodeInvalidField, "items:"},
		"steps of nothing":    {Request{Question: Steps}, failure.CodeInvalidField, "items:"},
		"tokenize nothing":    {Request{Question: Tokenize}, failure.CodeInvalidField, "items:"},
		"truncate":            {Request{Question: Score, Truncate: "middle", Items: text("a")}, failure.CodeInvalidField, "truncate:"},
		"threshold":           {Request{Question: Steps, Threshold: ops.Some(math.NaN()), Items: text("a")}, failure.CodeInvalidField, "threshold:"},
		"unknown model":       {Request{Question: Score, Model: "x", Items: text("a")}, fault.CodeModel, "no such"},
		"wrong kind":          {Request{Question: Score, Model: "fake-prm", Items: text("a")}, fault.CodeKind, "another kind; a process model answers steps, tokenize"},
		"steps of a reward":   {Request{Question: Steps, Model: "fake-rm", Items: text("a")}, fault.CodeKind, "another kind; a reward model answers score, rank, compare, tokenize"},
		"rank nothing":        {rank(Group{Prompt: prompt}), failure.CodeInvalidField, "responses:"},
		"rank no group":       {Request{Question: Rank}, failure.CodeInvalidField, "responses:"},
		"rank without prompt": {rank(Group{Responses: []string{"a"}}), failure.CodeInvalidField, "prompt: is missing"},
		"rank with both":      {rank(Group{Prompt: prompt, Messages: messages, Responses: []string{"a"}}), failure.CodeInvalidField, "prompt: given together"},
		"rank an answer":      {rank(Group{Messages: ended, Responses: []string{"a"}}), failure.CodeInvalidField, "messages[1].role:"},
		"rank n":              {Request{Question: Rank, Groups: to("p", "a"), Places: -1}, failure.CodeInvalidField, "n:"},
		"compare one":         {Request{Question: Compare, Groups: to("p", "a")}, failure.CodeInvalidField, "responses:"},
		"no pairs":            {Request{Question: Pairs}, failure.CodeInvalidField, "pairs:"},
		"half a pair":         {Request{Question: Pairs, Groups: to("p", "a")}, failure.CodeInvalidField, "pairs[0]: has 1 responses"},
		"pair without prompt": {Request{Question: Pairs, Groups: append(to("p", "a", "b"), Group{Responses: []string{"a", "b"}})}, failure.CodeInvalidField, "pairs[1].prompt:"},
		"pair after an answer": {
			Request{Question: Pairs, Groups: []Group{{Messages: ended, Responses: []string{"a", "b"}}}},
			failure.CodeInvalidField,
			"pairs[0].messages[1].role:",
		},
	} {
		_, err := e.Ask(t.Context(), test.request)
		of := failure.Of(err)
		if of == nil || of.Code != test.code || !strings.HasPrefix(of.Detail, test.detail) {
			t.Errorf("%s: %+v, want %s %q", name, of, test.code, test.detail)
		}
	}
}

// TestOnlyWhatBelongsToAQuestionIsLookedAt: the other fields of a request change nothing.
func TestOnlyWhatBelongsToAQuestionIsLookedAt(t *testing.T) {
	e, _ := engineOf(t, reward("r"))
	answer := ask(t, e, Request{Question: Compare, Groups: to("p", "a", "bb"), Activation: "sigmoid", Gradient: true, Places: 1})
	if r := answer.Results[0]; r.Score != 3 || len(answer.Transforms) != 1 {
		t.Errorf("%+v by %v", r, answer.Transforms)
	}
}

// TestAnswersAreBounded: what would make an answer larger than the budget is refused, before anything is read where it
// can be known.
func TestAnswersAreBounded(t *testing.T) {
	judge := features()
	judge.Graph.Features = make([]string, 4096)
	e, fakes := engineOf(t, reward("a", "b"), process("none", "good", "bad", "good"), preferenceManifest(true), pairManifest("logit"), judge)
	for _, s := range fakes {
		s.info.Budget.Cells, s.info.Budget.Items = 1<<16, 1<<20
	}
	many := make([]string, 257)
	for name, test := range map[string]struct {
		request Request
		code    string
		words   []string // of the error
	}{
		"compare":              {Request{Question: Compare, Model: "fake-rm", Groups: to("p", many...)}, failure.CodeTooManyItems, []string{"responses:", "257", "65536"}},
		"compare a preference": {Request{Question: Compare, Model: "fake-gpm", Groups: to("p", many...)}, failure.CodeTooManyItems, []string{"responses:", "257", "65536"}},
		"rank by preferences":  {Request{Question: Rank, Model: "fake-gpm", Groups: to("p", many...)}, failure.CodeTooManyItems, []string{"responses:", "257", "65536"}},
		"rank by pairs":        {Request{Question: Rank, Model: "fake-pair", Groups: to("p", many...)}, failure.CodeTooManyItems, []string{"responses:", "257", "65536"}},
		"rank many labels":     {Request{Question: Rank, Model: "fake-rm", Groups: to("p", make([]string, 32769)...)}, fault.CodeBudget, []string{"32769 responses", "65538", "65536"}},
		"pairs":                {Request{Question: Pairs, Model: "fake-rm", Groups: slices.Repeat(to("p", "a", "b"), 16385)}, fault.CodeBudget, []string{"32770 responses", "65540"}},
		"gradients":            {Request{Question: Score, Model: "fake-judge", Gradient: true, Items: make([]encode.Item, 16)}, fault.CodeBudget, []string{"16 items", "65552"}},
	} {
		_, err := e.Ask(t.Context(), test.request)
		of := failure.Of(err)
		if of == nil || of.Code != test.code {
			t.Errorf("%s: %+v", name, of)
			continue
		}
		for _, word := range test.words {
			if !strings.Contains(of.Detail, word) {
				t.Errorf("%s: %q does not name %s", name, of.Detail, word)
			}
		}
	}
	for _, s := range fakes {
		if n := s.reads.Load(); n > 0 {
			t.Errorf("%s was read %d times", s.info.Manifest.Name, n)
		}
	}
	if answer := ask(t, e, Request{Question: Rank, Model: "fake-rm", Groups: to("p", many...)}); len(answer.Ranking) != 257 {
		t.Errorf("a reward model ranked %d responses of 257", len(answer.Ranking))
	}
	if answer := ask(t, e, Request{Question: Compare, Model: "fake-rm", Groups: to("p", many[:256]...)}); answer.Preference.Rows() != 256 {
		t.Errorf("%d rows of 256 responses", answer.Preference.Rows())
	}
	fakes[1].steps = make([]int, 1000) // found in the text
	fakes[1].places = 1000
	if _, err := e.Ask(t.Context(), Request{Question: Steps, Items: text(make([]string, 33)...)}); code(err) != fault.CodeBudget {
		t.Errorf("33000 steps of two labels: %v", err)
	}
}

// TestEchoesAreShort: what a request sent stands in an error in its first bytes only.
func TestEchoesAreShort(t *testing.T) {
	e, _ := engineOf(t, reward("a", "b"), process("none", "good", "good"))
	long := strings.Repeat("\x01", 1<<20)
	for name, request := range map[string]Request{
		"question":   {Question: Question(long), Items: text("a")},
		"truncate":   {Question: Score, Truncate: encode.Truncation(long), Items: text("a")},
		"activation": {Question: Score, Activation: long, Items: text("a")},
		"label":      {Question: Score, Label: long, Items: text("a")},
	} {
		_, err := e.Ask(t.Context(), request)
		if err == nil || len(failure.Of(err).Detail) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(failure.Of(err).Detail))
		}
	}
	if err := e.Probe(t.Context(), long); len(failure.Of(err).Detail) > 1000 {
		t.Error("probe echoes its model's name whole")
	}
}

// TestMessagesAndAResponseAreNoItem: in a group that means a response after the messages, and an item has no such form.
func TestMessagesAndAResponseAreNoItem(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	item := encode.Item{Messages: []chat.Message{{Role: "user", Content: "p"}}, Response: new("a")}
	refused := map[int]error{2: failure.New(fault.CodeEmpty, "is empty")}
	answer := ask(t, e, Request{Question: Score, Items: append(text("a"), item, encode.Item{}), Refused: refused})
	want := "response goes with prompt; in messages it is the last assistant turn"
	if r := answer.Results[1]; r.Err == nil || r.Err.Code != fault.CodeItem || r.Err.Detail != want || fakes[0].items.Load() != 1 {
		t.Errorf("%+v of %d items", r, fakes[0].items.Load())
	}
	if len(refused) != 1 || answer.Results[2].Err.Code != fault.CodeEmpty {
		t.Errorf("%v, %v", refused, answer.Results[2])
	}
}

// TestResultsAreCountedInOneUnit: an item, a response or a pair counts once, whatever was read for it.
func TestResultsAreCountedInOneUnit(t *testing.T) {
	e, _ := engineOf(t, reward("r"), process("none", "good", "good"), pairManifest("logit"))
	items := []encode.Item{{Prompt: new("p"), Steps: []string{"a"}}, {}}
	for name, test := range map[string]struct {
		request Request
		want    [2]int // asked, failed
	}{
		"items":      {Request{Question: Score, Items: text("a", "lost", "nan")}, [2]int{3, 2}},
		"responses":  {Request{Question: Rank, Model: "fake-rm", Groups: to("p", "a", "lost")}, [2]int{2, 1}},
		"compared":   {Request{Question: Compare, Model: "fake-rm", Groups: to("p", "a", "b", "lost")}, [2]int{3, 1}},
		"lost pair":  {Request{Question: Pairs, Model: "fake-rm", Groups: to("p", "lost", "lost")}, [2]int{1, 1}},
		"pairs":      {Request{Question: Pairs, Model: "fake-rm", Groups: append(to("p", "a", "b"), to("p", "a", "lost")...)}, [2]int{2, 1}},
		"pair model": {Request{Question: Rank, Model: "fake-pair", Groups: to("p", "a", "b", "c")}, [2]int{3, 0}},
		"steps":      {Request{Question: Steps, Items: items}, [2]int{2, 1}},
		"tokenized":  {Request{Question: Tokenize, Items: append(text("a", "b"), encode.Item{})}, [2]int{3, 1}},
	} {
		answer := ask(t, e, test.request)
		if asked, failed := answer.Items(); [2]int{asked, failed} != test.want {
			t.Errorf("%s: %d asked, %d failed, want %v", name, asked, failed, test.want)
		}
		listed := 0
		for err := range answer.Errors() {
			if listed++; err != nil {
				break // of a caller who wants no more
			}
		}
		if listed == 0 || listed > test.want[0] {
			t.Errorf("%s: %d errors are listed", name, listed)
		}
	}
}
