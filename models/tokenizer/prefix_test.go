package tokenizer

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAPrefixIsTokenizedOnce: of a prefix, only what a text behind it may change is tokenized again with each.
func TestAPrefixIsTokenizedOnce(t *testing.T) {
	tokens := fixture(t, func(map[string]any) {})
	pieces := 0
	tokens.memo = newMemo(0, func(piece string) []uint32 { // which remembers nothing
		pieces++
		return tokens.whole(piece)
	})
	text := strings.Repeat("<|im_start|>user\nwhat is this?<|im_end|>\n", 50) + "<|im_start|>assistant\n"
	prefix, err := tokens.NewPrefix(t.Context(), text)
	if err != nil || pieces < 90 {
		t.Fatalf("%d pieces of the prefix, %v", pieces, err)
	}
	for i := range 20 {
		pieces = 0
		behind := strconv.Itoa(i)
		ids, err := prefix.Encode(t.Context(), behind)
		if want := widen(tokens.whole(text + behind)); err != nil || !slices.Equal(ids, want) {
			t.Fatalf("%v, %v; want %v", ids, err, want)
		}
		if pieces > 4 {
			t.Errorf("%d pieces are tokenized with %q", pieces, behind)
		}
	}
}

// TestWhatNoPrefixTakes: text that cannot pass is refused on either side.
func TestWhatNoPrefixTakes(t *testing.T) {
	tokens := fixture(t, func(map[string]any) {})
	if _, err := tokens.NewPrefix(t.Context(), "a\x00"); !errors.Is(err, ErrNUL) {
		t.Error(err)
	}
	prefix, err := tokens.NewPrefix(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prefix.Encode(t.Context(), "\xff"); !errors.Is(err, ErrUTF8) {
		t.Error(err)
	}
}
