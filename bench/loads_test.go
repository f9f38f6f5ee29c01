package main

import (
	"slices"
	"strings"
	"testing"
)

func TestLoadsAreDeterministicAndNewEachRound(t *testing.T) {
	t.Parallel()
	for _, load := range loads {
		first, again := load.Texts(1, 1, 1.3), load.Texts(1, 1, 1.3)
		if !slices.Equal(first, again) {
			t.Errorf("%s: the same seed and round give other texts", load.Name)
		}
		seen := map[string]bool{}
		for _, round := range [][]string{first, load.Texts(1, 2, 1.3), load.Texts(2, 1, 1.3)} {
			for _, text := range round {
				if seen[text] {
					t.Errorf("%s: repeats %.40q", load.Name, text)
				}
				seen[text] = true
			}
		}
	}
}

func TestLoadLengths(t *testing.T) {
	t.Parallel()
	want := map[string]struct{ items, median, longest int }{
		"lognormal-150": {128, 150, 600},
		"short-35":      {256, 35, 140},
		"shared-4x16":   {64, 600, 900},
		"best-of-64":    {64, 2100, 2400},
	}
	for _, load := range loads {
		texts := load.Texts(7, 3, 1)
		lengths := make([]int, len(texts))
		for i, text := range texts {
			lengths[i] = len(strings.Fields(text))
		}
		slices.Sort(lengths)
		w := want[load.Name]
		median := lengths[len(lengths)/2]
		if len(texts) != w.items || median < w.median*8/10 || median > w.median*12/10 || lengths[len(lengths)-1] > w.longest {
			t.Errorf("%s: %d texts, median %d, longest %d words; want %+v", load.Name, len(texts), median, lengths[len(lengths)-1], w)
		}
	}
}

func TestSharedLoadHasFourPromptsOfSixteenResponses(t *testing.T) {
	t.Parallel()
	responses := map[string]int{}
	for _, text := range loads[2].Texts(1, 1, 1) {
		prompt, _, found := strings.Cut(text, assistantTurn)
		if !found {
			t.Fatalf("no assistant turn in %.60q", text)
		}
		responses[prompt]++
	}
	if len(responses) != 4 {
		t.Errorf("%d prompts, want 4", len(responses))
	}
	for prompt, n := range responses {
		if n != 16 {
			t.Errorf("%.40q has %d responses, want 16", prompt, n)
		}
	}
}

func TestTokensPerWordSetsTheNumberOfWords(t *testing.T) {
	t.Parallel()
	one, two := len(strings.Fields(newWriter(1, "x", 1).passage(300))), len(strings.Fields(newWriter(1, "x", 2).passage(300)))
	if one != 300 || two != 150 {
		t.Errorf("300 tokens are %d words at 1 token a word and %d at 2", one, two)
	}
}
