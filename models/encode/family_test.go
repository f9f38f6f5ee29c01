package encode

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/manifest"
)

// TestFamiliesAreEachAlone: of every fixture, items of one request are encoded as each of them is alone, whichever
// share a prompt, and in whatever form they give it.
func TestFamiliesAreEachAlone(t *testing.T) {
	var names []string
	for _, pattern := range []string{"bundles/*", "families/*", "heads/*"} {
		found, err := filepath.Glob(filepath.Join("..", "testdata", pattern, manifest.File))
		if err != nil || len(found) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range found {
			name, err := filepath.Rel(filepath.Join("..", "testdata", "bundles"), filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := fixture(t, name)
			gate := NewGate()
			drawn := rapid.Custom(func(t *rapid.T) []Item { return drawItems(t, e) })
			for seed := range 10 {
				for _, truncate := range []Truncation{TruncateError, TruncateLeft} {
					holdToAlone(t, e, gate, drawn.Example(seed), truncate)
				}
			}
		})
	}
}

// drawItems are some responses to one of three prompts.
func drawItems(t *rapid.T, e *Encoder) (items []Item) {
	response := rapid.OneOf(rapid.StringMatching(`[a-z]{1,5}( [a-z0-9.]{1,6}){0,8}`), rapid.SampledFrom([]string{
		"", " ", "\n4 ", "<think>a</think>b", "</think>", "a\n\nb\n\nc", "é\U0001f600",
	}))
	for range rapid.IntRange(2, 12).Draw(t, "items") {
		prompt, answer := rapid.SampledFrom([]string{"1 + 1?", "2 + 2?", ""}).Draw(t, "prompt"), response.Draw(t, "response")
		item := Item{Prompt: &prompt}
		if rapid.Bool().Draw(t, "as messages") {
			item = Item{Messages: []chat.Message{{Role: roleUser, Content: prompt}}}
		}
		switch {
		case e.manifest.Kind == manifest.KindPair:
			item.First, item.Second = &answer, &prompt
		case e.manifest.Kind == manifest.KindChoice:
			if rapid.Bool().Draw(t, "as text") {
				item = Item{Text: &prompt}
			}
			item.Candidate = new(rapid.SampledFrom([]string{"A", "B", "7", answer}).Draw(t, "candidate"))
		case e.manifest.Kind == manifest.KindProcess && rapid.Bool().Draw(t, "as steps"):
			item.Steps = rapid.SliceOfN(response, 1, 3).Draw(t, "steps")
		case item.Messages != nil && rapid.Bool().Draw(t, "in the messages"):
			item.Messages = append(item.Messages, chat.Message{Role: roleAssistant, Content: answer})
		default:
			item.Response = &answer
		}
		if e.manifest.Kind == manifest.KindProcess && item.Steps == nil {
			item.Separator = new("\n\n")
		}
		if e.user > 0 {
			item.User = make([]float64, e.user)
		}
		e.besides(&item, rapid.SampledFrom([]string{"two", "one", ""}).Draw(t, "beside"))
		items = append(items, item)
	}
	return items
}

