package rewards

import (
	"context"
	"slices"
	"strings"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ops/vectors"
	"github.com/assay-rm/assay/rewards/recipes"
)

// relevance is what an embedding model says of a response: how near its vector is to its prompt's, by their cosine or
// their dot product. The two are read apart, so that responses share their prompt's vector. (Kim et al.,
// "Preference-free Alignment Learning with Regularized Relevance Reward", 2024, whose Rel(x, y) is the dot product.)
type relevance struct{ of *manifest.Manifest }

func newRelevance(m *manifest.Manifest) evaluator { return &relevance{m} }

func (e *relevance) transforms() []string {
	return []string{e.of.Embedding.Similarity + " of prompt and response"}
}

func (e *relevance) recipe(source Source, r *Request) (recipe, error) {
	switch {
	case r.Question == Embed:
		return &embedding{source, r, e}, withinCells(source.Info(), len(r.Items), e.of.Embedding.Size, "vectors")
	case r.Activation != activationNone:
		return nil, failure.New(failure.CodeActivation, "activation: model %q scores by a %s, which takes none", e.of.Name, e.of.Embedding.Similarity)
	case r.compares():
		return nil, invalid("strategy: %q goes by preferences, and model %q, which scores by a %s, has none", r.Choice.Strategy, e.of.Name, e.of.Embedding.Similarity)
	case r.Label != "":
		return nil, failure.New(failure.CodeLabel, "label: model %q gives vectors, and has no label to choose", e.of.Name)
	case r.Gradient:
		return nil, invalid("explain: a gradient is by features, and model %q reads tokens", e.of.Name)
	}
	asked := r.Items
	if r.Question == Rank {
		asked = r.responses()
	}
	of := &relating{source: source, request: r, rule: e, pairs: make([]related, len(asked))}
	at := map[string]int{}
	for i := range asked {
		one := &of.pairs[i]
		if one.refused = r.Refused[i]; one.refused != nil {
			continue
		}
		var prompt, response string
		if prompt, response, one.refused = sides(&asked[i]); one.refused == nil {
			one.prompt, one.response = of.place(at, e.of.Embedding.Before.Prompt+prompt), of.place(at, e.of.Embedding.Before.Response+response)
		}
	}
	return of, withinCells(source.Info(), len(asked), 1, "items")
}

// before is what the model is to see in front of an item's text of that name in a recipe: a reference is an answer too.
func (e *relevance) before(text string) string {
	if text == recipes.Prompt {
		return e.of.Embedding.Before.Prompt
	}
	return e.of.Embedding.Before.Response
}

// relating answers a request with the relevance of responses to their prompts.
type relating struct {
	source  Source
	request *Request
	rule    *relevance
	texts   []encode.Item // to be read, each once
	pairs   []related     // one for each item or response
}

// related is an item's two places among the texts, or why it has none.
type related struct {
	refused          error
	prompt, response int
}

// place is where a text stands among those that are read, as one of which it is added when it is new.
func (s *relating) place(at map[string]int, text string) int {
	place, known := at[text]
	if !known {
		place = len(s.texts)
		at[text] = place
		s.texts = append(s.texts, encode.Item{Text: &text})
	}
	return place
}

func (s *relating) needs() []need {
	return []need{{source: s.source, items: s.texts, truncate: s.request.Truncate}}
}

func (s *relating) answer(_ context.Context, read []gathered) (Answer, error) {
	rows := make([]vectorOf, len(s.texts))
	for i := range rows {
		rows[i] = s.rule.vector(&read[0].readings[i])
	}
	results := make([]Result, len(s.pairs))
	for i := range results {
		if one := &s.pairs[i]; one.refused != nil {
			results[i].Err = failure.Of(one.refused)
		} else {
			results[i] = s.rule.result(&rows[one.prompt], &rows[one.response])
		}
	}
	answer := Answer{Transforms: s.rule.transforms(), Activation: activationNone}
	if s.request.Question == Score {
		answer.Results = results
		return answer, nil
	}
	answer.tell(s.request, &scored{func(r *Result) float64 { return r.Score }, results})
	return answer, nil
}

