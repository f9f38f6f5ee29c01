package rewards

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

const relevant = `recipe: 1
name: relevant
readings:
  asked: {gives: embedding, reads: prompt}
  answered: {gives: embedding, reads: response}
values:
  near: cosine(asked, answered)
  apart: distance(asked, answered)
score: dot(asked, answered) + 0 * near * apart
example:
  given: {asked: [3, 4], answered: [4, 3]}
  values: {near: 0.96, apart: 1.4142135623730951}
  score: 24
  source: 'by hand: 3 · 4 + 4 · 3 = 24, 24 / (5 · 5) = 0.96, and the root of 1 + 1'
`

func servedTexts(tb testing.TB, m manifest.Manifest, file string) (*Engine, *fakeSource) {
	tb.Helper()
	e, source := embedderOf(tb, m)
	r, err := recipes.Parse([]byte(file))
	if err == nil {
		err = e.Serve(r, nil)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return e, source
}

// TestARecipeOfEmbeddings: the vectors of prompt and response, each with what its model wants in front of it, and no
// vector in the answer.
func TestARecipeOfEmbeddings(t *testing.T) {
	m := embedder("cosine")
	m.Embedding.Before.Prompt, m.Embedding.Before.Response = "aaa", "b"
	e, source := servedTexts(t, m, relevant)
	answer := ask(t, e, Request{Question: Rank, Model: "relevant", Groups: to("b", "aa", "c", "lost")}) // (3, 1, 0) with (2, 1, 0) and with (0, 1, 1)
	if diff := cmp.Diff([]string{"7", "1", failure.CodeDeadline}, codes(answer.Results)); diff != "" || !cmp.Equal(answer.Ranking, []int{0, 1}) {
		t.Errorf("%s, ranking %v", diff, answer.Ranking)
	}
	for i, want := range [][2]float64{{7 / math.Sqrt(10*5), 1}, {1 / math.Sqrt(10*2), math.Sqrt(10)}} {
		got := answer.Results[i]
		if math.Abs(got.Values["near"]-want[0]) > 1e-15 || math.Abs(got.Values["apart"]-want[1]) > 1e-15 {
			t.Errorf("response %d: %v, want %v", i, got.Values, want)
		}
		for _, part := range got.Parts {
			if part.Model != "fake-embedder" || part.Err != nil || part.Steps != nil || part.Score.Known || part.Tokens.Tokens == 0 {
				t.Errorf("%+v", part)
			}
		}
	}
	if err := answer.Results[2].Err; err == nil || !strings.HasPrefix(err.Detail, "reading answered: ") || answer.Results[2].Parts[0].Err != nil {
		t.Errorf("%+v", answer.Results[2])
	}
	if n := source.items.Load(); n != 4 {
		t.Errorf("%d texts were read of three responses and their prompt", n)
	}
}

// TestAnItemWithoutATextFailsARecipeOfEmbeddings: and so does a vector that has no angle.
func TestAnItemWithoutATextFailsARecipeOfEmbeddings(t *testing.T) {
	e, _ := servedTexts(t, embedder("cosine"), relevant)
	items := []encode.Item{{Prompt: new("a"), Response: new("x")}, {Text: new("a")}, {Prompt: new("a"), Response: new("a")}}
	answer := ask(t, e, Request{Question: Score, Model: "relevant", Items: items})
	if diff := cmp.Diff([]string{failure.CodeRecipe, fault.CodeItem, "1"}, codes(answer.Results)); diff != "" {
		t.Errorf("%s", diff)
	}
}

// TestEmbeddingsAreOfEmbeddingModels: and of one text, which the recipe must name.
func TestEmbeddingsAreOfEmbeddingModels(t *testing.T) {
	e, _ := engineOf(t, reward("good"))
	r, err := recipes.Parse([]byte(relevant))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Serve(r, nil); code(err) != fault.CodeModel {
		t.Errorf("served by a reward model: %v", err)
	}
	_, err = recipes.Parse([]byte(strings.Replace(relevant, ", reads: prompt", "", 1)))
	if want := "line 4: readings.asked.reads: is missing, and an embedding is of one text, as tokens are: prompt, response, reference"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	_, err = recipes.Parse([]byte(strings.Replace(relevant, "dot(asked, answered)", "asked + answered", 1)))
	if err == nil {
		t.Error("a vector is a score")
	}
}
