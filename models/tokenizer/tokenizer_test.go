package tokenizer

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fixture(t *testing.T, change func(fields map[string]any)) *Tokenizer {
	t.Helper()
	data, err := os.ReadFile("../testdata/bundles/qwen3-reward-packed/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		var fields map[string]any
		if err := json.Unmarshal(data, &fields); err != nil {
			t.Fatal(err)
		}
		change(fields)
		if data, err = json.Marshal(fields); err != nil {
			t.Fatal(err)
		}
	}
	tokens, err := New(data)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestDecodeUndoesEncode(t *testing.T) {
	tokens := fixture(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "")
		ids, err := tokens.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokens.Decode(ids...); got != text && len(ids) > 0 {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

// TestFileCannotCut: a tokenizer file that asks for truncation and padding changes no ids.
func TestFileCannotCut(t *testing.T) {
	plain := fixture(t, nil)
	cutting := fixture(t, func(fields map[string]any) {
		fields["truncation"] = map[string]any{"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
		fields["padding"] = map[string]any{
			"strategy": map[string]any{"Fixed": 64}, "direction": "Right",
			"pad_to_multiple_of": nil, "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>",
		}
	})
	const text = "a text of more than three tokens"
	want, err := plain.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cutting.Encode(text)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func TestTextThatCannotPass(t *testing.T) {
	tokens := fixture(t, nil)
	if _, err := tokens.Encode("a\x00b"); !errors.Is(err, ErrNUL) {
		t.Errorf("NUL: %v", err)
	}
	if _, err := tokens.Encode("a\xffb"); !errors.Is(err, ErrUTF8) {
		t.Errorf("not UTF-8: %v", err)
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	for _, data := range []string{"", "{", "[]", "{}", `{"model": {"type": "Unheard"}}`} {
		if _, err := New([]byte(data)); err == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}

// TestUnknownFieldIsNamed: what a newer library may have meant by it would give other ids, so it is refused, wherever
// it stands.
func TestUnknownFieldIsNamed(t *testing.T) {
	data, err := os.ReadFile("../testdata/bundles/llama-reward-packed/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{`{"version"`, `{"strange":1,"version"`, "field strange is unknown"},
		{`"model":{`, `"model":{"strange":1,`, "field model.strange is unknown"},
		{`"pre_tokenizer":{`, `"pre_tokenizer":{"strange":1,`, "field pre_tokenizer.strange is unknown"},
		{`"added_tokens":[{`, `"added_tokens":[{"strange":1,`, "field added_tokens[0].strange is unknown"},
		{`"dropout":null`, `"dropout":0.25`, "field model.dropout is 0.25, and must be null or 0"},
		{`"type":"BPE"`, `"type":"Strange"`, `field model.type is "Strange", which is unknown`},
	} {
		changed := strings.Replace(string(data), test.old, test.new, 1)
		if changed == string(data) {
			t.Fatalf("the fixture lacks %q", test.old)
		}
		if _, err := New([]byte(changed)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.new, err, test.want)
		}
	}
}

// TestEndsAreBytesOfTheText: without what a tokenizer adds or trims, tokens end where the text that they stand for
// does.
func TestEndsAreBytesOfTheText(t *testing.T) {
	tokens := fixture(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "")
		want, err := tokens.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		ids, ends, err := tokens.EncodeEnds(text)
		if err != nil || !slices.Equal(ids, want) || len(ends) != len(ids) || !slices.IsSorted(ends) {
			t.Fatalf("%v at %v, %v; want %v", ids, ends, err, want)
		}
		if len(ends) > 0 && ends[len(ends)-1] != len(text) {
			t.Fatalf("the last token ends at byte %d of %d", ends[len(ends)-1], len(text))
		}
	})
	if _, _, err := tokens.EncodeEnds("a\x00b"); !errors.Is(err, ErrNUL) {
		t.Errorf("NUL: %v", err)
	}
}
