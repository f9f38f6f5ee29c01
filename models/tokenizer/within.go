package tokenizer

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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
// tokens, and with ctx's error soon after that has ended. A stretch that cannot be cut and is longer than [MostAtOnce] is a
// [*StretchError].
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

// MostBytes is how long a text of so many tokens can be, in bytes: as often as many tokens the longest of the vocabulary,
// and a generous multiple of that where the tokenizer takes some of a text away before it looks tokens up. A longer text has
// more tokens, which need not be counted to say so.
func (t *Tokenizer) MostBytes(tokens int) int {
	const most = 1 << 40 // no text is as long
	if tokens >= most/(t.longest*t.shrinks) {
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

// shrinking is by how much a tokenizer may shorten a text before it looks tokens up: 1 where every byte is in some token;
// 4 where characters are composed (NFC makes 3 bytes of 9 at most); 16 where white space, accents or unknown characters may
// go, or any long word becomes one unknown token.
func shrinking(parts map[string]json.RawMessage) int {
	normalizer, ok := readPart(parts["normalizer"])
	if !ok || !strings.Contains(string(parts["pre_tokenizer"]), `"ByteLevel"`) {
		return 16
	}
	switch {
	case normalizer == nil:
		return 1
	case normalizer.Type == "NFC":
		return 4
	}
	return 16
}
