package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// YAML that a parser could follow for ever, or for a time that is the square of its length, is refused by its signs and
// in one short line; so is what YAML can do beyond lists and maps. What is just below a bound is refused for what it
// says.
func TestYAMLIsBounded(t *testing.T) {
	laughs := "a: &a [x, x]\n"
	for _, c := range []struct{ name, text, refusal string }{
		{"anchor and alias", laughs + "b: [*a, *a]\n", "line 1 has an anchor"},
		{"alias", "version: *a\n", "has an alias"},
		{"merge key", "graph: {<<: {a: 1}}\n", "has a merge key"},
		{"tag", "version: !!int 1\n", "has a tag"},
		{"complex key", "? a\n: b\n", "has a complex key"},
		{"a document after a comment", "# a\n---\nversions: 2\n", "unknown field"},
		{"two documents", goodManifest + "---\nversion: 1\n", "begins another document"},
		{"lists at the bound", "version: " + strings.Repeat("[", 16) + strings.Repeat("]", 16), "version"},
		{"lists too deep", "version: " + strings.Repeat("[", 17) + strings.Repeat("]", 17), "more than 16 lists and maps"},
		{"maps too deep", strings.Repeat("{a: ", 1000), "more than 16 lists and maps"},
		{"lists in a line too deep", "version:\n  " + strings.Repeat("- ", 17) + "1\n", "more than 16 lists and maps"},
		{"indented too deep", "version:\n" + strings.Repeat(" ", 64) + "a: 1\n", "line 2 begins behind column 64"},
		{"too many words", "labels: [" + strings.Repeat("a,", 1<<14) + "a]", "more than 32768 words and signs"},
		{"too many keys", strings.Repeat("a: 1\n", 1<<14), "more than 32768 words and signs"},
		{"a key given twice", goodManifest + "kind: process\n", `line 11, "kind: process": mapping key "kind" already defined`},
		{"a long line", "version: " + strings.Repeat("1", 1<<20), "line 1, "},
		{"a long escape", "version: \"" + strings.Repeat(`\x00`, 200_000) + `"`, "line 1, "},
		{"no text", strings.Repeat("\xff\x00", 1000), ""},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Fatalf("error %v, want %q", err, c.refusal)
			}
			if strings.ContainsAny(err.Error(), "\n\r") || c.refusal != "" && len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes and %d lines: %.300s", len(err.Error()), strings.Count(err.Error(), "\n")+1, err)
			}
		})
	}
}

// The widest manifest that the rooms below can carry is read: as many features as a model may have.
func TestAWideManifestIsRead(t *testing.T) {
	var names []string
	for i := range 4096 {
		names = append(names, fmt.Sprintf("feature_%d", i))
	}
	text := "version: 1\nname: wide\nkind: reward\nlicence: MIT\nsource: {class: Judge}\ngraph:\n" +
		"  {file: judge.onnx, layout: features, precision: float32, input: x, output: y, labels: [a],\n  features: [" + strings.Join(names, ", ") + "]}\n"
	if m, err := Parse([]byte(text)); err != nil || len(m.Graph.Features) != len(names) {
		t.Errorf("%d features: %v", len(m.Graph.Features), err)
	}
}
