package rewards

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/recipes"
)

// alike rewards a response by how alike its tokens are to its prompt's, and shows the match with itself.
const alike = `recipe: 1
name: alike
readings:
  y: {gives: tokens, reads: response}
  x: {gives: tokens, reads: prompt}
values: {itself: "bert_score(y, y)"}
score: bert_score(y, x)
`

func serves(t *testing.T, e *Engine, text string) {
	t.Helper()
	r, err := recipes.Parse([]byte(text))
	if err == nil {
		err = e.Serve(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBERTScoreEqualsItsFormula over transformers' last hidden states of the same checkpoint, which
// models/export/parity/bertscore.py computed: each two texts, in one request, as items and as responses to one prompt.
func TestBERTScoreEqualsItsFormula(t *testing.T) {
	file, err := os.Open("testdata/bertscore.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading
	e, all := fixtures(t, "../families/embedding-bert-tokens")
	serves(t, e, alike)
	request, want := Request{Question: Score, Model: "alike"}, []float64{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct {
			Candidate, Reference string
			F1                   float64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		request.Items = append(request.Items, encode.Item{Prompt: &line.Reference, Response: &line.Candidate})
		want = append(want, line.F1)
	}
	n := 7 // texts, each of which stands in 14 places
	before := all[0].Stats().Computed
	answer := ask(t, e, request)
	if len(answer.Results) != n*n || answer.Usage.Items != 2*n {
		t.Errorf("%d results of %d sequences, want %d of %d: each text is read once by each reading", len(answer.Results), answer.Usage.Items, n*n, 2*n)
	}
	if computed := all[0].Stats().Computed - before; int(computed) != answer.Usage.Computed {
		t.Errorf("%d tokens are said to be computed, and %d were", answer.Usage.Computed, computed)
	}
	for i, r := range answer.Results {
		if r.Err != nil || math.Abs(r.Score-want[i]) > 1e-6 || math.Abs(r.Values["itself"]-1) > 1e-12 {
			t.Errorf("%q beside %q is %+v, want %g", *request.Items[i].Response, *request.Items[i].Prompt, r, want[i])
		}
	}
	for i := range n {
		group := Group{Prompt: request.Items[i].Prompt}
		for k := range n {
			group.Responses = append(group.Responses, *request.Items[k*n].Response)
		}
		rank := ask(t, e, Request{Question: Rank, Model: "alike", Groups: []Group{group}})
		if rank.Usage.Items != n+1 {
			t.Errorf("%d sequences of %d responses to one prompt", rank.Usage.Items, n)
		}
		for k, r := range rank.Results {
			if r.Err != nil || r.Score != answer.Results[k*n+i].Score {
				t.Errorf("response %d to prompt %d is %+v, and as an item %g", k, i, r, answer.Results[k*n+i].Score)
			}
		}
	}
}

// TestTokensAreAskedOfModelsThatHaveThem: a graph that pools has none, and a text that is too long or empty fails
// alone; where a cut is asked for, what is left is matched.
func TestTokensAreAskedOfModelsThatHaveThem(t *testing.T) {
	pooling, _ := fixtures(t, "../families/embedding-bert-mean")
	r, err := recipes.Parse([]byte(alike))
	if err != nil {
		t.Fatal(err)
	}
	if err := pooling.Serve(r, nil); err == nil || !strings.Contains(err.Error(), `model "embedding-bert-mean" pools its tokens in its graph`) {
		t.Errorf("a model that pools: %v", err)
	}
	e, _ := fixtures(t, "../families/embedding-bert-tokens")
	serves(t, e, alike)
	item := func(prompt, response string) encode.Item { return encode.Item{Prompt: &prompt, Response: &response} }
	long := strings.Repeat("owls sleep by day. ", 200)
	request := Request{Question: Score, Model: "alike", Items: []encode.Item{item("owls", "day"), item("owls", long), item("", "day")}}
	answer := ask(t, e, request)
	first, second, third := answer.Results[0], answer.Results[1].Err, answer.Results[2].Err
	if first.Err != nil || second == nil || second.Code != fault.CodeTooLong || !strings.Contains(second.Detail, "reading y") || third == nil {
		t.Errorf("%+v, %v, %v", first, second, third)
	}
	request.Truncate = encode.TruncateRight
	if cut := ask(t, e, request).Results[1]; cut.Err != nil || cut.Truncated == 0 || cut.Score <= 0 || cut.Score > 1 {
		t.Errorf("a response that is cut: %+v", cut)
	}
}

// wide is a source of embeddings whose every token has a vector of ones, of so many numbers.
func wide(t *testing.T, size, maxTokens int) (*Engine, *fakeSource) {
	t.Helper()
	m := manifest.Manifest{Name: "wide", Kind: manifest.KindEmbedding, Pooling: "first"}
	m.Embedding.Size, m.Graph.Labels = size, make([]string, size)
	m.Limits.MaxTokens = maxTokens
	e, fakes := engineOf(t, m)
	row := make([]float32, size)
	for i := range row {
		row[i] = 1
	}
	fakes[0].rows = func(text string, r *models.Reading) [][]float32 {
		rows := make([][]float32, len(text))
		r.IDs = make([]int64, len(text))
		for i := range rows {
			rows[i] = row
		}
		return rows
	}
	return e, fakes[0]
}

// TestMatchingIsBounded: the products of two numbers that matching takes, over all items of a request and all calls.
func TestMatchingIsBounded(t *testing.T) {
	e, _ := wide(t, 1024, 1024)
	serves(t, e, alike)
	text := strings.Repeat("t", 1024) // two calls take 2 · 1024³ = 2^31 products
	one := encode.Item{Prompt: &text, Response: &text}
	answer := ask(t, e, Request{Question: Score, Model: "alike", Items: []encode.Item{one, one, one}})
	for i, r := range answer.Results[:2] {
		if r.Err != nil || math.Abs(r.Score-1) > 1e-12 {
			t.Errorf("item %d: %+v", i, r)
		}
	}
	want := fmt.Sprintf(`matching tokens for recipe "alike" takes %d products up to here, and that of one request may take %d`, 3<<31, 1<<32)
	if err := answer.Results[2].Err; err == nil || err.Code != fault.CodeBudget || err.Detail != want {
		t.Errorf("over the bound: %v", err)
	}
}
