package encode

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// refusedItem wants an error of that code that has these words.
func refusedItem(t *testing.T, err error, code, want string) {
	t.Helper()
	var known *fault.Error
	if !errors.As(err, &known) || known.Code != code || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s with %q", err, code, want)
	}
}

// prefixed is an encoder whose steps are read at the end of each cut text.
func prefixed(t *testing.T, separator string) Encoder {
	t.Helper()
	e := changed(fixture(t, "qwen3-process-packed"))
	e.manifest.Pooling = "at_step"
	e.manifest.Steps = manifest.Steps{Separator: separator, Tokenize: "prefix", Right: []int{1}, Activation: "softmax"}
	e.template = must2(
		chat.New(`{{ messages[0].content }}: {% if messages | length > 1 %}{{ messages[1].content }}{% endif %}`, nil, time.Time{}))
	return e
}

// TestStepsThatCannotFit: an item is refused before its steps are tokenized one by one, which takes the square of its
// length.
func TestStepsThatCannotFit(t *testing.T) {
	e := prefixed(t, "\n")
	for _, truncate := range []Truncation{TruncateError, TruncateLeft, TruncateRight} {
		_, err := encodeWith(&e, Item{Prompt: new("p"), Steps: slices.Repeat([]string{"a"}, 100_000)}, truncate)
		refusedItem(t, err, fault.CodeTooLong, "100000 steps")
	}
	// The first step ends inside a token, which only its own tokenizing would tell.
	e.manifest.Steps.Separator = ""
	_, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"<|im_", "end|>", strings.Repeat("a1 ", 999)}}, TruncateError)
	refusedItem(t, err, fault.CodeTooLong, "limits.max_tokens")
	e.manifest.Steps.Separator = "\n"
	e.manifest.Limits.MaxTokens = 64
	long := strings.Repeat("a1 ", 500)
	_, err = encodeWith(&e, Item{Prompt: &long, Steps: slices.Repeat([]string{"a"}, 20)}, TruncateLeft)
	refusedItem(t, err, fault.CodeTooLong, "20 steps, each tokenized with all before it")
	if _, err = encodeWith(&e, Item{Prompt: &long, Steps: []string{"a", "b"}}, TruncateLeft); err != nil {
		t.Errorf("a long prompt with few steps: %v", err)
	}
}

func TestStepReadBeforeTheItem(t *testing.T) {
	e := prefixed(t, "\n")
	e.manifest.Steps.Offset = 100
	_, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"a", "b"}}, TruncateError)
	refusedItem(t, err, fault.CodeItem, "reads 100 before")
}

// TestEveryStepSkipped: an item all of whose steps are skipped is the client's to mend, also where every token is read.
func TestEveryStepSkipped(t *testing.T) {
	e := prefixed(t, "\n")
	e.manifest.Steps.Skip = 2
	for _, likelihood := range []*manifest.Likelihood{nil, {Beta: 1, Norm: "sum"}} {
		e.manifest.Likelihood = likelihood
		_, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"a", "b"}}, TruncateError)
		refusedItem(t, err, fault.CodeEmpty, "the item has 2 steps, and model")
		if _, err = encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"a", "b", "c"}}, TruncateError); err != nil {
			t.Error(err)
		}
	}
}

// TestSeparateStepsKeepTheirBOS: the policy is on the item's beginning; a step that writes a BOS keeps it and moves no
// place.
func TestSeparateStepsKeepTheirBOS(t *testing.T) {
	e := changed(fixture(t, "llama-process-packed"))
	bos := *e.manifest.Tokenizer.BOSID
	e.manifest.Tokenizer.BOS, e.manifest.Pooling = "one", "at_step"
	e.manifest.Steps.Tokenize, e.manifest.Steps.Separator = "separate", ""
	e.template = must2(chat.New(``, nil, time.Time{}))
	got, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{e.tokens.Decode(bos) + "a", "b"}}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	if leading(got.IDs, bos) != 2 || got.Steps[1] != len(got.IDs)-1 || got.IDs[got.Steps[0]] == bos {
		t.Errorf("ids %v, steps end at %v", got.IDs, got.Steps)
	}
}