// result is the relevance of two texts' vectors. Its tokens are those of both.
func (e *relevance) result(prompt, response *vectorOf) Result {
	switch {
	case prompt.err != nil:
		return Result{Err: prompt.err.Within("prompt")}
	case response.err != nil:
		return Result{Err: response.err.Within("response")}
	}
	near, err := vectors.Dot(prompt.vector, response.vector), error(nil)
	if e.of.Embedding.Cosine() {
		near, err = vectors.Cosine(prompt.vector, response.vector)
	}
	if err != nil || !ops.Finite(near) {
		return Result{Err: failure.New(fault.CodeNotFinite, "the %s of prompt and response is not a number (%g): %v", e.of.Embedding.Similarity, near, err)}
	}
	return Result{Score: near, Raw: ops.Some(near), Tokens: prompt.tokens.plus(response.tokens)}
}

// vectorOf is the vector of a text, or why it has none.
type vectorOf struct {
	err    *failure.Error
	vector []float64
	tokens Tokens
}

func (e *relevance) vector(reading *models.Reading) vectorOf {
	rows, err := widen(reading, e.of.Graph.Labels)
	if err != nil {
		return vectorOf{err: err}
	}
	return vectorOf{vector: rows[len(rows)-1], tokens: tokensOf(reading)}
}

// tokensOfText are the vectors of a text's tokens, or why it has none.
type tokensOfText struct {
	err    *failure.Error
	tokens vectors.Tokens
}

// tokens are the rows of a reading of every token. What the tokenizer puts around a text stands aside wherever it is,
// as [CLS] and [SEP] do in bert_score.
func (e *relevance) tokens(reading *models.Reading) tokensOfText {
	rows, err := widen(reading, e.of.Graph.Labels)
	if err != nil {
		return tokensOfText{err: err}
	}
	if len(reading.IDs) != len(rows) {
		return tokensOfText{err: failure.New(failure.CodeInternal, "the model gave %d rows of %d tokens", len(rows), len(reading.IDs))}
	}
	before, after := e.of.Tokenizer.Around()
	aside := make([]bool, len(rows))
	for i, id := range reading.IDs {
		aside[i] = slices.Contains(before, id) || slices.Contains(after, id)
	}
	return tokensOfText{tokens: vectors.Tokens{Rows: rows, Aside: aside}}
}

// sides are the two texts of an item: what is asked, and what answers it. Of a conversation the last turn answers the
// contents of those before it, which stand on lines of their own.
func sides(item *encode.Item) (prompt, response string, err error) {
	for _, field := range []struct {
		given bool
		name  string
	}{
		{item.Text != nil, "text"},
		{item.InputIDs != nil, "input_ids"},
		{item.Features != nil, "features"},
		{item.Steps != nil, "steps"},
		{item.Separator != nil, "separator"},
		{item.Reference != nil, "reference"},
		{item.Principle != nil, "principle"},
		{item.User != nil, "user"},
		{item.Candidates != nil, "candidates"},
	} {
		if field.given {
			return "", "", fault.New(fault.CodeItem, "%s: a relevance is of a prompt and a response, and nothing else stands beside them", field.name)
		}
	}
	before := item.Messages
	switch n := len(before); {
	case item.Prompt != nil && n > 0:
		return "", "", fault.New(fault.CodeItem, "the item has prompt and messages, and must have one of them")
	case item.Response != nil:
		response = *item.Response
	case item.Prompt != nil:
		return "", "", fault.New(fault.CodeItem, "prompt needs response beside it")
	case n < 2:
		return "", "", fault.New(fault.CodeItem, "a relevance is of a prompt and a response: messages has %d turns, and needs two or more", n)
	default:
		before, response = before[:n-1], before[n-1].Content
	}
	if item.Prompt != nil {
		return *item.Prompt, response, nil
	}
	if len(before) == 0 {
		return "", "", fault.New(fault.CodeItem, "response needs prompt or messages beside it")
	}
	contents := make([]string, len(before))
	for i := range before {
		contents[i] = before[i].Content
	}
	return strings.Join(contents, "\n"), response, nil
}
