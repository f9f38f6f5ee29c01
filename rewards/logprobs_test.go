package rewards

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/tokenwise"
)

// spokenLine is what transformers gives the tokens of one response; models/export/parity/tokens.py wrote it.
type spokenLine struct {
	Case              string
	Item              encode.Item
	IDs               []int64
	Start             int
	Text              string
	Policy, Reference []float64
}

func spokenLines(t *testing.T) map[string][]spokenLine {
	t.Helper()
	file, err := os.Open("testdata/logprobs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	of := map[string][]spokenLine{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line spokenLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		of[line.Case] = append(of[line.Case], line)
	}
	if len(of) != 8 {
		t.Fatalf("%d cases", len(of))
	}
	return of
}

// TestLogprobsEqualTransformers: ids, where the response begins, each token's log-probability, and the text of all of
// them, with a BOS and without, with an end that a policy appends, with and without a reference, of steps. Sums are the
// bits of the score's raw value.
func TestLogprobsEqualTransformers(t *testing.T) {
	for name, lines := range spokenLines(t) {
		t.Run(name, func(t *testing.T) {
			e, all := fixtures(t, "../families/"+name)
			items := make([]encode.Item, len(lines))
			for i := range lines {
				items[i] = lines[i].Item
			}
			answer := ask(t, e, Request{Question: Logprobs, Items: items})
			for i := range lines {
				holdSpoken(t, &lines[i], &answer.Logprobs[i])
			}
			if m := &all[0].Info().Manifest; m.Kind == manifest.KindReward {
				holdRaw(t, m, ask(t, e, Request{Question: Score, Items: items}).Results, answer.Logprobs)
			}
		})
	}
}

func holdSpoken(t *testing.T, want *spokenLine, got *tokenwise.Result) {
	t.Helper()
	if got.Err != nil || len(got.Tokens) != len(want.Policy) || got.Read.Tokens != len(want.IDs) {
		t.Fatalf("%v: %d tokens of %d, want %d of %d", got.Err, len(got.Tokens), got.Read.Tokens, len(want.Policy), len(want.IDs))
	}
	var text strings.Builder
	for k, token := range got.Tokens {
		text.WriteString(token.Text)
		if token.ID != want.IDs[want.Start+k] || math.Abs(token.Policy-want.Policy[k]) > 1e-4 || token.End != utf8.RuneCountInString(text.String()) {
			t.Errorf("token %d is %+v; transformers gives id %d and %g", k, token, want.IDs[want.Start+k], want.Policy[k])
		}
		switch {
		case token.Reference.Known != (want.Reference != nil) || token.Difference.Known != token.Reference.Known:
			t.Errorf("token %d has a reference: %v", k, token.Reference.Known)
		case token.Reference.Known:
			if math.Abs(token.Reference.Value-want.Reference[k]) > 1e-4 || token.Difference.Value != token.Policy-token.Reference.Value {
				t.Errorf("token %d is %+v; transformers gives the reference %g", k, token, want.Reference[k])
			}
		}
	}
	if text.String() != want.Text {
		t.Errorf("the texts are %q, want %q", text.String(), want.Text)
	}
}

func holdRaw(t *testing.T, m *manifest.Manifest, scores []Result, spoken []tokenwise.Result) {
	t.Helper()
	for i := range scores {
		total := spoken[i].Policy
		if len(m.Graph.Labels) > 1 {
			total = spoken[i].Difference
		}
		want := total.Sum
		if m.Likelihood.Mean() {
			want = total.Mean
		}
		if scores[i].Raw.Value != want {
			t.Errorf("item %d: raw is %v, and the tokens come to %v", i, scores[i].Raw.Value, want)
		}
	}
}

// TestLogprobsFailAlone: what is wrong with one item is its own error, and its mates have their numbers.
func TestLogprobsFailAlone(t *testing.T) {
	e, _ := fixtures(t, "../families/dpo-llama3")
	good := encode.Item{Prompt: new("2 + 2?"), Response: new("4")}
	long := encode.Item{Prompt: new("2 + 2?"), Response: new(strings.Repeat("4 ", 9000))}
	answer := ask(t, e, Request{
		Question: Logprobs,
		Items: []encode.Item{
			good,
			{Text: new("a")},
			{InputIDs: []int64{1, 2}},
			long,
			{Prompt: new("2 + 2?"), Steps: []string{"4"}},
			{Messages: []chat.Message{{Role: "user", Content: "2 + 2?"}}},
			good,
			{},
		},
		Refused: map[int]error{6: failure.New(failure.CodeInvalidField, "it was refused")},
	})
	want := []string{"", fault.CodeItem, fault.CodeItem, fault.CodeTooLong, fault.CodeItem, fault.CodeItem, failure.CodeInvalidField, fault.CodeItem}
	for i := range want {
		r := &answer.Logprobs[i]
		if code := spokenCode(r); code != want[i] || (code == "") != (len(r.Tokens) > 0) {
			t.Errorf("item %d: %q (%v), want %q", i, code, r.Err, want[i])
		}
	}
	if asked, failed := answer.Items(); asked != 8 || failed != 7 {
		t.Errorf("%d items, %d failed", asked, failed)
	}
}

