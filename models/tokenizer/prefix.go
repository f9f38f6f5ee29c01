package tokenizer

import (
	"context"
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Prefix is a text that is tokenized again and again with other texts behind it, as a prompt is with each candidate. As
// much of it as no text behind it can change is tokenized once. It is safe for concurrent use.
type Prefix struct {
	t    *Tokenizer
	text string
	ids  [][]uint32 // of the text up to rest
	rest string     // what is tokenized together with the text behind it; all of the text, where nothing is settled
}

// NewPrefix tokenizes what is settled of a text. Its errors are those of [Tokenizer.EncodeWithin].
func (t *Tokenizer) NewPrefix(ctx context.Context, text string) (*Prefix, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	p := &Prefix{t: t, text: text, rest: text}
	settled := t.cutter.settled(text)
	ids, ok, err := t.pieces(ctx, nil, text[:settled], math.MaxInt)
	if ok {
		p.ids, p.rest = ids, text[settled:]
	}
	return p, err
}

// Encode gives the ids of the prefix with a text behind it, as [Tokenizer.Encode] gives them of both together.
func (p *Prefix) Encode(ctx context.Context, behind string) ([]int64, error) {
	if err := check(behind); err != nil {
		return nil, err
	}
	if len(p.ids) == 0 {
		return p.t.EncodeWithin(ctx, p.text+behind, math.MaxInt)
	}
	parts, ok, err := p.t.pieces(ctx, slices.Clip(p.ids), p.rest+behind, math.MaxInt)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return p.t.EncodeWithin(ctx, p.text+behind, math.MaxInt)
	}
	return widen(parts...), nil
}

// MostBytes is [Tokenizer.MostBytes].
func (p *Prefix) MostBytes(tokens int) int { return p.t.MostBytes(tokens) }

// settled is how many bytes of a text end with an added token that is found there whatever stands behind the text: none
// that is longer could begin in it and end behind it, and the white space that the token takes in ends in it.
func (c *cutter) settled(text string) (bytes int) {
	if c == nil {
		return 0
	}
	for rest := text; ; {
		piece, token, behind := c.cut(rest)
		begins := len(text) - len(rest) + len(piece)
		if token == nil || token.whole() || begins+c.longest() > len(text) {
			return bytes
		}
		rest = behind
		if r, _ := utf8.DecodeRuneInString(rest); !token.RStrip || rest != "" && !unicode.IsSpace(r) {
			bytes = len(text) - len(rest)
		}
	}
}

// longest is the length of the longest added token.
func (c *cutter) longest() int {
	most := 0
	for _, lengths := range c.lengths {
		if len(lengths) > 0 {
			most = max(most, lengths[0])
		}
	}
	return most
}
