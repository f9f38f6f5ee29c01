package tokenizer

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestIDsAreThoseOfTheWhole: whatever is remembered and wherever a text is cut, its ids are those of the whole text. It
// holds for the tokenizer of every fixture bundle.
func TestIDsAreThoseOfTheWhole(t *testing.T) {
	files, err := filepath.Glob("../testdata/*/*/tokenizer.json")
	if err != nil || len(files) < 90 {
		t.Fatalf("%d tokenizers, %v", len(files), err)
	}
	seen, cut, apart := map[string]bool{}, 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if seen[string(data)] {
			continue
		}
		seen[string(data)] = true
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			tokens, err := New(data)
			if err != nil {
				t.Fatal(err)
			}
			if tokens.cutter != nil {
				cut++
				if tokens.cutter.words {
					apart++
				}
			}
			holdWhole(t, tokens, addedOf(t, data))
		})
	}
	if cut != len(seen)-1 || apart < len(seen)/2 { // one has Metaspace's scheme first
		t.Errorf("of %d tokenizers %d are cut into pieces, %d of them between words", len(seen), cut, apart)
	}
}

// TestWordPatterns: so it is for every pattern that a piece is cut by, behind NFC and without.
func TestWordPatterns(t *testing.T) {
	for _, pattern := range append(slices.Clone(wordPatterns), "") {
		for _, normalizer := range []any{nil, map[string]any{"type": "NFC"}} {
			t.Run(pattern, func(t *testing.T) {
				tokens, added := changedFixture(t, func(fields map[string]any) {
					fields["normalizer"] = normalizer
					addMerges(fields["model"].(map[string]any))
					if bytes := fields["pre_tokenizer"].(map[string]any); pattern != "" {
						bytes["use_regex"] = false
						split := map[string]any{"type": "Split", "pattern": map[string]any{"Regex": pattern}, "behavior": "Isolated", "invert": false}
						fields["pre_tokenizer"] = map[string]any{"type": "Sequence", "pretokenizers": []any{split, bytes}}
					}
				})
				if tokens.cutter == nil || !tokens.cutter.words {
					t.Fatal("pieces are not cut between words")
				}
				holdWhole(t, tokens, added)
			})
		}
	}
}

// addMerges makes tokens of what a wrong cut would part or put together: white space, marks, and letters with a space
// behind them.
func addMerges(model map[string]any) {
	vocab, merges := model["vocab"].(map[string]any), model["merges"].([]any)
	letters := strings.Split("Ġ Ċ č ĉ . ' a e s t x 1 0", " ")
	for _, a := range letters {
		for _, b := range letters {
			if vocab[a+b] == nil {
				vocab[a+b] = 1000 + len(vocab)
			}
			merges = append(merges, []any{a, b})
		}
	}
	model["merges"] = merges
}

// TestAddedTokensThatTakeOrAsk: so it is where added tokens take the white space beside them, must stand alone, are
// looked for in normalized text, or overlap.
func TestAddedTokensThatTakeOrAsk(t *testing.T) {
	for _, name := range []string{"lstrip", "rstrip", "single_word", "normalized", "phrase", "overlap", "spaces", "rstrip and spaces", "twice", "one id"} {
		t.Run(name, func(t *testing.T) {
			tokens, added := changedFixture(t, func(fields map[string]any) {
				list := fields["added_tokens"].([]any)
				add := func(content string) map[string]any {
					token := maps.Clone(list[1].(map[string]any))
					token["content"], token["id"] = content, 1000+len(list)
					list = append(list, token)
					return token
				}
				for flag := range strings.SplitSeq(name, " and ") {
					switch flag {
					case "overlap":
						add("<|im_")
						add("end|>\n")
						add("<|im_end|>\n")
						add("is")
					case "phrase":
						add("what is")["normalized"] = true
					case "spaces":
						add("\n\n")
						add("  ")
					case "twice":
						add("<|im_end|>")
					case "one id":
						token := add("other")
						token["id"], token["normalized"], token["lstrip"], token["rstrip"] = list[1].(map[string]any)["id"], true, true, true
					default:
						list[1].(map[string]any)[flag] = true
						add("word")[flag] = true
					}
				}
				fields["added_tokens"] = list
				if name == "normalized" {
					fields["normalizer"] = map[string]any{"type": "Lowercase"}
				}
			})
			if known := tokens.cutter != nil; known == (name == "rstrip and spaces" || name == "twice" || name == "one id") {
				t.Fatalf("cut into pieces: %v", known)
			}
			holdWhole(t, tokens, added)
		})
	}
}

// TestAPieceWithoutIDs: the library gives no ids of a text that holds a word which it cannot look up, and so does
// Encode.
func TestAPieceWithoutIDs(t *testing.T) {
	tokens, added := changedFixture(t, func(fields map[string]any) {
		fields["pre_tokenizer"] = map[string]any{"type": "WhitespaceSplit"}
		fields["model"] = map[string]any{"type": "WordLevel", "vocab": map[string]any{"word": 0, "is": 1}, "unk_token": "none"}
	})
	if tokens.cutter == nil {
		t.Fatal("texts are not cut into pieces")
	}
	if ids, err := tokens.Encode("word" + added[0] + "unheard"); err != nil || len(ids) != 0 {
		t.Errorf("ids %v, %v", ids, err)
	}
	holdWhole(t, tokens, added)
}

