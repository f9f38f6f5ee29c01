package server

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// choiceServer serves a tiny Qwen3 that is asked for candidates, beside a reward model.
func choiceServer(t *testing.T) *Server {
	t.Helper()
	return realServer(t, "../families/choice-qwen3", "qwen2-reward-packed")
}

// probabilities are what the native route gives the candidates behind a prompt, and their share.
func probabilities(t *testing.T, s *Server, prompt string, candidates ...string) ([]float64, float64) {
	t.Helper()
	got := do(t, s, "POST", "/v1/choose", asJSON(t, map[string]any{"items": []any{map[string]any{"prompt": prompt, "candidates": candidates}}}))
	answer := decoded[wire.ChooseAnswer](t, got)
	if got.status != 200 || answer.Results[0].Error != nil {
		t.Fatalf("native: %d %s", got.status, got.body)
	}
	var all []float64
	for _, c := range answer.Results[0].Candidates {
		all = append(all, c.Probability)
	}
	return all, *answer.Results[0].Share
}

// TestDecisionsAreTheProbabilitiesOfTheirLabels, behind the state, the question and its options, one prompt for each
// question; and both protocols give the same ones.
func TestDecisionsAreTheProbabilitiesOfTheirLabels(t *testing.T) {
	s := choiceServer(t)
	letters, mass := probabilities(t, s, "It is 42.\n\nQuestion: Which?\nA: red - like blood\nB: blue\nC: green\n\nAnswer with one letter.", "A", "B", "C")
	grades, _ := probabilities(t, s, "It is 42.\n\nQuestion: How good?\n0: bad\n1: fair\n2: good\n\nAnswer with one digit.", "0", "1", "2")

	one := decoded[wire.SystemOneAnswer](t, do(t, s, "POST", "/v1/systemone", `{"state":"It is 42.","questions":{
		"colour":{"type":"choice","instructions":"Which?","criteria":{"red":"like blood","blue":null,"green":""}},
		"grade":{"type":"score","instructions":"How good?","criteria":["bad","fair","good"]},
		"many":{"type":"score","criteria":["1","2","3","4","5","6","7","8","9","10","11"]},
		"picture":{"type":"box"}}}`))
	colour, grade := one.Answers["colour"], one.Answers["grade"]
	if colour == nil || grade == nil || one.Model != "choice-qwen3" || one.Digest == "" || one.Usage.Input == 0 {
		t.Fatalf("%+v", one)
	}
	names := []string{"red", "blue", "green"}
	for i, p := range letters {
		if colour.Probabilities[names[i]] != p || grade.Probabilities[strconv.Itoa(i)] != grades[i] {
			t.Errorf("option %d: %v and %v, want %v and %v", i, colour.Probabilities, grade.Probabilities, p, grades[i])
		}
	}
	best := slices.Max(letters)
	if colour.Choice != names[slices.Index(letters, best)] || *colour.Mass != mass || math.Abs(*colour.Confidence-(3*best-1)/2) > 1e-12 {
		t.Errorf("colour %+v", colour)
	}
	if score := grades[1] + 2*grades[2]; math.Abs(*grade.Score-score) > 1e-12 || grade.Legend["2"] != "good" {
		t.Errorf("grade %+v, want a score of %v", grade, score)
	}
	if e := one.Errors["many"]; !strings.HasPrefix(e.Detail, "criteria: 11 are given, and there must be 1 to 10") {
		t.Errorf("many: %+v", e)
	}
	if e := one.Errors["picture"]; !strings.HasPrefix(e.Detail, "type: box is asked of images") || len(one.Answers) != 2 {
		t.Errorf("picture: %+v", e)
	}

	two := decoded[wire.DecisionsAnswer](t, do(t, s, "POST", "/v1/decisions", `{"input":"It is 42.","questions":[
		{"type":"choice","name":"colour","instructions":[{"type":"input_text","text":"Which?"}],"choices":[{"value":"red","description":"like blood"},{"value":"blue"},{"value":"green"}]},
		{"type":"score","instructions":"How good?","levels":[{"label":"bad"},{"label":"fair"},{"label":"good"}]},
		{"type":"choice","instructions":"Which?","choices":[{"value":"one"}]}]}`))
	for i := range letters {
		if two.Answers[0].Probabilities[i].Probability != letters[i] || two.Answers[1].Probabilities[i].Probability != grades[i] {
			t.Errorf("decisions: option %d: %+v", i, two.Answers)
		}
	}
	if a := two.Answers[0]; string(a.Choice) != `"`+colour.Choice+`"` || *a.Name != "colour" || *a.Confidence != *colour.Confidence || *a.Mass != mass {
		t.Errorf("decisions: %+v", a)
	}
	if a := two.Answers[1]; *a.Score != *grade.Score || a.Probabilities[2].Label != "good" || string(a.Probabilities[2].Value) != "2" || a.Name != nil {
		t.Errorf("decisions: %+v", a)
	}
	if a := two.Answers[2]; a.Type != "refusal" || a.Error == nil || a.Error.Code != failure.CodeInvalidField || a.Error.Detail != "choices: 1 are given, and there must be 2 to 26" {
		t.Errorf("decisions: %+v", a)
	}
}

