//go:build parity

package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/tokenizer"
)

// realCase is a line of cases.jsonl: a text, or a conversation that a template renders or refuses, with ids by Hugging
// Face.
type realCase struct {
	Class     string            `json:"class"`
	Template  string            `json:"template"` // its file; empty for a text
	Messages  []chat.Message    `json:"messages"`
	Prompt    bool              `json:"add_generation_prompt"`
	Variables map[string]string `json:"variables"`
	Text      string            `json:"text"`
	Raises    *string           `json:"raises"` // what the template says instead of a text
	IDs       []int64           `json:"ids"`
}

// TestRealTokenizers holds the tokenizer and the template engine to what `python -m realtok` wrote of real ones.
func TestRealTokenizers(t *testing.T) {
	root := os.Getenv("ASSAY_PARITY_DIR")
	if root == "" {
		t.Fatal("ASSAY_PARITY_DIR is unset: it names the folder that `python -m realtok` wrote")
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "cases.jsonl"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%s has %d tokenizers (%v), want 4", root, len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)),
			func(t *testing.T) { holdReal(t, filepath.Dir(file), readReal(t, file)) })
	}
}

func readReal(t *testing.T, file string) []realCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var cases []realCase
	for {
		var one realCase
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return cases
		} else if err != nil {
			t.Fatalf("case %d: %v", len(cases), err)
		}
		cases = append(cases, one)
	}
}

// holdReal counts the cases of a tokenizer that differ and shows the first of them.
func holdReal(t *testing.T, dir string, cases []realCase) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.New(data)
	if err != nil {
		t.Fatal(err)
	}
	var texts, rendered, refused, differ int
	count := func(format string, args ...any) {
		if differ++; differ <= 10 {
			t.Errorf(format, args...)
		}
	}
	for i, one := range cases {
		text := one.Text
		if one.Template == "" {
			texts++
		} else {
			text, err = renderReal(t, filepath.Join(dir, one.Template), one)
			rendered++
			switch {
			case one.Raises != nil:
				refused++
				if err == nil || err.Error() != *one.Raises {
					count("case %d (%s): %q, %v; want the refusal %q", i, one.Class, text, err, *one.Raises)
				}
				continue
			case err != nil || text != one.Text:
				got, want := around(text, one.Text)
				count("case %d (%s): %v\n got %q\nwant %q", i, one.Class, err, got, want)
				continue
			}
		}
		ids, err := tokens.Encode(text)
		if err != nil || !slices.Equal(ids, one.IDs) {
			count("case %d (%s): ids of %.200q are %.200v, %v; want %.200v", i, one.Class, text, ids, err, one.IDs)
		}
	}
	if texts < 500 || rendered < 200 || refused == 0 {
		t.Errorf("%d texts, %d renderings, %d refusals are too few", texts, rendered, refused)
	}
	t.Logf("%d texts and %d renderings (%d refusals), %d differ", texts, rendered, refused, differ)
}

// renderReal renders on 1 January 2000, the day of the reference.
func renderReal(t *testing.T, file string, one realCase) (string, error) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := chat.New(string(source), one.Variables, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return tpl.Render(one.Messages, one.Prompt)
}

// around cuts both texts to what stands near their first difference.
func around(got, want string) (string, string) {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	cut := func(text string) string { return text[max(0, at-40):min(len(text), at+40)] }
	return cut(got), cut(want)
}