// TestUnknownPartsAreEncodedWhole: a tokenizer is cut only where each of its parts is known.
func TestUnknownPartsAreEncodedWhole(t *testing.T) {
	metaspace := map[string]any{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true}
	sequence := func(parts ...any) map[string]any {
		return map[string]any{"type": "Sequence", "pretokenizers": parts, "normalizers": parts, "processors": parts}
	}
	text := map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}
	for field, values := range map[string][]any{
		"pre_tokenizer":  {metaspace, sequence(metaspace), map[string]any{"type": "Strange"}, map[string]any{}},
		"normalizer":     {map[string]any{"type": "Strange"}, sequence(map[string]any{"type": "Strange"}), 5},
		"model":          {map[string]any{"type": "Strange"}, map[string]any{}},
		"post_processor": {map[string]any{"type": "TemplateProcessing", "single": []any{text, text}}, map[string]any{"type": "TemplateProcessing", "single": []any{}}},
	} {
		for _, value := range values {
			data, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			if independent(map[string]json.RawMessage{field: data}) {
				t.Errorf("%s %s is taken to see pieces alone", field, data)
			}
		}
	}
	metaspace["prepend_scheme"] = "always"
	data, _ := json.Marshal(metaspace)
	if !independent(map[string]json.RawMessage{"pre_tokenizer": data}) {
		t.Error("Metaspace with the scheme always is not taken to see pieces alone")
	}
	tokens, _ := changedFixture(t, func(fields map[string]any) {
		fields["pre_tokenizer"].(map[string]any)["add_prefix_space"] = true
	})
	if tokens.cutter == nil || tokens.cutter.words {
		t.Error("words are cut apart though each piece gets a space")
	}
}

// holdWhole encodes texts that try the cuts, in pieces cut as small as can be, twice each, and once as a prefix with
// the rest behind it.
func holdWhole(t *testing.T, tokens *Tokenizer, added []string) {
	t.Helper()
	if tokens.cutter != nil {
		tokens.cutter.least = 1
	}
	some := rapid.OneOf(
		rapid.SampledFrom(added),
		rapid.Custom(func(t *rapid.T) string {
			token := rapid.SampledFrom(added).Draw(t, "token")
			from := rapid.IntRange(0, len(token)).Draw(t, "from")
			return strings.ToValidUTF8(token[from:rapid.IntRange(from, len(token)).Draw(t, "to")], "")
		}),
		rapid.SampledFrom([]string{
			" ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u0085", "\u2028", " \n ", ".", ". ", "...", "?\n", "-", "'", "'s", "'LL", "'ſ", "\u0301", "\u0345",
			"\u200d", "\ufe0f", "\ufeff", "▁", "é", "e\u0301", "Å", "가", "ᄀ", "ᅡ", "日本", "🙂", "ß", "ǅ", "0", "12", "3456", "٣", "x", "I", "word", "Word", "is it",
			"a b", "what is", "don't we", "<", "|", ">", "</s>", "[", "the quick brown fox jumps over the lazy dog",
		}),
		rapid.StringMatching(`[a-zA-Z]{1,6} `),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(strings.Join(rapid.SliceOfN(some, 0, 24).Draw(t, "text"), ""), "\x00", "")
		want := widen(tokens.whole(text))
		for range 2 {
			if got, err := tokens.Encode(text); err != nil || !slices.Equal(got, want) {
				t.Fatalf("%q gives %v, %v; want %v", text, got, err, want)
			}
		}
		at := rapid.IntRange(0, len(text)).Draw(t, "at")
		for !utf8.ValidString(text[:at]) {
			at--
		}
		prefix, err := tokens.NewPrefix(t.Context(), text[:at])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := prefix.Encode(t.Context(), text[at:]); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q behind %q gives %v, %v; want %v", text[at:], text[:at], got, err, want)
		}
	})
}

func addedOf(t *testing.T, data []byte) []string {
	t.Helper()
	var fields struct {
		Added []addedToken `json:"added_tokens"`
	}
	if err := json.Unmarshal(data, &fields); err != nil || len(fields.Added) == 0 {
		t.Fatalf("%d added tokens, %v", len(fields.Added), err)
	}
	contents := make([]string, len(fields.Added))
	for i, token := range fields.Added {
		contents[i] = token.Content
	}
	return contents
}

// changedFixture gives a changed tokenizer and its added tokens.
func changedFixture(t *testing.T, change func(fields map[string]any)) (*Tokenizer, []string) {
	t.Helper()
	var added []string
	tokens := fixture(t, func(fields map[string]any) {
		change(fields)
		data, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		added = addedOf(t, data)
	})
	return tokens, added
}
