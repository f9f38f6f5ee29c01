package main

import (
	"fmt"
	"strings"
)

// badTokenizers are tokenizer files without end, and tokenizers that make much of little.
func badTokenizers() []hostileBundle {
	var all []hostileBundle
	whole := func(name string, content func() []byte) {
		all = append(all, hostileBundle{
			name: "tokenizer: " + name, base: padded,
			change: []change{put("tokenizer.json", content)},
		})
	}
	one := func(name string, edit func(parts map[string]any)) {
		all = append(all, hostileBundle{
			name: "tokenizer: " + name, base: padded,
			change: []change{withoutGolden(), tokens(edit)},
		})
	}
	normalizer := func(name string, of any) { one(name, func(parts map[string]any) { parts["normalizer"] = of }) }
	whole("a million lists deep", text(`{"version":"1.0","model":`, strings.Repeat("[", 1_000_000),
		strings.Repeat("]", 1_000_000), "}"))
	whole("9,000 objects deep", text(strings.Repeat(`{"normalizer":`, 9000), "null", strings.Repeat("}", 9000)))
	whole("a million unknown fields", numbered(`{"version":"1.0",`, `"f%d":1`, 1_000_000, `}`))
	all[len(all)-1].long = true
	whole("100 MiB of blanks", text(strings.Repeat(" ", 100*mib)))
	whole("not JSON", text("{"))
	one("a million added tokens", func(parts map[string]any) {
		list, _ := parts["added_tokens"].([]any)
		for i := range 1_000_000 {
			list = append(list, map[string]any{
				"id": 400 + i, "content": fmt.Sprint("<t", i, ">"),
				"single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true,
			})
		}
		parts["added_tokens"] = list
	})
	one("an added token of 8 MiB", func(parts map[string]any) {
		list, _ := parts["added_tokens"].([]any)
		parts["added_tokens"] = append(list,
			map[string]any{
				"id": 4, "content": strings.Repeat("a", 8*mib), "single_word": false, "lstrip": false,
				"rstrip": false, "normalized": false, "special": true,
			})
	})
	double := func(n int, by string) map[string]any {
		steps := make([]any, n)
		for i := range steps {
			steps[i] = map[string]any{"type": "Replace", "pattern": map[string]any{"Regex": "."}, "content": by}
		}
		return map[string]any{"type": "Sequence", "normalizers": steps}
	}
	normalizer("a normalizer that doubles 40 times", double(40, "aa"))
	normalizer("a normalizer that puts 8 MiB for a letter", double(1, strings.Repeat("a", 8*mib)))
	normalizer("a normalizer that puts 8 MiB in front",
		map[string]any{"type": "Prepend", "prepend": strings.Repeat("a", 8*mib)})
	normalizer("a precompiled map that is none",
		map[string]any{"type": "Precompiled", "precompiled_charsmap": "AAAAAAAA////"})
	deep := any(map[string]any{"type": "NFC"})
	for range 2000 {
		deep = map[string]any{"type": "Sequence", "normalizers": []any{deep}}
	}
	normalizer("2000 normalizers inside each other", deep)
	return append(all, badTokens()...)
}

// badTokens are tokenizers whose pre-tokenizer or model has no end, or no sense.
func badTokens() []hostileBundle {
	var all []hostileBundle
	one := func(name string, edit func(parts map[string]any)) {
		all = append(all, hostileBundle{
			name: "tokenizer: " + name, base: padded,
			change: []change{withoutGolden(), tokens(edit)},
		})
	}
	split := func(name, regex string) {
		one(name, func(parts map[string]any) {
			parts["pre_tokenizer"] = map[string]any{
				"type": "Split", "pattern": map[string]any{"Regex": regex},
				"behavior": "Isolated", "invert": false,
			}
		})
	}
	model := func(name string, edit func(model map[string]any)) {
		one(name, func(parts map[string]any) {
			if own, ok := parts["model"].(map[string]any); ok {
				edit(own)
			}
		})
	}
	split("a regex that backtracks", `(?:(?:a|.)+)+\z\b|(.+)+\1x`)
	split("a regex of repeats of repeats", `(((((a{1,1000}){1,1000}){1,1000}){1,1000}){1,1000})`)
	all[len(all)-1].may = true // the library bounds repeats
	split("a regex 10,000 groups deep", strings.Repeat("(", 10_000)+strings.Repeat(")", 10_000))
	split("a regex of 4 MiB", strings.Repeat("ab|", 4*mib/3)+"c")
	split("no regex", "(")
	model("merges of tokens that are not there",
		func(m map[string]any) { m["merges"] = []any{[]any{"nobody", "knows"}} })
	model("merges that are numbers", func(m map[string]any) { m["merges"] = 5 })
	model("a vocabulary of a million", func(m map[string]any) {
		if vocab, ok := m["vocab"].(map[string]any); ok {
			for i := range 1_000_000 {
				vocab[fmt.Sprint("t", i)] = 400 + i
			}
		}
	})
	all[len(all)-1].long = true
	model("ids of 2^40", func(m map[string]any) { m["vocab"] = map[string]any{"a": 1 << 40} })
	model("all ids the same", func(m map[string]any) {
		if vocab, ok := m["vocab"].(map[string]any); ok {
			for word := range vocab {
				vocab[word] = 0
			}
		}
	})
	all[len(all)-1].may = true // golden pairs would show it
	model("no vocabulary", func(m map[string]any) { delete(m, "vocab") })
	model("unigram scores of -1e308 and 1e308", func(m map[string]any) {
		for key := range m {
			delete(m, key)
		}
		m["type"], m["unk_id"], m["byte_fallback"] = "Unigram", 0, false
		m["vocab"] = []any{[]any{"a", -1e308}, []any{"b", 1e308}}
	})
	all[len(all)-1].may = true // scores that are finite make no sum that is not
	model("a unigram without its unknown", func(m map[string]any) {
		for key := range m {
			delete(m, key)
		}
		m["type"], m["unk_id"], m["byte_fallback"] = "Unigram", 1<<40, false
		m["vocab"] = []any{[]any{"a", -1.0}}
	})
	model("words of any length", func(m map[string]any) {
		m["type"], m["max_input_chars_per_word"], m["unk_token"] = "WordPiece", 1<<60, "none"
		for _, key := range []string{
			"merges", "dropout", "end_of_word_suffix", "fuse_unk", "byte_fallback",
			"ignore_merges",
		} {
			delete(m, key)
		}
		m["continuing_subword_prefix"] = "##"
	})
	return all
}
