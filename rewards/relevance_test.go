package rewards

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ranking"
)

// embedder is a model whose vector of a text counts its letters a, b and c.
func embedder(similarity string) manifest.Manifest {
	m := manifest.Manifest{Name: "fake-embedder", Kind: manifest.KindEmbedding}
	m.Graph.Labels = []string{"v0", "v1", "v2"}
	m.Embedding.Size, m.Embedding.Similarity = 3, similarity
	m.Limits.MaxTokens = 64
	return m
}

func letters(text string) []float64 {
	return []float64{float64(strings.Count(text, "a")), float64(strings.Count(text, "b")), float64(strings.Count(text, "c"))}
}

func embedderOf(tb testing.TB, m manifest.Manifest) (*Engine, *fakeSource) {
	tb.Helper()
	e, fakes := engineOf(tb, m)
	fakes[0].rows = func(text string, _ *models.Reading) [][]float32 {
		of := letters(text)
		return [][]float32{{float32(of[0]), float32(of[1]), float32(of[2])}}
	}
	return e, fakes[0]
}

// angle is the cosine as a formula has it.
func angle(a, b []float64) float64 {
	dot, la, lb := 0.0, 0.0, 0.0
	for i := range a {
		dot, la, lb = dot+a[i]*b[i], la+a[i]*a[i], lb+b[i]*b[i]
	}
	return dot / math.Sqrt(la*lb)
}

