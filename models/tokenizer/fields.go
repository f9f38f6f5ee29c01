package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// skipped are fields whose content is data: tokens, not fields.
var skipped = set("vocab merges special_tokens")

// fields are those of every part of a tokenizer.json that Hugging Face's tokenizers 0.22 reads, old spellings included.
var fields = set(`
	version truncation padding added_tokens normalizer pre_tokenizer post_processor decoder model type
	id content single_word lstrip rstrip normalized special
	normalizers pretokenizers processors decoders
	clean_text handle_chinese_chars strip_accents lowercase strip_left strip_right prepend pattern String Regex precompiled_charsmap
	add_prefix_space trim_offsets use_regex behavior invert replacement prepend_scheme split str_rep individual_digits delimiter length
	dropout unk_token unk_id continuing_subword_prefix end_of_word_suffix fuse_unk byte_fallback ignore_merges max_input_chars_per_word
	single pair SpecialToken Sequence type_id sep cls
	prefix suffix cleanup pad_token word_delimiter_token start stop
	direction max_length strategy stride Fixed pad_to_multiple_of pad_id pad_type_id`)

// types are the values of the field type in them.
var types = set(`
	BPE WordPiece WordLevel Unigram Sequence
	BertNormalizer NFC NFD NFKC NFKD Nmt Lowercase Strip StripAccents Prepend Replace Precompiled ByteLevel
	BertPreTokenizer Split Metaspace Digits Punctuation CharDelimiterSplit Whitespace WhitespaceSplit UnicodeScripts FixedLength
	BertProcessing RobertaProcessing TemplateProcessing
	BPEDecoder CTC Fuse ByteFallback`)

func set(words string) map[string]bool {
	all := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		all[word] = true
	}
	return all
}

// checkDropout refuses a model that leaves merges out at random: the same text would have other ids every time.
func checkDropout(model json.RawMessage) error {
	var part struct {
		Dropout *float64 `json:"dropout"`
	}
	if len(model) == 0 {
		return nil
	}
	if err := json.Unmarshal(model, &part); err != nil {
		return fmt.Errorf("field model: %w", err)
	}
	if part.Dropout != nil && *part.Dropout != 0 {
		return fmt.Errorf("field model.dropout is %g, and must be null or 0: it would give a text other ids every time", *part.Dropout)
	}
	return nil
}

// checkFields refuses what the library would pass over or could not name: a field, or a type of part, that it does not
// know may change which ids a text has.
func checkFields(data json.RawMessage, path string) error {
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) == nil {
		for _, name := range slices.Sorted(maps.Keys(object)) {
			where := strings.TrimPrefix(path+"."+name, ".")
			if skipped[name] {
				continue
			}
			if !fields[name] {
				return fmt.Errorf("field %s is unknown; save the tokenizer with tokenizers 0.22 or older", where)
			}
			if err := checkFields(object[name], where); err != nil {
				return err
			}
			var kind string
			if name == "type" && json.Unmarshal(object[name], &kind) == nil && !types[kind] {
				return fmt.Errorf("field %s is %q, which is unknown", where, kind)
			}
		}
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) == nil {
		for i, entry := range list {
			if err := checkFields(entry, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}
