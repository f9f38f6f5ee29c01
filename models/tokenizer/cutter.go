package tokenizer

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// addedToken is an entry of added_tokens.
type addedToken struct {
	ID         uint32 `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`

	ids []uint32 // its own alone
}

// whole tells whether a text with the token is encoded as a whole: what stands before the token decides whether it is
// one, or is taken into it.
func (a *addedToken) whole() bool { return a.SingleWord || a.LStrip }

// cutter cuts a text at the added tokens that the library finds: from left to right, the longest first. What stands
// between two of them, a piece, is normalized, split into words and looked up without regard to the rest of the text. A
// piece may be cut further where its words are known not to change.
type cutter struct {
	tokens  map[string]*addedToken // by content
	lengths [256][]int             // of the tokens, by their first byte, the longest first
	first   int                    // the only first byte there is; else -1
	words   bool                   // a piece may be cut between words
	least   int                    // bytes that are cut off then
}

// newCutter gives nil unless every part of the tokenizer is known to take each piece on its own. encode gives the ids
// of a text.
func newCutter(parts map[string]json.RawMessage, added []addedToken, encode func(text string) []uint32) *cutter {
	if !independent(parts) {
		return nil
	}
	c := &cutter{tokens: map[string]*addedToken{}, first: -1, words: separable(parts), least: chunkBytes}
	strips, spaced, firsts := false, false, 0
	contents, declared, ids := map[string]bool{}, map[uint32]bool{}, map[uint32]bool{}
	for _, token := range added {
		if contents[token.Content] || declared[token.ID] { // the library keeps what it is told last
			return nil
		}
		contents[token.Content], declared[token.ID] = true, true
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
		if len(c.lengths[c.first]) == 0 {
			firsts++
		}
		c.tokens[token.Content] = &token
		c.lengths[c.first] = append(c.lengths[c.first], len(token.Content))
	}
	if strips && spaced { // one token's white space could be another
		return nil
	}
	if firsts != 1 {
		c.first = -1
	}
	for i, lengths := range c.lengths {
		slices.SortFunc(lengths, func(a, b int) int { return b - a })
		c.lengths[i] = slices.Compact(lengths)
	}
	return c
}

// cut gives the piece that leads the text, the added token behind it and the text behind that; the token is nil where
// the text ends.
func (c *cutter) cut(text string) (piece string, token *addedToken, rest string) {
	for at := 0; at < len(text); at++ {
		if c.first >= 0 {
			next := strings.IndexByte(text[at:], byte(c.first))
			if next < 0 {
				break
			}
			at += next
		}
		for _, length := range c.lengths[text[at]] {
			if at+length > len(text) {
				continue
			}
			if token := c.tokens[text[at:at+length]]; token != nil {
				rest := text[at+length:]
				if token.RStrip {
					rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
				}
				return text[:at], token, rest
			}
		}
	}
	return text, nil, ""
}

// chunkBytes is the least that is cut off a longer piece: with more, more would be encoded again when a piece grows,
// and with less, more entries remembered.
const chunkBytes = 256

// chunk cuts a piece at the first place between words that is far enough from its start, so that the cuts of a piece
// stay where they are when it grows. Such a place is between an ASCII letter or digit and a space; see separable.
func (c *cutter) chunk(piece string) (chunk, rest string) {
	for at := c.least; c.words && at < len(piece); at++ {
		if before := piece[at-1]; piece[at] == ' ' && (letter(before) || digit(before)) {
			return piece[:at], piece[at:]
		}
	}
	return piece, ""
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
