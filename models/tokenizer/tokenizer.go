// Package tokenizer turns text into token ids with Hugging Face's own tokenizers library.
//
// It links libtokenizers.a from .runtime/lib of the checkout, where `make runtime` puts it.
package tokenizer

// #cgo LDFLAGS: -L${SRCDIR}/../../.runtime/lib
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/daulet/tokenizers"
)

// Tokenizer encodes and decodes text. It is safe for concurrent use; its native memory goes when it is unreachable.
type Tokenizer struct {
	inner  *tokenizers.Tokenizer
	added  map[string]bool
	cutter *cutter // nil where texts are encoded whole
	memo   *memo

	longest int // bytes of the longest token
	shrinks int // by how much a text may become shorter before tokens are looked up; 0: nothing bounds it
}

// New reads the content of a tokenizer.json; a field that the library does not know is an error that names it. What the
// file says of truncation and padding is left out of use, since both would change a sequence without a word.
func New(data []byte) (*Tokenizer, error) {
	var parts map[string]json.RawMessage
	if err := checkNesting(data); err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	var added []addedToken
	if list, ok := parts["added_tokens"]; ok {
		if err := json.Unmarshal(list, &added); err != nil {
			return nil, fmt.Errorf("read tokenizer: added_tokens: %w", err)
		}
	}
	for _, err := range []error{
		checkFields(data, ""), checkDropout(parts["model"]), checkAdded(added), checkGrowth(parts["normalizer"]), checkRegexes(parts["pre_tokenizer"]),
	} {
		if err != nil {
			return nil, fmt.Errorf("read tokenizer: %w", err)
		}
	}
	parts["truncation"], parts["padding"] = json.RawMessage("null"), json.RawMessage("null")
	data, err := json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	inner, err := tokenizers.FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	t := &Tokenizer{inner: inner, added: make(map[string]bool, len(added))}
	for _, token := range added {
		t.added[token.Content] = true
	}
	if t.longest, err = longestToken(parts["model"], added); err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	t.shrinks = shrinking(parts, added)
	t.memo = newMemo(memoBytes, t.whole)
	t.cutter = newCutter(parts, added, t.whole)
	runtime.AddCleanup(t, func(inner *tokenizers.Tokenizer) { _ = inner.Close() }, inner)
	return t, nil
}

// Text that the library cannot take, since it passes as a C string.
var (
	ErrNUL  = errors.New("the text has a NUL character")
	ErrUTF8 = errors.New("the text is not valid UTF-8")
)

// Encode gives the ids of text. Special tokens written in the text become their ids; none is added. What stands between
// added tokens is remembered, where the tokenizer encodes it without regard to the rest; the ids are those of the whole
// text in any case. The errors are [ErrNUL], [ErrUTF8] and a [*StretchError].
func (t *Tokenizer) Encode(text string) ([]int64, error) {
	return t.EncodeWithin(context.Background(), text, math.MaxInt)
}

// pieces appends the ids of each piece and each added token of text; it is false for a text that must be encoded whole.
func (t *Tokenizer) pieces(ctx context.Context, parts [][]uint32, text string, most int) ([][]uint32, bool, error) {
	if t.cutter == nil {
		return parts, false, ctx.Err()
	}
	for tokens := 0; text != ""; {
		piece, token, rest := t.cutter.cut(text)
		for piece != "" {
			var chunk string
			chunk, piece = t.cutter.chunk(piece)
			switch {
			case ctx.Err() != nil:
				return parts, false, ctx.Err()
			case tokens > most:
				return parts, false, &MoreError{tokens}
			case len(chunk) > MostAtOnce:
				return parts, false, &StretchError{len(chunk)}
			}
			ids := t.memo.ids(chunk)
			if len(ids) == 0 { // it may be an error of the library, which would then give no ids of the whole text
				return parts, false, nil
			}
			parts, tokens = append(parts, ids), tokens+len(ids)
		}
		switch {
		case token == nil:
			return parts, true, nil
		case token.whole():
			return parts, false, nil
		}
		parts, text, tokens = append(parts, token.ids), rest, tokens+1
	}
	return parts, true, nil
}

// whole gives the ids of a text that passes check.
func (t *Tokenizer) whole(text string) []uint32 {
	defer runtime.KeepAlive(t)
	return t.inner.EncodeWithOptions(text, false).IDs
}

// EncodeEnds is [Tokenizer.Encode] that also tells where each token ends in the text, in bytes.
func (t *Tokenizer) EncodeEnds(text string) (ids []int64, ends []int, err error) {
	ids, places, err := t.EncodePlaces(text)
	if err != nil {
		return nil, nil, err
	}
	ends = make([]int, len(places))
	for i, place := range places {
		ends[i] = place[1]
	}
	return ids, ends, nil
}

// check refuses text that cannot pass.
func check(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return ErrNUL
	}
	if !utf8.ValidString(text) {
		return ErrUTF8
	}
	return nil
}

// widen puts the parts of a text together, with room for the end that a policy may add.
func widen(parts ...[]uint32) []int64 {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	ids := make([]int64, 0, n+1)
	for _, part := range parts {
		for _, id := range part {
			ids = append(ids, int64(id))
		}
	}
	return ids
}

// Decode gives the text of ids, special tokens included.
func (t *Tokenizer) Decode(ids ...int64) string { return t.decode(ids, false) }

// DecodePlain gives the text of ids without special tokens.
func (t *Tokenizer) DecodePlain(ids ...int64) string { return t.decode(ids, true) }

func (t *Tokenizer) decode(ids []int64, plain bool) string {
	short := make([]uint32, len(ids))
	for i, id := range ids {
		short[i] = uint32(id)
	}
	defer runtime.KeepAlive(t)
	return t.inner.Decode(short, plain)
}

// Added tells whether text is a token that was added to the vocabulary, which is found in any text before the rest is
// cut.
func (t *Tokenizer) Added(text string) bool { return t.added[text] }

// VocabSize is the number of tokens, added ones included.
func (t *Tokenizer) VocabSize() int64 {
	defer runtime.KeepAlive(t)
	return int64(t.inner.VocabSize())
}
