// Package vectors compares the directions of two vectors, or of two lists of them, as embeddings of two texts' tokens.
// Products, lengths and distances are gonum's floats.
//
// The two have one length, which whoever calls has checked; of vectors of other lengths the functions panic.
package vectors

import (
	"errors"
	"fmt"
	"math"

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

// Greedy matches the tokens of a candidate and of a reference. (Zhang et al., "BERTScore: Evaluating Text Generation
// with BERT", 2020, without importance weights and without the rescaling by a baseline.)
func Greedy(candidate, reference [][]float64) (Match, error) {
	if len(candidate) == 0 || len(reference) == 0 {
		return Match{}, fmt.Errorf("there are %d and %d tokens, and must be some of both", len(candidate), len(reference))
	}
	ofReference := make([]float64, len(reference))
	for i := range ofReference {
		ofReference[i] = math.Inf(-1)
	}
	m := Match{}
	for i := range candidate {
		best := math.Inf(-1)
		for j := range reference {
			c, err := Cosine(candidate[i], reference[j])
			if err != nil {
				return Match{}, fmt.Errorf("tokens %d and %d: %w", i, j, err)
			}
			best, ofReference[j] = max(best, c), max(ofReference[j], c)
		}
		m.Precision += best
	}
	for _, best := range ofReference {
		m.Recall += best
	}
	m.Precision /= float64(len(candidate))
	m.Recall /= float64(len(reference))
	if sum := m.Precision + m.Recall; sum != 0 {
		m.F1 = 2 * m.Precision * m.Recall / sum
	}
	return m, nil
}
