package tokenizer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// MostAtOnce is the longest stretch of text, in bytes, that the library gets in one call. The library takes up to 350
// bytes of memory for each byte of text, and no call can be ended before it returns. A text is longer where it can be
// cut: at added tokens, and for most tokenizers between words.
const MostAtOnce = 512 << 10

// MoreError is the error of a text that has more tokens than were asked for. Its tokens were not all counted.
type MoreError struct {
	Tokens int // counted so far
}

// Error implements error.
func (e *MoreError) Error() string {
	return fmt.Sprintf("the text has more than %d tokens", e.Tokens-1)
}

// StretchError is the error of a text with a stretch that is longer than [MostAtOnce].
type StretchError struct {
	Bytes int // of the stretch
}

// Error implements error.
func (e *StretchError) Error() string {
	return fmt.Sprintf("%d bytes of the text must be tokenized at once, and %d may be", e.Bytes, MostAtOnce)
}

// EncodeWithin is [Tokenizer.Encode] that gives up early: with a [*MoreError] soon after it has found more than most
// tokens, and with ctx's error soon after that has ended. A stretch that cannot be cut and is longer than [MostAtOnce]
// is a [*StretchError].
func (t *Tokenizer) EncodeWithin(ctx context.Context, text string, most int) ([]int64, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	parts, ok, err := t.pieces(ctx, make([][]uint32, 0, 64), text, most)
	if err != nil {
		return nil, err
	}
	if !ok {
		ids, err := t.atOnce(text)
		if err != nil {
			return nil, err
		}
		parts = append(parts[:0], ids)
	}
	ids := widen(parts...)
	if len(ids) > most {
		return nil, &MoreError{len(ids)}
	}
	return ids, nil
}

// atOnce gives the ids of a stretch that is not cut.
func (t *Tokenizer) atOnce(text string) ([]uint32, error) {
	if len(text) > MostAtOnce {
		return nil, &StretchError{len(text)}
	}
	return t.whole(text), nil
}

// MostBytes is how long a text of so many tokens can be, in bytes, where that is known: as often as many tokens the
// longest of the vocabulary. A longer text has more tokens, which need not be counted to say so. Where a tokenizer may
// drop text, or make one token of any length of it, no length is too long.
func (t *Tokenizer) MostBytes(tokens int) int {
	const most = 1 << 40 // no text is as long
	if t.shrinks == 0 || tokens >= most/(t.longest*t.shrinks) {
		return most
	}
	return max(leastBound, tokens*t.longest*t.shrinks)
}

// leastBound is a length up to which texts are always tokenized: that costs next to nothing.
const leastBound = 1 << 10

// longestToken is the length of the vocabulary's longest token, in bytes. Tokens as the file spells them are never
// shorter than what they stand for: bytes are written as characters, a space as ▁, the middle of a word behind ##.
func longestToken(model json.RawMessage, added []addedToken) (int, error) {
	var vocabulary struct {
		Vocab json.RawMessage `json:"vocab"`
	}
	if err := json.Unmarshal(model, &vocabulary); err != nil {
		return 0, fmt.Errorf("model: %w", err)
	}
	longest := 1
	for _, token := range added {
		longest = max(longest, len(token.Content))
	}
	var ids map[string]uint32
	if json.Unmarshal(vocabulary.Vocab, &ids) == nil {
		for token := range ids {
			longest = max(longest, len(token))
		}
		return longest, nil
	}
	var scored [][2]json.RawMessage // of Unigram: token and score
	if err := json.Unmarshal(vocabulary.Vocab, &scored); err != nil {
		return 0, fmt.Errorf("model.vocab: %w", err)
	}
	for i, entry := range scored {
		var token string
		if err := json.Unmarshal(entry[0], &token); err != nil {
			return 0, fmt.Errorf("model.vocab[%d]: %w", i, err)
		}
		longest = max(longest, len(token))
	}
	return longest, nil
}

// shrinking is by how much a tokenizer may shorten a text before every byte of it is in some token: 1 where it leaves
// the text alone, 4 where it composes characters (NFC makes 3 bytes of 9 at most), and 0 where nothing bounds it: white
// space, accents or unknown characters may go, or any long word become one unknown token.
func shrinking(parts map[string]json.RawMessage, added []addedToken) int {
	normalizer, ok := readPart(parts["normalizer"])
	words, ok2 := readPart(parts["pre_tokenizer"])
	if !ok || !ok2 || words == nil || !words.keepsBytes() || !allBytes(parts["model"]) {
		return 0
	}
	if slices.ContainsFunc(added, func(token addedToken) bool { return token.LStrip || token.RStrip }) { // they take white space in
		return 0
	}
	switch {
	case normalizer == nil:
		return 1
	case normalizer.Type == "NFC":
		return 4
	}
	return 0
}

// keepsBytes tells whether a part splits text into words without losing any of it, and then writes bytes as characters.
func (p *part) keepsBytes() bool {
	if p.Type != "Sequence" {
		return p.Type == "ByteLevel"
	}
	last := len(p.PreTokenizers) - 1
	return last >= 0 && p.PreTokenizers[last].Type == "ByteLevel" && !slices.ContainsFunc(p.PreTokenizers[:last], func(word part) bool {
		return word.Type != "Digits" && (word.Type != "Split" || word.Behavior == "Removed")
	})
}

// allBytes tells whether a model is BPE and its vocabulary has a token for each byte, so that none is unknown. A byte
// is written as a character: itself where it can be seen in Latin-1, and the next from U+0100 on otherwise.
func allBytes(model json.RawMessage) bool {
	var bpe struct {
		Type  string            `json:"type"`
		Vocab map[string]uint32 `json:"vocab"`
	}
	if json.Unmarshal(model, &bpe) != nil || bpe.Type != "BPE" {
		return false
	}
	next := rune(0x100)
	for b := range rune(0x100) {
		character := b
		if visible := b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae; !visible {
			character, next = next, next+1
		}
		if _, ok := bpe.Vocab[string(character)]; !ok {
			return false
		}
	}
	return true
}
