package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// changed is the tokenizer of a fixture with one field in another way; its own are kept as they are written.
func changed(t *testing.T, field, value string) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/bundles/qwen3-reward-padded/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		t.Fatal(err)
	}
	parts[field] = json.RawMessage(value)
	if data, err = json.Marshal(parts); err != nil {
		t.Fatal(err)
	}
	return data
}

// repeated is a JSON list of n equal elements.
func repeated(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// What would make the library take much time or memory for little is refused before the library sees it, and what is
// just below each bound is taken.
func TestATokenizerIsBounded(t *testing.T) {
	added := func(content string) string {
		return `{"id":4,"content":"` + content + `","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}`
	}
	replace := func(content string, n int) string {
		return `{"type":"Sequence","normalizers":` + repeated(`{"type":"Replace","pattern":{"String":"a"},"content":"`+content+`"}`, n) + `}`
	}
	deep := func(n int) string {
		return strings.Repeat(`{"type":"Sequence","normalizers":[`, n) + `{"type":"NFC"}` + strings.Repeat(`]}`, n)
	}
	split := func(bytes int) string {
		return `{"type":"Split","pattern":{"Regex":"` + strings.Repeat("a", bytes) + `"},"behavior":"Isolated","invert":false}`
	}
	charsmap := func(text string) string {
		return `{"type":"Precompiled","precompiled_charsmap":"` + base64.StdEncoding.EncodeToString([]byte("\x04\x00\x00\x00trie"+text+"\x00")) + `"}`
	}
	for _, c := range []struct{ name, field, value, refusal string }{
		{"nested", "normalizer", deep(15), ""},
		{"nested too deep", "normalizer", deep(16), "more than 32 objects and lists"},
		{"a quoted bracket", "added_tokens", `[` + added(strings.Repeat(`[`, 40)+`\"`) + `]`, ""},
		{"a long added token", "added_tokens", `[` + added(strings.Repeat("a", 4096)) + `]`, ""},
		{"too long an added token", "added_tokens", `[` + added("b") + `,` + added(strings.Repeat("a", 4097)) + `]`, "added_tokens[1] has 4097 bytes"},
		{"too many added tokens", "added_tokens", repeated(added("a"), 1<<16+1), "65537 added tokens"},
		{"growth", "normalizer", replace("aa", 6), ""},
		{"too much growth", "normalizer", replace("aa", 7), "make 65 bytes of one"},
		{"growth at once", "normalizer", replace(strings.Repeat("a", 1<<20), 1), "bytes of one"},
		{"in front", "normalizer", `{"type":"Prepend","prepend":"` + strings.Repeat("a", 64) + `"}`, ""},
		{"too much in front", "normalizer", `{"type":"Prepend","prepend":"` + strings.Repeat("a", 65) + `"}`, "puts 65 bytes in front"},
		{"a map that makes too much", "normalizer", charsmap(strings.Repeat("a", 65)), "make 65 bytes of one"},
		{"a map that is none", "normalizer", `{"type":"Precompiled","precompiled_charsmap":"AAAAAAAA////"}`, ""},
		{"a map whose length lies", "normalizer", `{"type":"Precompiled","precompiled_charsmap":"/////w=="}`, "precompiled_charsmap is none"},
		{"a long expression", "pre_tokenizer", split(16 << 10), ""},
		{"too long an expression", "pre_tokenizer", split(16<<10 + 1), "16385 bytes"},
		{"too long an expression in a list", "pre_tokenizer", `{"type":"Sequence","pretokenizers":[` + split(1<<20) + `]}`, "1048576 bytes"},
	} {
		_, err := New(changed(t, c.field, c.value))
		switch {
		case c.name == "a map that is none": // the library's to refuse
			if err == nil {
				t.Errorf("%s: it is taken", c.name)
			}
		case c.refusal == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.refusal)
		}
	}
}
