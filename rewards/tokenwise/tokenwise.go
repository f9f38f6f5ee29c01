// Package tokenwise is the log-probabilities of a response, token by token, under a language model and its reference.
package tokenwise

import (
	"unicode/utf8"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// Result is what a model says of the tokens of one response, or why it says nothing.
type Result struct {
	Err        *failure.Error
	Tokens     []Token // of the response, and of what the template puts behind it, in order; at least one
	Policy     Total
	Reference  Total // of a model that has one, as Difference
	Difference Total
	Read       Read
}

// Token is one token of a response.
type Token struct {
	ID         int64
	Text       string    // that it adds to the texts before; of a character that several tokens make all is the last one's
	End        int       // where that text ends, in characters from the response's first
	Policy     float64   // log-probability after all tokens before it, natural logarithm
	Reference  ops.Maybe // the same under the reference; missing without one, as Difference
	Difference ops.Maybe // Policy less Reference
}

// Total is what numbers of tokens come to.
type Total struct {
	Sum  float64
	Mean float64 // the sum over the number of tokens
}

// Read counts the tokens of the item, prompt and all.
type Read struct {
	Tokens    int
	Shared    int // leading ones computed once together with other items
	Cached    int // leading ones taken from the cache
	Truncated int // cut away
}

// Of makes the result of rows (tokens, 1), or with a reference (tokens, 2), the ids of the tokens, and their texts.
// There is at least one token, and the numbers are finite. Sums are [ops.LogRatio]'s, so that a model's raw score is
// the same bits.
func Of(rows [][]float64, ids []int64, texts []string) Result {
	tokens, end := make([]Token, len(rows)), 0
	for i, row := range rows {
		end += utf8.RuneCountInString(texts[i])
		tokens[i] = Token{ID: ids[i], Text: texts[i], End: end, Policy: row[0]}
		if len(row) > 1 {
			tokens[i].Reference, tokens[i].Difference = ops.Some(row[1]), ops.Some(row[0]-row[1])
		}
	}
	result := Result{Tokens: tokens, Policy: total(column(rows, 0))}
	if len(rows[0]) > 1 {
		result.Reference, result.Difference = total(column(rows, 1)), total(rows)
	}
	return result
}

// column is one of the columns, as rows of one.
func column(rows [][]float64, at int) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = row[at : at+1]
	}
	return out
}

func total(rows [][]float64) Total { return Total{ops.LogRatio(rows, false), ops.LogRatio(rows, true)} }
