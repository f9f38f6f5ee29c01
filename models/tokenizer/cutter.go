package tokenizer

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// addedToken is an entry of added_tokens.
type addedToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`

	ids []uint32 // its own alone
}

// whole tells whether a text with the token is encoded as a whole: what stands before the token decides whether it is one, or is taken
// into it.
func (a *addedToken) whole() bool { return a.SingleWord || a.LStrip }

// cutter cuts a text at the added tokens that the library finds: from left to right, the longest first. What stands between two of
// them, a piece, is normalized, split into words and looked up without regard to the rest of the text. A piece may be cut further
// where its words are known not to change.
type cutter struct {
	tokens [256][]addedToken // by their first byte, the longest first
	first  int               // the only first byte there is; else -1
	words  bool              // a piece may be cut between words
	least  int               // bytes that are cut off then
}

// newCutter gives nil unless every part of the tokenizer is known to take each piece on its own. encode gives the ids of a text.
func newCutter(parts map[string]json.RawMessage, added []addedToken, encode func(text string) []uint32) *cutter {
	if !independent(parts) {
		return nil
	}
	c, ids := &cutter{first: -1, words: separable(parts), least: chunkBytes}, map[uint32]bool{}
	strips, spaced, firsts := false, false, 0
	for _, token := range added {
		if token.Normalized { // it is looked for in a piece once that is normalized
			c.words = false
			continue
		}
		token.ids = encode(token.Content)
		if len(token.ids) != 1 || ids[token.ids[0]] { // the library would take one token for another
			return nil
		}
		ids[token.ids[0]] = true
		strips = strips || token.RStrip
		spaced = spaced || strings.TrimLeftFunc(token.Content, unicode.IsSpace) != token.Content
		c.first = int(token.Content[0])
		if c.tokens[c.first] = append(c.tokens[c.first], token); len(c.tokens[c.first]) == 1 {
			firsts++
		}
	}
	if strips && spaced { // one token's white space could be another
		return nil
	}
	if firsts != 1 {
		c.first = -1
	}
	for _, tokens := range c.tokens {
		slices.SortFunc(tokens, func(a, b addedToken) int { return len(b.Content) - len(a.Content) })
	}
	return c
}

// cut gives the piece that leads the text, the added token behind it and the text behind that; the token is nil where the text ends.
func (c *cutter) cut(text string) (piece string, token *addedToken, rest string) {
	for at := 0; at < len(text); at++ {
		if c.first >= 0 {
			next := strings.IndexByte(text[at:], byte(c.first))
			if next < 0 {
				break
			}
			at += next
		}
		tokens := c.tokens[text[at]]
		for i := range tokens {
			if rest, found := strings.CutPrefix(text[at:], tokens[i].Content); found {
				if tokens[i].RStrip {
					rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
				}
				return text[:at], &tokens[i], rest
			}
		}
	}
	return text, nil, ""
}

// chunkBytes is the least that is cut off a longer piece: with more, more would be encoded again when a piece grows, and with less, more
// entries remembered.
const chunkBytes = 256

// chunk cuts a piece at the first place between words that is far enough from its start, so that the cuts of a piece stay where they
// are when it grows. Such a place is between an ASCII letter and a space; see separable.
func (c *cutter) chunk(piece string) (chunk, rest string) {
	for at := c.least; c.words && at < len(piece); at++ {
		if piece[at] == ' ' && letter(piece[at-1]) {
			return piece[:at], piece[at:]
		}
	}
	return piece, ""
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