// TestRelevanceIsTheNearnessOfTwoVectors: of prompt and response, each read by itself, whichever way they are given.
func TestRelevanceIsTheNearnessOfTwoVectors(t *testing.T) {
	cosine, _ := embedderOf(t, embedder("cosine"))
	dot, _ := embedderOf(t, embedder("dot"))
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[abcx]{0,8}[abc]`)
		p, r, q := word.Draw(t, "prompt"), word.Draw(t, "response"), word.Draw(t, "earlier")
		items := []encode.Item{
			{Prompt: &p, Response: &r},
			{Prompt: &r, Response: &p},
			{Messages: []chat.Message{{Role: "system", Content: q}, {Role: "user", Content: p}, {Role: "assistant", Content: r}}},
		}
		for engine, want := range map[*Engine][]float64{
			cosine: {angle(letters(p), letters(r)), angle(letters(p), letters(r)), angle(letters(q+p), letters(r))},
			dot:    {plain(letters(p), letters(r)), plain(letters(p), letters(r)), plain(letters(q+p), letters(r))},
		} {
			answer, err := engine.Ask(t.Context(), Request{Question: Score, Items: items})
			if err != nil {
				t.Fatal(err)
			}
			for i, result := range answer.Results {
				if result.Err != nil || math.Abs(result.Score-want[i]) > 1e-12 || result.Raw.Value != result.Score {
					t.Fatalf("item %d: %+v, want %g", i, result, want[i])
				}
			}
			if tokens := answer.Results[0].Tokens.Tokens; tokens != len(p)+len(r) {
				t.Fatalf("%d tokens of %q and %q", tokens, p, r)
			}
		}
	})
}

func plain(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// TestAPromptIsReadOnce: for all of its responses, and so is a response that comes twice.
func TestAPromptIsReadOnce(t *testing.T) {
	e, source := embedderOf(t, embedder("cosine"))
	answer := ask(t, e, Request{Question: Rank, Groups: to("aab", "b", "aab", "b", "c")})
	if diff := cmp.Diff([]int{1, 0, 2, 3}, answer.Ranking); diff != "" {
		t.Errorf("ranking (-want +got):\n%s", diff)
	}
	if n := source.items.Load(); n != 3 || answer.Usage.Items != 3 {
		t.Errorf("%d texts were read, and usage says %d; there are 3 texts", n, answer.Usage.Items)
	}
	if best := answer.Results[1]; math.Abs(best.Score-1) > 1e-15 || best.Tokens.Tokens != 6 {
		t.Errorf("%+v", best)
	}
	if diff := cmp.Diff([]string{"cosine of prompt and response"}, answer.Transforms); diff != "" {
		t.Error(diff)
	}
}

// TestWhatStandsBeforeATextIsTheModels: words that a model was trained to see before a query and before a passage.
func TestWhatStandsBeforeATextIsTheModels(t *testing.T) {
	m := embedder("dot")
	m.Embedding.Before.Prompt, m.Embedding.Before.Response = "aaa", "b"
	e, _ := embedderOf(t, m)
	answer := ask(t, e, Request{Question: Rank, Groups: to("b", "aa", "c")}) // (3, 1, 0) by (2, 1, 0) and by (0, 1, 1)
	if diff := cmp.Diff([]string{"7", "1"}, codes(answer.Results)); diff != "" {
		t.Error(diff)
	}
}

// TestARelevanceFailsAlone: each item has a number or one error that names its side, and never 0 for what failed.
func TestARelevanceFailsAlone(t *testing.T) {
	e, _ := embedderOf(t, embedder("cosine"))
	long := strings.Repeat("a", 65)
	two := func(prompt, response string) encode.Item { return encode.Item{Prompt: &prompt, Response: &response} }
	for name, test := range map[string]struct {
		item         encode.Item
		code, detail string
	}{
		"a lost prompt":          {two("lost a", "a"), failure.CodeDeadline, "prompt: "},
		"a lost response":        {two("a", "lost a"), failure.CodeDeadline, "response: "},
		"a long response":        {two("a", long), fault.CodeTooLong, "response: too long"},
		"no angle":               {two("a", "x"), fault.CodeNotFinite, "the cosine of prompt and response is not a number"},
		"text":                   {encode.Item{Text: new("a")}, fault.CodeItem, "text: a relevance is of a prompt and a response"},
		"a prompt":               {encode.Item{Prompt: new("a")}, fault.CodeItem, "prompt needs response beside it"},
		"a response":             {encode.Item{Response: new("a")}, fault.CodeItem, "response needs prompt or messages"},
		"nothing":                {encode.Item{}, fault.CodeItem, "messages has 0 turns"},
		"one turn":               {encode.Item{Messages: []chat.Message{{Role: "user", Content: "a"}}}, fault.CodeItem, "messages has 1 turns"},
		"steps":                  {encode.Item{Prompt: new("a"), Steps: []string{"b"}}, fault.CodeItem, "steps: "},
		"a reference":            {encode.Item{Prompt: new("a"), Response: new("b"), Reference: new("c")}, fault.CodeItem, "reference: "},
		"prompt beside messages": {encode.Item{Prompt: new("a"), Messages: make([]chat.Message, 2)}, fault.CodeItem, "prompt and messages"},
	} {
		answer := ask(t, e, Request{Question: Score, Items: []encode.Item{two("a", "a"), test.item, two("a", "b")}})
		if diff := cmp.Diff([]string{"1", test.code, "0"}, codes(answer.Results)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := answer.Results[1].Err; err != nil && !strings.Contains(err.Detail, test.detail) {
			t.Errorf("%s: %q, want %q", name, err.Detail, test.detail)
		}
	}
	refused := map[int]error{1: fault.New(fault.CodeItem, "no Unicode")}
	answer := ask(t, e, Request{Question: Rank, Groups: to("a", "b", "", "a"), Refused: refused})
	if diff := cmp.Diff([]string{"0", fault.CodeItem, "1"}, codes(answer.Results)); diff != "" || !cmp.Equal(answer.Ranking, []int{2, 0}) {
		t.Errorf("%s, ranking %v", diff, answer.Ranking)
	}
}

func TestWhatARelevanceDoesNotAnswer(t *testing.T) {
	e, _ := embedderOf(t, embedder("cosine"))
	a, many := "a", make([]encode.Item, 1<<18/3+1)
	for i := range many {
		many[i].Text = &a
	}
	for name, test := range map[string]struct {
		request Request
		code    string
	}{
		"compare":           {Request{Question: Compare, Groups: to("p", "a", "b")}, fault.CodeModel},
		"an activation":     {Request{Question: Rank, Groups: to("p", "a"), Activation: activationSigmoid}, failure.CodeActivation},
		"a label":           {Request{Question: Rank, Groups: to("p", "a"), Label: "v0"}, failure.CodeLabel},
		"a tournament":      {Request{Question: Rank, Groups: to("p", "a", "b"), Choice: ranking.Choice{Strategy: "tournament"}}, failure.CodeInvalidField},
		"a gradient":        {Request{Question: Score, Items: text("a"), Gradient: true}, failure.CodeInvalidField},
		"vectors of many":   {Request{Question: Embed, Items: many}, fault.CodeBudget},
		"vectors of nobody": {Request{Question: Embed}, failure.CodeInvalidField},
	} {
		if _, err := e.Ask(t.Context(), test.request); code(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// TestVectorsOfTexts: one for each, as the graph gives it, or one error.
func TestVectorsOfTexts(t *testing.T) {
	e, source := embedderOf(t, embedder("cosine"))
	answer := ask(t, e, Request{Question: Embed, Items: text("aab", "lost", "cab"), Refused: map[int]error{2: fault.New(fault.CodeItem, "no Unicode")}})
	if diff := cmp.Diff([]float64{2, 1, 0}, answer.Vectors[0].Vector); diff != "" || answer.Vectors[0].Tokens.Tokens != 3 {
		t.Errorf("%s, %+v", diff, answer.Vectors[0])
	}
	for i, want := range map[int]string{1: failure.CodeDeadline, 2: fault.CodeItem} {
		if of := answer.Vectors[i]; of.Err == nil || of.Err.Code != want || of.Vector != nil {
			t.Errorf("text %d: %+v, want %s", i, of, want)
		}
	}
	if asked, failed := answer.Items(); asked != 3 || failed != 2 {
		t.Errorf("%d items, %d of which failed", asked, failed)
	}
	source.rows = func(string, *models.Reading) [][]float32 { return [][]float32{{1, float32(math.NaN()), 0}} }
	if of := ask(t, e, Request{Question: Embed, Items: text("a")}).Vectors[0]; of.Err == nil || of.Err.Code != fault.CodeNotFinite {
		t.Errorf("%+v", of)
	}
}
