package rewards

import (
	"context"
	"math"
	"slices"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// maxCandidates is the most candidates that one item may have: letters, digits, or the grades of a scale.
const maxCandidates = 256

// ChoiceResult is which of an item's candidates follows its prompt, or why that is not known.
type ChoiceResult struct {
	Err        *failure.Error
	Best       int         // index of the candidate with the largest logit, the first of equal ones
	Candidates []candidate // in the order of the request
	LogSum     float64     // log Σ exp(logit) over the whole vocabulary
	Share      float64     // the candidates' share of the vocabulary's probability
	Tokens                 // of the prompt
}

// candidate is what a model gives one candidate behind a prompt.
type candidate struct {
	Text        string  // empty of one that was given as a token
	ID          int64   // its token
	Logit       float64 // next-token logit
	Probability float64 // softmax of the logits over the item's candidates
}

// choice is how the rows of a choice model become probabilities, which is the same for all of them.
type choice struct{}

func newChoice(*manifest.Manifest) evaluator { return choice{} }

func (choice) transforms() []string { return []string{"softmax over the candidates"} }

func (choice) recipe(source Source, r *Request) (recipe, error) {
	cells := 0
	for i := range r.Items {
		if r.Refused[i] == nil {
			cells += r.choices(i)
		}
	}
	return &choosing{source, r}, withinCells(source.Info(), cells, 3, "candidates") // id, logit and probability
}

// candidates are those of an item: its own, or the request's.
func (r *Request) candidates(item int) []string {
	if own := r.Items[item].Candidates; own != nil {
		return own
	}
	return r.Candidates
}

// choices is how many candidates an item has.
func (r *Request) choices(item int) int {
	if r.Tokens != nil {
		return len(r.Tokens)
	}
	return len(r.candidates(item))
}

// checkTokens proves the tokens that may follow.
func (r *Request) checkTokens() error {
	if n := len(r.Tokens); n == 0 || n > maxCandidates {
		return invalid("tokens: %d are given, and there must be 1 to %d", n, maxCandidates)
	}
	for i, id := range r.Tokens {
		if slices.Contains(r.Tokens[:i], id) {
			return invalid("tokens[%d]: %d is given twice", i, id)
		}
	}
	return nil
}

// checkCandidates proves the candidates of every item.
func (r *Request) checkCandidates() error {
	if r.Tokens != nil {
		return r.checkTokens()
	}
	if wrong := wrongCandidates(r.Candidates); r.Candidates != nil && wrong != nil {
		return wrong
	}
	for i := range r.Items {
		candidates := r.candidates(i)
		if len(candidates) == 0 {
			r.refuse(i, invalid("candidates: neither the item nor the request has any"))
		} else if wrong := wrongCandidates(candidates); wrong != nil {
			r.refuse(i, wrong)
		}
	}
	return nil
}

func wrongCandidates(candidates []string) error {
	if n := len(candidates); n == 0 || n > maxCandidates {
		return invalid("candidates: %d are given, and there must be 1 to %d", n, maxCandidates)
	}
	seen := make(map[string]bool, len(candidates))
	for i, text := range candidates {
		switch {
		case text == "":
			return invalid("candidates[%d]: is empty", i)
		case seen[text]:
			return invalid("candidates[%d]: %q is given twice", i, fault.Short(text))
		}
		seen[text] = true
	}
	return nil
}

// choosing answers a request with the candidates of items. Each candidate is a sequence of its own behind the prompt,
// which is computed once for all of them.
type choosing struct {
	source  Source
	request *Request
}

func (c *choosing) needs() []need {
	r := c.request
	var items []encode.Item
	for i := range r.Items {
		if r.Refused[i] != nil {
			continue
		}
		candidates := r.candidates(i)
		for k := range r.choices(i) {
			item := r.Items[i]
			if item.Candidates = nil; r.Tokens != nil {
				item.CandidateID = &r.Tokens[k]
			} else {
				item.Candidate = &candidates[k]
			}
			items = append(items, item)
		}
	}
	return []need{{source: c.source, items: items, truncate: r.Truncate}}
}

func (c *choosing) answer(_ context.Context, read []gathered) (Answer, error) {
	r, readings, labels := c.request, read[0].readings, c.source.Info().Manifest.Graph.Labels
	choices := make([]ChoiceResult, len(r.Items))
	for i := range choices {
		if why := r.Refused[i]; why != nil {
			choices[i].Err = failure.Of(why)
			continue
		}
		candidates, n := r.candidates(i), r.choices(i)
		if r.Tokens != nil {
			candidates = make([]string, n)
		}
		choices[i] = chosen(labels, candidates, readings[:n])
		readings = readings[n:]
	}
	return Answer{Transforms: choice{}.transforms(), Choices: choices}, nil
}

// chosen makes an item's result of the readings of its candidates: rows of a logit and the vocabulary's log-sum, as the
// labels of every choice model are.
func chosen(labels, candidates []string, readings []models.Reading) ChoiceResult {
	result := ChoiceResult{Candidates: make([]candidate, len(candidates)), Tokens: tokensOf(&readings[0])}
	result.Tokens.Tokens-- // the candidate
	logits, at := make([]float64, len(candidates)), make(map[int64]int, len(candidates))
	for i := range readings {
		rows, err := widen(&readings[i], labels)
		if err != nil {
			return ChoiceResult{Err: err}
		}
		id := readings[i].Candidate
		if before, twice := at[id]; twice {
			return ChoiceResult{Err: failure.New(fault.CodeItem, "candidates: %q and %q are the same token %d behind the prompt",
				fault.Short(candidates[before]), fault.Short(candidates[i]), id)}
		}
		at[id] = i
		logits[i], result.LogSum = rows[0][0], rows[0][1]
		result.Candidates[i] = candidate{Text: candidates[i], ID: id, Logit: logits[i]}
		if logits[i] > logits[result.Best] {
			result.Best = i
		}
	}
	for i, p := range ops.Softmax(logits) {
		result.Candidates[i].Probability = p
		result.Share += math.Exp(logits[i] - result.LogSum)
	}
	result.Share = min(result.Share, 1) // both are rounded
	return result
}
