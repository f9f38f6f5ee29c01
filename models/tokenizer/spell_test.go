package tokenizer

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestSpelledTextsArePutTogetherWhatIsDecoded: whatever the tokenizer makes of spaces and bytes, the texts of all
// tokens are the text that it decodes, from any token on that begins a character, and each is whole characters.
func TestSpelledTextsArePutTogetherWhatIsDecoded(t *testing.T) {
	for name, file := range map[string]string{
		"bytes":    "../testdata/bundles/qwen3-reward-packed/tokenizer.json",
		"pieces":   "../testdata/families/density-ratio/tokenizer.json",
		"embedded": "../builtin/arith-rm/tokenizer.json",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := New(data)
			if err != nil {
				t.Fatal(err)
			}
			some := rapid.SampledFrom([]string{"12", " + ", "Hello", " world", "\n", "é", "日本", "🙂", "\uFFFD", "<|im_end|>", "</s>", "<s>", "  ", ".", "\t"})
			rapid.Check(t, func(t *rapid.T) {
				text := strings.Join(rapid.SliceOfN(some, 1, 12).Draw(t, "parts"), "")
				ids, err := tokens.Encode(text)
				if err != nil {
					t.Fatal(err)
				}
				want := tokens.Decode(ids...)
				for from := range ids {
					before := tokens.Decode(ids[:from]...)
					if !strings.HasPrefix(want, before) || strings.HasSuffix(before, replacement) {
						continue // the token may be inside a character
					}
					texts := tokens.Spell(ids, from)
					if len(texts) != len(ids)-from {
						t.Fatalf("%d texts of %d tokens", len(texts), len(ids)-from)
					}
					if got := strings.Join(texts, ""); got != want[len(before):] {
						t.Fatalf("%q from token %d on: %q, want %q: %q", text, from, got, want[len(before):], texts)
					}
					for _, one := range texts {
						if !utf8.ValidString(one) {
							t.Fatalf("%q is no text", one)
						}
					}
				}
			})
		})
	}
}

// TestACharacterOfSeveralTokensIsTheLastOnes: what a client sees of a flag's bytes.
func TestACharacterOfSeveralTokensIsTheLastOnes(t *testing.T) {
	tokens := fixture(t, nil)
	ids, err := tokens.Encode("4🙂2")
	if err != nil {
		t.Fatal(err)
	}
	texts := tokens.Spell(ids, 0)
	if len(texts) != 6 || texts[0] != "4" || texts[4] != "🙂" || strings.Join(texts[1:4], "") != "" || texts[5] != "2" {
		t.Errorf("%q", texts)
	}
}