// TestSeparatorsThatAreNoAddedToken: an accepted item is read where the text of each step and separator ends, whatever
// stands around them.
func TestSeparatorsThatAreNoAddedToken(t *testing.T) {
	e := changed(fixture(t, "../families/versaprm-qwen"))
	if e.tokens.Added(e.manifest.Steps.Separator) {
		t.Fatal("the fixture's separator is an added token")
	}
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[\n ]{0,2}[a-c](| \n\n\n\n| )[a-c.][\n ]{0,2}`)
		item := Item{Prompt: new(text.Draw(t, "prompt")), Steps: rapid.SliceOfN(text, 1, 3).Draw(t, "steps")}
		got, err := encodeWith(&e, item, TruncateError)
		if err != nil {
			var known *fault.Error
			if !errors.As(err, &known) || known.Code != fault.CodeInText && known.Code != fault.CodeBoundary {
				t.Fatalf("error %v, want %s or %s", err, fault.CodeInText, fault.CodeBoundary)
			}
			return
		}
		accepted++
		for k, at := range got.Steps {
			if want := e.joined(item.Steps[:k+1]); !strings.HasSuffix(e.tokens.Decode(got.IDs[:at+1]...), want) {
				t.Fatalf("step %d of %q is read behind %q", k, item.Steps, e.tokens.Decode(got.IDs[:at+1]...))
			}
		}
	})
	if accepted == 0 {
		t.Error("no item was accepted")
	}
	separator := e.manifest.Steps.Separator
	for _, test := range []struct {
		name, prompt string
		steps        []string
		code, want   string
	}{
		{"swallowed", "what?", []string{"one", "\ntwo"}, fault.CodeBoundary, "step 0 and the separator"},
		{"swallowed, and one in the prompt", "what" + separator + "b?", []string{"one", "\ntwo"}, fault.CodeInText, "where no step ends"},
		{"swallowed, and one in a step", "what?", []string{"one" + separator + "more", "\ntwo"}, fault.CodeInText, "where no step ends"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := encodeWith(&e, Item{Prompt: &test.prompt, Steps: test.steps}, TruncateError)
			refusedItem(t, err, test.code, test.want)
		})
	}
}

// TestTemplatesThatTouchTheSteps: one that trims a turn is followed; one that writes another text is refused.
func TestTemplatesThatTouchTheSteps(t *testing.T) {
	e := changed(fixture(t, "../families/math-shepherd"))
	e.template = must2(chat.New(`{{ messages[0].content }} {{ messages[1].content | trim }}`, nil, time.Time{}))
	got, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{" a", "b"}}, TruncateError)
	if err != nil || len(got.Positions) != 2 || got.IDs[got.Positions[1]] != e.separator {
		t.Errorf("%+v, %v", got, err)
	}
	e.template = must2(chat.New(`{{ messages[0].content }} {{ messages[1].content | upper }}`, nil, time.Time{}))
	_, err = encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"a", "b"}}, TruncateError)
	refusedItem(t, err, fault.CodeTemplate, "leaves out or changes a part of the steps' text")
}

// TestTemplatesOfThinkingModels: what drops the text before </think> is said to, for steps in one text and for
// prefixes, and never called a separator in a message.
func TestTemplatesOfThinkingModels(t *testing.T) {
	for name, tokenize := range map[string]string{"qwen3-process-packed": "joint", "llama-process-packed": "prefix"} {
		e := changed(fixture(t, name))
		e.manifest.Steps.Tokenize = tokenize
		e.template = must2(chat.New(
			`{{ messages[0].content }} {{ messages[1].content.split('</think>')[-1].lstrip('\n') }}`, nil, time.Time{}))
		_, err := encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"<think>so 4", "</think>\n\n4"}}, TruncateError)
		refusedItem(t, err, fault.CodeTemplate, "as some do with what stands before </think>")
		if _, err = encodeWith(&e, Item{Prompt: new("p"), Steps: []string{"so 4", "4"}}, TruncateError); err != nil {
			t.Errorf("%s: without thoughts: %v", tokenize, err)
		}
	}
}
