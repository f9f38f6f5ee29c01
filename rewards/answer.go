package rewards

import (
	"iter"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/ranking"
	"github.com/assay-rm/assay/rewards/tokenwise"
)

// Answer is what a [Request] is answered with. There is one result for each item, response or pair, in the request's
// order; which of the lists has them follows from the question.
type Answer struct {
	Question   Question
	Model      string // that answered
	Digest     string // sha256 of its bundle's files; of a recipe, of its file and of the bundles of its models
	Revision   int    // 1 for what was served under its name first, and one more with each model that took a place since
	MaxTokens  int    // of an item, that the model accepts
	Usage      Usage
	Transforms []string  // what was applied between raw and score, in order
	Activation string    // score and rank: the one that was asked for
	Threshold  ops.Maybe // steps: that FirstError went by; missing: there is none, and no FirstError

	Results    []Result             // score: of items; rank and compare: of responses
	Ranking    []int                // rank: indices of responses, the best first; those that failed have no place
	Preference ops.Matrix           // compare: how surely response i is preferred to response j; 0.5 on the diagonal
	WinRates   []ops.Maybe          // compare: the mean of each row without the diagonal
	Pairs      []PairResult         // pairs
	Values     []map[string]float64 // of a recipe of groups: of each group its values that are numbers
	Selection  ranking.Selection    // rank: what the strategy selects
	Strategy   ranking.Strategy     // rank: the one that selected
	Statistics *ranking.Statistics  // rank and compare: of the scores, where they were asked for
	Aggregates []ranking.Aggregated // compare: those that were asked for, in that order
	Steps      []StepsResult        // steps
	Choices    []ChoiceResult       // choose
	Vectors    []vectorResult       // embeddings
	Logprobs   []tokenwise.Result   // logprobs
	Tokenized  []tokenizedItem      // tokenize

	Own bool // a recipe gave it that the request brought, under a name of its choice

	by *models.Info // the model; nil of a recipe
}

// Usage is what a request took.
type Usage struct {
	Items    int           // sequences read: one for each item, two for a pair, N·(N − 1) for N responses under a pair model
	Tokens   int           // of these sequences
	Computed int           // tokens computed for them: what they share counts once, and what was cached not at all
	Encode   time.Duration // longest way of a model's items from text to ids
	Queue    time.Duration // longest wait of an item for its run
	Run      time.Duration // longest run of an item
	Total    time.Duration // from the request to its answer
}

// Tokens counts the tokens of an item that has a result; all are 0 where the result is of no sequence of its own.
type Tokens struct {
	Tokens    int // read
	Shared    int // leading ones computed once together with other items
	Cached    int // leading ones taken from the cache
	Truncated int // cut away
}

// Result is the score of an item or a response, or why it has none.
type Result struct {
	Err      *failure.Error
	Score    float64              // raw after the transforms; the win rate under a model that compares
	Raw      ops.Maybe            // the value before activations, mean and std; missing under a model that compares
	Scores   map[string]float64   // score of each label, where the model has several
	Logits   map[string]float64   // raw output of each label, where the model has several
	Gradient map[string]float64   // the derivative of Score by each feature, where the request asks for it
	Parts    []Part               // of a recipe: its readings, in its order, those that failed among them
	Values   map[string]float64   // of a recipe: its values that are numbers
	Vectors  map[string][]float64 // of a recipe: its values that are vectors
	Tokens
}

// Part is what one reading of a recipe gave of an item, or why there is nothing.
type Part struct {
	Name   string // of the reading
	Model  string
	Digest string
	Err    *failure.Error
	Score  ops.Maybe // of a reading that gives one
	Raw    ops.Maybe
	Scores map[string]float64 // of a reading of labels: each label's
	Steps  []float64          // of a reading of steps: each step's; of several inputs: each one's; of logprobs: each token's
	Tokens
}

// PairResult is how surely the first response of a pair is preferred, or why that is not known.
type PairResult struct {
	Err         *failure.Error // led by chosen or rejected, where one of them has failed
	Probability float64
	Margin      float64 // log-odds of the probability
	Chosen      *Result // nil, as is Rejected, under a model that gives no score
	Rejected    *Result
}

// StepsResult is the steps of an item, or why they have no scores.
type StepsResult struct {
	Err        *failure.Error
	Steps      []Step
	Min        float64 // of the steps that have a score, as the others below
	Mean       float64
	Last       float64
	Product    ops.Maybe // missing where it overflows
	Threshold  ops.Maybe // as the answer's
	FirstError int       // the first step below the threshold; -1: there is none, or no threshold
	Tokens
}

// Step is one step of an item. A later step never changes an earlier one.
type Step struct {
	Score  ops.Maybe          // missing of a step that the model does not score, as is Raw
	Raw    ops.Maybe          // the output for the label that means right, or the sum over several
	Logits map[string]float64 // raw output of each label, where the model has several
	Token  int                // where the step is read
	End    int                // where the step ends in the response, in characters; -1: the item does not tell
}

// tokenizedItem is an item as the model sees it, or why it cannot be seen.
type tokenizedItem struct {
	Err *failure.Error
	encode.Encoded
}

// Items counts the results, of items, of responses, or of pairs, and how many of them have an error.
func (a *Answer) Items() (asked, failed int) {
	for err := range a.Errors() {
		if asked++; err != nil {
			failed++
		}
	}
	return asked, failed
}

// Errors gives the error of every result in order, nil where there is none.
func (a *Answer) Errors() iter.Seq[*failure.Error] {
	return func(yield func(*failure.Error) bool) {
		_ = each(a.Results, func(r *Result) bool { return yield(r.Err) }) &&
			each(a.Pairs, func(r *PairResult) bool { return yield(r.Err) }) &&
			each(a.Steps, func(r *StepsResult) bool { return yield(r.Err) }) &&
			each(a.Choices, func(r *ChoiceResult) bool { return yield(r.Err) }) &&
			each(a.Vectors, func(r *vectorResult) bool { return yield(r.Err) }) &&
			each(a.Logprobs, func(r *tokenwise.Result) bool { return yield(r.Err) }) &&
			each(a.Tokenized, func(r *tokenizedItem) bool { return yield(r.Err) })
	}
}

// each calls f with every value until it wants no more, and tells whether it wanted all.
func each[T any](values []T, f func(*T) bool) bool {
	for i := range values {
		if !f(&values[i]) {
			return false
		}
	}
	return true
}
