package chat

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// line is one template of a file that `python -m templates` wrote, with what transformers made of it.
type line struct {
	From     string `json:"from"`
	Template string `json:"template"`
	Cases    []struct {
		Variables json.RawMessage `json:"variables"`
		Text      string          `json:"text"`
		Error     string          `json:"error"`
	} `json:"cases"`
}

// TestAgainstJinja2 renders what transformers rendered with Jinja2, and wants the same texts and the same refusals. Its
// own cases are generated ones; ASSAY_TEMPLATES names a folder with more, as `make parity` makes them.
func TestAgainstJinja2(t *testing.T) {
	folders := []string{"testdata"}
	if more := os.Getenv("ASSAY_TEMPLATES"); more != "" {
		folders = append(folders, more)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) { holdToJinja2(t, filepath.Join(folder, "cases.jsonl")) })
	}
}

func holdToJinja2(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	templates, renderings, differ := 0, 0, 0
	for text := range bytes.Lines(data) {
		var one line
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		templates++
		tpl, refused := New(one.Template, nil, time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC))
		for _, want := range one.Cases {
			renderings++
			got, err := "", refused
			if err == nil {
				got, err = tpl.render(want.Variables)
			}
			if (err != nil) != (want.Error != "") || err == nil && got != want.Text {
				if differ++; differ <= 50 {
					t.Errorf("%s\n%.300s\n   got %q, %v\n  want %q, %s", one.From, want.Variables, got, err, want.Text, want.Error)
				}
			}
		}
	}
	if renderings == 0 {
		t.Error("nothing was rendered")
	}
	t.Logf("%d templates, %d renderings: %d differ", templates, renderings, differ)
}
