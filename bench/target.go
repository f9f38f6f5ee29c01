package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
)

// A Target is a server that scores texts: its route, and how the scores of some texts are asked of it in one request.
type Target struct {
	Name      string
	URL       string
	Precision string // that it computes in; empty: float32
	Encode    func(texts []string) ([]byte, error)
	Decode    func(body []byte) ([]Answer, error) // one answer a text, in order
}

// precision that the server computes in.
func (t Target) precision() string { return cmp.Or(t.Precision, inFloat32) }

// Answer is what a server says about one text. Tokens is 0 where its protocol does not tell.
type Answer struct {
	Score  float64
	Tokens int // of the text
	Spared int // leading tokens that were computed together with another text's, or taken from a cache
}

// requests asks for the texts' scores, so many in each request.
func (t Target) requests(texts []string, per int) ([]Request, error) {
	var made []Request
	for len(texts) > 0 {
		n := min(per, len(texts))
		body, err := t.Encode(texts[:n])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		made = append(made, Request{URL: t.URL, Body: body})
		texts = texts[n:]
	}
	return made, nil
}

// answers decodes a pass over the requests of n texts. An answer that cannot be read, or that has other than one finite
// score a text, is an error.
func (t Target) answers(pass Pass, n int) ([]Answer, error) {
	all := make([]Answer, 0, n)
	for i, reply := range pass.Replies {
		got, err := t.Decode(reply.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: request %d: %w", t.Name, i, err)
		}
		all = append(all, got...)
	}
	if len(all) != n {
		return nil, fmt.Errorf("%s: %d answers for %d texts", t.Name, len(all), n)
	}
	for i, a := range all {
		if err := finite(a.Score); err != nil {
			return nil, fmt.Errorf("%s: text %d: %w", t.Name, i, err)
		}
	}
	return all, nil
}

func finite(score float64) error {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return errors.New("score is not finite")
	}
	return nil
}

// tokensOf adds up the answers' tokens.
func tokensOf(answers []Answer) float64 {
	sum := 0
	for _, a := range answers {
		sum += a.Tokens
	}
	return float64(sum)
}

// Checked is what answers amount to beside the padded graph's scores.
type Checked struct {
	Spared int     // tokens shared with another text or cached; 0 where the protocol does not tell
	Wrong  int     // scores further from the padded graph's than the tolerance
	Worst  float64 // the greatest such distance
}

// furthest is the greatest distance of scores from the ones wanted, in units of max(1, |score|).
func furthest(scores, want []float64) float64 {
	most := 0.0
	for i := range want {
		most = max(most, math.Abs(scores[i]-want[i])/max(1, math.Abs(want[i])))
	}
	return most
}

// compare holds answers against the padded graph's scores; a distance is in units of max(1, |score|). An answer that
// counts other tokens than the ideal did is an error: the comparison is void.
func compare(answers []Answer, want []float64, tokens []int, tolerance float64) (Checked, error) {
	var sum Checked
	for i, got := range answers {
		if got.Tokens != 0 && got.Tokens != tokens[i] {
			return sum, fmt.Errorf("text %d: %d tokens, the ideal has %d", i, got.Tokens, tokens[i])
		}
		distance := math.Abs(got.Score-want[i]) / max(1, math.Abs(want[i]))
		sum.Worst = max(sum.Worst, distance)
		sum.Spared += got.Spared
		if distance > tolerance {
			sum.Wrong++
		}
	}
	return sum, nil
}