// TestYesOrNo is the probability of yes.
func TestYesOrNo(t *testing.T) {
	s := choiceServer(t)
	want, mass := probabilities(t, s, "a\n\nQuestion: Right?\nyes: it is\n\nAnswer yes or no.", "yes", "no")
	one := decoded[wire.SystemOneAnswer](t, do(t, s, "POST", "/v1/systemone", `{"state":"a","questions":{"q":{"type":"noul","instructions":"Right?","criteria":{"true":"it is"}}}}`))
	if q := one.Answers["q"]; *q.Noul != want[0] || *q.Mass != mass || q.Confidence != nil {
		t.Errorf("%+v, want %v", q, want)
	}
	want, _ = probabilities(t, s, "user: a\nassistant: f(1)\ntool: 2\n\nQuestion: Right?\n\nAnswer yes or no.", "yes", "no")
	two := decoded[wire.DecisionsAnswer](t, do(t, s, "POST", "/v1/decisions", `{"input":[{"role":"user","content":"a"},{"type":"function_call","name":"f","arguments":"1"},
		{"type":"function_call_output","output":"2"}],"questions":[{"type":"predicate","instructions":"Right?"}]}`))
	if got := two.Answers[0].Probability; *got != want[0] {
		t.Errorf("%v, want %v", *got, want)
	}
}

// TestALabelThatIsNoTokenIsRefused: this tokenizer writes yes in several tokens, of which the first alone would say
// nothing.
func TestALabelThatIsNoTokenIsRefused(t *testing.T) {
	s := realServer(t, "../families/choice-gpt2")
	got := do(t, s, "POST", "/v1/systemone", `{"state":"a","questions":{"q":{"type":"noul","instructions":"Right?"}}}`)
	if got.status != 422 || !strings.Contains(string(got.body), `questions.q: candidates: \"yes\" is 2 tokens behind the prompt`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	answer := decoded[wire.DecisionsAnswer](t, do(t, s, "POST", "/v1/decisions", `{"input":"a","questions":[{"type":"predicate","instructions":"Right?"}]}`))
	if answer.Answers[0].Type != "refusal" || answer.Answers[0].Probability != nil || answer.Answers[0].Error == nil {
		t.Errorf("%+v", answer.Answers[0])
	}
}

// TestAStateForARewardModel: what is asked of one that it does not answer is refused, in the words of each protocol.
func TestAStateForARewardModel(t *testing.T) {
	s := embeddedServer(t)
	for _, test := range []struct{ path, body, want string }{
		{"/v1/systemone", `{"state":"a text","questions":{"q":{"type":"noul"}}}`, "the subject of the question is a text"},
		{"/v1/systemone", `{"state":{"question":"q"},"questions":{"q":{"type":"noul"}}}`, "the subject of the question is a text"},
		{"/v1/systemone", `{"state":{"question":"q","response":"r"},"questions":{"a":{"type":"noul"},"b":{"type":"noul"}}}`, "questions: 2 are asked of a reward model"},
		{"/v1/systemone", `{"state":{"question":"q","response":"r"},"questions":{"a":{"type":"score","criteria":["1","2","3"]}}}`, "questions: a reward model answers yes or no"},
		{"/v1/systemone", `{"state":{"question":"q","response":"r"},"questions":{"a":{"type":"choice","criteria":{"a":1,"b":2}}}}`, "questions: a reward model answers yes or no"},
		{"/v1/systemone", `{"state":"s","questions":{"a":{"type":"noul"}},"assets":{"a":{"type":"image"}}}`, "assets: no model here reads anything but text"},
		{"/v1/systemone", `{"state":"s","questions":{}}`, "questions: must hold at least one question"},
		{"/v1/decisions", `{"input":[{"role":"user","content":"q"}],"questions":[{"type":"predicate","instructions":"i"}]}`, "the subject of the question is a text"},
		{"/v1/decisions", `{"input":[{"role":"user","content":[{"type":"input_image"}]}],"questions":[{"type":"predicate","instructions":"i"}]}`, `input[0]: [0].type: "input_image" is none`},
		{"/v1/decisions", `{"input":[{"content":"q"}],"questions":[{"type":"predicate","instructions":"i"}]}`, "input[0]: role: is missing"},
		{"/v1/decisions", `{"input":7,"questions":[{"type":"predicate","instructions":"i"}]}`, "input: expected string or messages, got 7"},
		{"/v1/decisions", `{"input":"a","questions":[{"id":"x","type":"yes_no","question":"q"}]}`, `questions[0].type: "yes_no" is none of predicate, choice, score`},
		{"/v1/decisions", `{"input":"a","questions":[{"id":"x","type":"choice","question":"q"}]}`, `questions[0]: expected required property instructions`},
	} {
		got := do(t, s, "POST", test.path, test.body)
		if got.status != 422 || !strings.Contains(string(got.body), strings.ReplaceAll(test.want, `"`, `\"`)) {
			t.Errorf("%s %s: %d %s", test.path, test.body, got.status, got.body)
		}
	}
	if got := do(t, s, "POST", "/v1/systemone", `{"state":{"question":"q","response":"r"},"questions":{"q":{"type":"noul"}}}`, "Content-Type", "text/plain"); got.status != 415 ||
		!strings.HasPrefix(string(got.body), `{"message":"Content-Type`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	got := do(t, s, "GET", "/v1/decisions", "")
	if got.status != 405 || !strings.HasPrefix(string(got.body), `{"error":{"message":`) || !strings.Contains(string(got.body), problem.CodeMethodNotAllowed) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
