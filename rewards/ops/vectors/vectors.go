// Package vectors compares the directions of two vectors, or of two lists of them, as embeddings of two texts' tokens.
// Products, lengths and distances are gonum's floats.
//
// The two have one length, which whoever calls has checked; of vectors of other lengths the functions panic.
package vectors

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/floats"
)

// Cosine is the cosine of the angle between a and b; a vector of length 0 has no angle.
func Cosine(a, b []float64) (float64, error) {
	la, lb := floats.Norm(a, 2), floats.Norm(b, 2)
	if la == 0 || lb == 0 {
		return 0, errors.New("a vector of length 0 has no angle to another one")
	}
	sum := 0.0
	for i, x := range a {
		sum += (x / la) * (b[i] / lb)
	}
	return min(max(sum, -1), 1), nil
}

// Dot is the sum of the products of a's and b's numbers.
func Dot(a, b []float64) float64 { return floats.Dot(a, b) }

// Distance is the length of a - b.
func Distance(a, b []float64) float64 { return floats.Distance(a, b, 2) }

// Match is how well two lists of token embeddings cover each other: every candidate's token counts by its greatest
// cosine to a reference's token (precision), and the other way round (recall).
type Match struct {
	Precision, Recall, F1 float64
}

// Tokens are the vectors of a text's tokens, all of one length, in their order.
type Tokens struct {
	Rows  [][]float64
	Aside []bool // of each row: it may be matched, and counts in no mean, as a special token; nil: none is
}

// units are the rows at length 1.
func (t *Tokens) units() ([][]float64, error) {
	units := make([][]float64, len(t.Rows))
	for i, row := range t.Rows {
		length := floats.Norm(row, 2)
		if length == 0 {
			return nil, fmt.Errorf("token %d has a vector of length 0, which has no angle to another one", i)
		}
		units[i] = floats.ScaleTo(make([]float64, len(row)), 1/length, row)
	}
	return units, nil
}

// mean is that of a number of each token, of those that are not aside.
func (t *Tokens) mean(of []float64) (float64, error) {
	sum, n := 0.0, 0
	for i, x := range of {
		if t.Aside == nil || !t.Aside[i] {
			sum, n = sum+x, n+1
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("of %d tokens of one side none counts", len(of))
	}
	return sum / float64(n), nil
}

// Greedy matches the tokens of a candidate and of a reference. (Zhang et al., "BERTScore: Evaluating Text Generation
// with BERT", 2020, without importance weights and without the rescaling by a baseline. As in its published code, a
// token may be matched to a special one of the other side, and special ones count in neither mean.) Each side must have
// a token that counts. F1 is 0 where precision and recall sum up to 0.
func Greedy(candidate, reference Tokens) (Match, error) {
	left, err := candidate.units()
	right, err2 := reference.units()
	if err := errors.Join(err, err2); err != nil {
		return Match{}, err
	}
	best := [2][]float64{make([]float64, len(left)), make([]float64, len(right))}
	for _, side := range best {
		for i := range side {
			side[i] = -1
		}
	}
	for i, a := range left {
		for j, b := range right {
			c := min(max(floats.Dot(a, b), -1), 1)
			best[0][i], best[1][j] = max(best[0][i], c), max(best[1][j], c)
		}
	}
	var m Match
	m.Precision, err = candidate.mean(best[0])
	m.Recall, err2 = reference.mean(best[1])
	if err := errors.Join(err, err2); err != nil {
		return Match{}, err
	}
	if sum := m.Precision + m.Recall; sum != 0 {
		m.F1 = 2 * m.Precision * m.Recall / sum
	}
	return m, nil
}
