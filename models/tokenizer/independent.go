package tokenizer

import (
	"encoding/json"
	"slices"
)

// part is what must be known of a part of a tokenizer to tell whether it looks beyond a piece, or beyond a word.
type part struct {
	Type           string                       `json:"type"`
	PrependScheme  string                       `json:"prepend_scheme"`
	AddPrefixSpace *bool                        `json:"add_prefix_space"`
	UseRegex       *bool                        `json:"use_regex"`
	Pattern        struct{ Regex string }       `json:"pattern"`
	Behavior       string                       `json:"behavior"`
	Invert         bool                         `json:"invert"`
	Single         []map[string]json.RawMessage `json:"single"`
	Normalizers    []part                       `json:"normalizers"`
	PreTokenizers  []part                       `json:"pretokenizers"`
	Processors     []part                       `json:"processors"`
}

// pieceTypes are the types of part that take one piece at a time, and know nothing of where in the text it stands.
// Processors only add special tokens, which are never asked for.
var pieceTypes = map[string]map[string]bool{
	"normalizer":     set("BertNormalizer NFC NFD NFKC NFKD Nmt Lowercase Strip StripAccents Prepend Replace Precompiled ByteLevel"),
	"pre_tokenizer":  set("BertPreTokenizer ByteLevel Split Metaspace Digits Punctuation CharDelimiterSplit Whitespace WhitespaceSplit"),
	"model":          set("BPE WordPiece WordLevel Unigram"),
	"post_processor": set("ByteLevel BertProcessing RobertaProcessing TemplateProcessing"),
}

// independent tells whether a tokenizer encodes the pieces between added tokens each on its own. Types that are not
// known to do so do not.
func independent(parts map[string]json.RawMessage) bool {
	for name, types := range pieceTypes {
		p, ok := readPart(parts[name])
		if !ok || p != nil && !p.alone(types) {
			return false
		}
	}
	return true
}

// readPart gives nil for a part that is left out.
func readPart(data json.RawMessage) (p *part, ok bool) {
	return p, len(data) == 0 || json.Unmarshal(data, &p) == nil
}

// alone tells whether a part, and each part of a sequence, is of one of the types and takes one piece at a time.
func (p *part) alone(types map[string]bool) bool {
	switch p.Type {
	case "Sequence":
		return !slices.ContainsFunc(slices.Concat(p.Normalizers, p.PreTokenizers, p.Processors), func(inner part) bool { return !inner.alone(types) })
	case "Metaspace": // the scheme first asks whether a piece begins the text
		return types[p.Type] && p.PrependScheme != "first"
	case "TemplateProcessing": // the text once, and special tokens
		return types[p.Type] && countFunc(p.Single, func(entry map[string]json.RawMessage) bool { return entry["Sequence"] != nil }) == 1
	}
	return types[p.Type]
}

func countFunc[T any](list []T, is func(T) bool) int {
	n := 0
	for _, entry := range list {
		if is(entry) {
			n++
		}
	}
	return n
}

// wordPatterns are regular expressions that find the words of a piece. In each of them an alternative that matches a
// letter or a digit matches no space behind it; only one that ends in white space looks ahead, by one character; none
// looks back. So a word ends between a letter or digit and a space whatever follows, the words before that are the same
// without what follows, and those behind it without what came before.
var wordPatterns = []string{
	// Qwen 2 to 3, Llama 3, Mistral Nemo, and plainer ones of their kind
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	`\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	` ?\p{L}+| ?[^\s\p{L}\p{N}]+|\p{N}|\s`,
}

// separable tells whether a tokenizer encodes what stands before a space that follows an ASCII letter or digit, and
// what stands from the space on, each on its own: it changes neither first (NFC joins nothing to a space or to what
// stands before one), splits words as one of wordPatterns or GPT-2's own does, and looks words up one by one.
func separable(parts map[string]json.RawMessage) bool {
	normalizer, ok := readPart(parts["normalizer"])
	if !ok || normalizer != nil && normalizer.Type != "NFC" {
		return false
	}
	if model, ok := readPart(parts["model"]); !ok || model == nil || model.Type != "BPE" {
		return false
	}
	words, ok := readPart(parts["pre_tokenizer"])
	switch {
	case !ok || words == nil:
		return false
	case words.Type == "Sequence" && len(words.PreTokenizers) == 2:
		split, bytes := &words.PreTokenizers[0], &words.PreTokenizers[1]
		return split.Type == "Split" && split.Behavior == "Isolated" && !split.Invert && slices.Contains(wordPatterns, split.Pattern.Regex) &&
			bytes.byteLevel(false)
	}
	return words.byteLevel(true)
}

// byteLevel tells whether a part writes bytes as characters and adds no space, and splits words as GPT-2 does or not at
// all.
func (p *part) byteLevel(splits bool) bool {
	return p.Type == "ByteLevel" && p.AddPrefixSpace != nil && !*p.AddPrefixSpace && (p.UseRegex == nil || *p.UseRegex) == splits
}