func holdToAlone(t *testing.T, e *Encoder, gate *Gate, items []Item, truncate Truncation) {
	t.Helper()
	options := Options{KeepText: true, Truncate: truncate}
	all, err := e.All(t.Context(), gate, items, options, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range items {
		want, err := e.Encode(t.Context(), item, options)
		if got := all[i]; !reflect.DeepEqual(got.Encoded, want) || (got.Err == nil) != (err == nil) ||
			err != nil && (codeOf(got.Err) != codeOf(err) || got.Err.Error() != err.Error()) {
			t.Fatalf("item %d: %+v, %v\nalone %+v, %v", i, got.Encoded, got.Err, want, err)
		}
	}
}

// TestASharedPromptIsRenderedOnce: of responses to one prompt, and of the prompts alone, one is rendered.
func TestASharedPromptIsRenderedOnce(t *testing.T) {
	for _, name := range []string{
		"qwen3-reward-packed", "qwen2-process-packed", "../families/dpo-llama3", "../families/rlhflow-pair", "../families/choice-llama3",
		"../families/polar", "../families/compass-verifier", "../families/nemotron-principle", "../families/qwen3guard", "../families/shieldgemma",
	} {
		e := fixture(t, name)
		prompt, items := "1 + 1?", []Item{}
		for _, response := range []string{"two", "three", "four", "five"} {
			item := Item{Prompt: &prompt, Response: &response}
			switch e.manifest.Kind {
			case manifest.KindProcess:
				item = Item{Messages: []chat.Message{{Role: roleUser, Content: prompt}}, Steps: []string{response, "so."}}
			case manifest.KindPair:
				item = Item{Prompt: &prompt, First: &response, Second: &prompt}
			case manifest.KindChoice:
				item = Item{Prompt: &prompt, Candidate: new(response[:1])}
			case manifest.KindReward, manifest.KindPreference, manifest.KindFeatures, manifest.KindEmbedding:
			}
			e.besides(&item, "It is 2.")
			items = append(items, item)
		}
		members := e.families(items)
		for i, item := range items {
			if members[i].family != members[0].family || members[i].at != i {
				t.Fatalf("%s: item %d is not of the first one's family", name, i)
			}
			if _, err := e.whole(t.Context(), asked{item, members[i]}, Options{}); err != nil {
				t.Fatal(err)
			}
		}
		f := members[0].family
		if e.manifest.Kind != manifest.KindChoice && f.whole() == nil {
			t.Errorf("%s: the conversations are rendered one by one", name)
		}
		if e.manifest.Likelihood != nil {
			f.prompts[1] = func() (string, error) { return "", errors.New("rendered for all") }
			if _, err := e.whole(t.Context(), asked{items[0], members[0]}, Options{}); err == nil {
				t.Errorf("%s: the prompt is rendered for each", name)
			}
		}
	}
}

// TestCandidatesShareTheirPromptsEncoding: behind one conversation, or one text, the first candidate that is encoded
// renders and tokenizes the prompt, and the others need neither a template nor a tokenizer of their own.
func TestCandidatesShareTheirPromptsEncoding(t *testing.T) {
	for _, name := range []string{"../families/choice-llama3", "../families/choice-qwen3"} {
		e := fixture(t, name)
		for form, item := range map[string]Item{
			"prompt": {Prompt: new("Is 1 + 1 = 2?")}, "text": {Text: new("Is 1 + 1 = 2? ")},
			"messages": {Messages: []chat.Message{{Role: roleUser, Content: "Hi"}, {Role: roleAssistant, Content: "Hi"}, {Role: roleUser, Content: "A or B?"}}},
		} {
			items := []Item{item, item, item}
			for i, candidate := range []string{"A", "B", "C"} {
				items[i].Candidate = new(candidate)
			}
			members := e.families(items)
			blind := *e
			for i, item := range items {
				want, err := e.Encode(t.Context(), item, Options{KeepText: true})
				if err != nil {
					t.Fatal(err)
				}
				by := &blind
				if i == 0 {
					by = e
				}
				got, err := by.whole(t.Context(), asked{item, members[i]}, Options{KeepText: true})
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, %s, candidate %d: %+v, %v; alone %+v", name, form, i, got, err, want)
				}
				blind.tokens, blind.template = nil, nil
			}
		}
	}
}

// TestFamiliesAreBounded: a family has so many members and bytes of them at most, as docs/API.md says.
func TestFamiliesAreBounded(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "API.md"))
	row := fmt.Sprintf("| items that are rendered together, as responses to one prompt are | %d, with %d MiB of responses;", familyMembers, familyBytes>>20)
	if err != nil || !strings.Contains(string(page), row) {
		t.Errorf("docs/API.md lacks %q: %v", row, err)
	}
	e := fixture(t, "qwen3-reward-packed")
	rapid.Check(t, func(t *rapid.T) {
		prompt := "1 + 1?"
		size := rapid.SampledFrom([]int{1, 1 << 10, familyBytes / 3, familyBytes + 1}).Draw(t, "bytes")
		response := string(make([]byte, size))
		items := make([]Item, rapid.IntRange(1, 2*familyMembers).Draw(t, "items"))
		for i := range items {
			items[i] = Item{Prompt: &prompt, Response: &response}
		}
		for i, m := range e.families(items) {
			f := m.family
			if f == nil {
				continue
			}
			if n := len(f.contents); n < 2 || n > familyMembers || n*size > familyBytes || f.contents[m.at] != response {
				t.Fatalf("item %d is number %d of %d of %d bytes", i, m.at, n, size)
			}
		}
	})
}