func spokenCode(r *tokenwise.Result) string {
	if r.Err == nil {
		return ""
	}
	return r.Err.Code
}

// TestAResponseIsOneStep: a process model says the same of a response that is not divided, in either form, as of one
// step that is all of it.
func TestAResponseIsOneStep(t *testing.T) {
	e, _ := fixtures(t, "../families/eurus-prm")
	items := []encode.Item{
		{Prompt: new("2 + 2?"), Steps: []string{"Step 1: 4."}},
		{Prompt: new("2 + 2?"), Response: new("Step 1: 4.")},
		{Messages: []chat.Message{{Role: "user", Content: "2 + 2?"}, {Role: "assistant", Content: "Step 1: 4."}}},
		{Prompt: new("2 + 2?"), Response: new("Step 1: 4."), Separator: new("\n")},
	}
	answer := ask(t, e, Request{Question: Logprobs, Items: items})
	for i := range answer.Logprobs {
		if r := &answer.Logprobs[i]; r.Err != nil || !slices.Equal(r.Tokens, answer.Logprobs[0].Tokens) || len(r.Tokens) == 0 {
			t.Errorf("item %d: %v %+v", i, r.Err, r.Tokens)
		}
	}
	if items[1].Response == nil || len(items[2].Messages) != 2 {
		t.Error("the request's own items were changed")
	}
}

// likelihoodOf is a manifest whose rows are log-probabilities.
func likelihoodOf(name string, labels ...string) manifest.Manifest {
	m := reward(labels...)
	m.Name, m.Likelihood = name, &manifest.Likelihood{Beta: 1, Norm: "sum"}
	return m
}

// TestWhoGivesLogprobs: a request without a name is for the one model whose rows are log-probabilities, whatever reward
// models are loaded beside it, and no other model answers.
func TestWhoGivesLogprobs(t *testing.T) {
	about := func(model string) Request {
		return Request{Question: Logprobs, Model: model, Items: []encode.Item{{Prompt: new("p"), Response: new("r")}}}
	}
	of := func(names ...string) *Engine {
		manifests := []manifest.Manifest{reward("reward")}
		for _, name := range names {
			manifests = append(manifests, likelihoodOf(name, "policy"))
		}
		e, _ := engineOf(t, manifests...)
		return e
	}
	for _, test := range []struct {
		e           *Engine
		model, code string
		says        string
	}{
		{of(), "", fault.CodeModel, "no model that gives log-probabilities is loaded"},
		{of("a", "b"), "", fault.CodeModel, "2 models that give log-probabilities are loaded, so the request must name one: a, b"},
		{of("a"), "fake-rm", fault.CodeKind, "gives no log-probabilities; it answers score, rank, compare, tokenize"},
	} {
		_, err := test.e.Ask(t.Context(), about(test.model))
		if f := failure.Of(err); f == nil || f.Code != test.code || !strings.Contains(f.Detail, test.says) {
			t.Errorf("%q: %v", test.model, err)
		}
	}
	answer := ask(t, of("a"), about(""))
	if answer.Model != "a" {
		t.Errorf("%q answered", answer.Model)
	}
	for _, info := range of("a").Models() {
		if got := slices.Contains(info.Answers, "logprobs"); got != (info.Manifest.Likelihood != nil) {
			t.Errorf("%s answers %q", info.Manifest.Name, info.Answers)
		}
	}
}

// TestLogprobsAreWithinTheAnswersNumbers: three of a token, and with a reference five.
func TestLogprobsAreWithinTheAnswersNumbers(t *testing.T) {
	for labels, numbers := range map[string]int{"policy": 3, "policy reference": 5} {
		e, sources := engineOf(t, likelihoodOf("a", strings.Fields(labels)...))
		sources[0].places = 4
		r := Request{Question: Logprobs, Items: []encode.Item{{Prompt: new("p"), Response: new("r")}, {Prompt: new("q"), Response: new("r")}}}
		sources[0].info.Budget.Cells = 8 * numbers
		ask(t, e, r)
		sources[0].info.Budget.Cells--
		_, err := e.Ask(t.Context(), r)
		if f := failure.Of(err); f == nil || f.Code != fault.CodeBudget || !strings.Contains(f.Detail, "8 tokens of responses have") {
			t.Errorf("%s: %v", labels, err)
		}
	}
}

// TestLogprobsOfAnOddSource: rows that do not fit the ids, and a row that is no number, are errors of their items.
func TestLogprobsOfAnOddSource(t *testing.T) {
	e, sources := engineOf(t, likelihoodOf("a", "policy"))
	sources[0].places = 3
	answer := ask(t, e, Request{Question: Logprobs, Items: []encode.Item{{Prompt: new("p"), Response: new("r")}, {Prompt: new("nan")}}})
	for i := range answer.Logprobs {
		if r := &answer.Logprobs[i]; r.Err == nil || len(r.Tokens) > 0 {
			t.Errorf("item %d: rows without ids gave %+v", i, r)
		}
	}
}
