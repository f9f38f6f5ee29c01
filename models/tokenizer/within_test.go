package tokenizer

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestWithinIsEncodeOrMore: a bound changes no ids, it only refuses what has more.
func TestWithinIsEncodeOrMore(t *testing.T) {
	tokens := fixture(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.StringN(0, 400, 2000).Draw(t, "text"), "\x00", "")
		want, err := tokens.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		most := rapid.IntRange(0, 500).Draw(t, "most")
		got, err := tokens.EncodeWithin(t.Context(), text, most)
		var more *MoreError
		switch {
		case len(want) <= most && (err != nil || !slices.Equal(got, want)):
			t.Fatalf("at most %d: %v, %v; want %v", most, got, err, want)
		case len(want) > most && (!errors.As(err, &more) || more.Tokens <= most || more.Tokens > len(want)):
			t.Fatalf("%d tokens, at most %d: %v", len(want), most, err)
		}
	})
}

// given counts the bytes that the library is given.
func given(tokens *Tokenizer) *int {
	bytes := new(int)
	tokens.memo = newMemo(memoBytes, func(piece string) []uint32 {
		*bytes += len(piece)
		return tokens.whole(piece)
	})
	return bytes
}

// TestALongTextIsNotTokenizedWhole: what cannot succeed costs what its limit costs, not what was sent; and so does a
// text whose asker has left.
func TestALongTextIsNotTokenizedWhole(t *testing.T) {
	tokens := fixture(t, nil)
	words := make([]string, 1<<17)
	for i := range words {
		words[i] = "word" + strings.Repeat("abcdefgh"[i%8:i%8+1], 1+i/8%20)
	}
	text := strings.Join(words, " ") // about 2 MiB
	bytes := given(tokens)
	var more *MoreError
	if _, err := tokens.EncodeWithin(t.Context(), text, 1000); !errors.As(err, &more) || *bytes > len(text)/20 {
		t.Errorf("at most 1000 tokens of %d bytes: %v after %d bytes", len(text), err, *bytes)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	*bytes = 0
	if _, err := tokens.EncodeWithin(gone, text, len(text)); !errors.Is(err, context.Canceled) || *bytes > 0 {
		t.Errorf("nobody waits: %v after %d bytes", err, *bytes)
	}
}

// TestNoStretchIsTooLong: the library, whose memory and time for a call nobody can bound, is never given more than so
// much at once.
func TestNoStretchIsTooLong(t *testing.T) {
	tokens := fixture(t, nil)
	whole := fixture(t, nil)
	whole.cutter = nil
	long := strings.Repeat("a", MostAtOnce+1)
	for _, test := range []struct {
		name   string
		tokens *Tokenizer
		text   string
	}{
		{"one word", tokens, long},
		{"a text that is not cut", whole, strings.Repeat("word ", MostAtOnce/5+1)},
	} {
		var stretch *StretchError
		if _, err := test.tokens.Encode(test.text); !errors.As(err, &stretch) || stretch.Bytes <= MostAtOnce {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, _, err := test.tokens.EncodeEnds(test.text); !errors.As(err, &stretch) {
			t.Errorf("%s, with ends: %v", test.name, err)
		}
	}
}

// TestNoTextIsLongerThanMostBytes: what is refused by its length has too many tokens, under every tokenizer that we
// have: also long runs of what a tokenizer may drop, or make one token of.
func TestNoTextIsLongerThanMostBytes(t *testing.T) {
	files, err := filepath.Glob("../testdata/*/*/tokenizer.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	bounded, seen := 0, map[string]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(data)] {
			continue
		}
		seen[string(data)] = true
		tokens, err := New(data)
		if err != nil {
			t.Fatal(file, err)
		}
		if tokens.longest < 2 || tokens.MostBytes(math.MaxInt) != 1<<40 || tokens.MostBytes(1) < leastBound {
			t.Errorf("%s: the longest token has %d bytes", file, tokens.longest)
		}
		if tokens.shrinks > 0 {
			bounded++
		}
		hold := func(text string) {
			ids, err := tokens.Encode(text)
			if err != nil {
				t.Fatal(err)
			}
			if most := tokens.MostBytes(len(ids)); len(text) > max(most, leastBound) {
				t.Errorf("%s: %d bytes have %d tokens, and so many are said to have %d at most", file, len(text), len(ids), most)
			}
		}
		for _, run := range []string{"a", " ", "\n", "\t \n", "0", "é", "日", "🙂", "\u200b", "e\u0301", "\u1112\u1161\u11ab"} {
			hold(strings.Repeat(run, 6_000/len(run)))
		}
		rapid.Check(t, func(t *rapid.T) {
			hold(strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", ""))
		})
	}
	if bounded == 0 {
		t.Error("no tokenizer bounds the length of a text")
	}
}
