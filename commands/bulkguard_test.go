package commands

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/assay-rm/assay/commands/bulk/tables"
)

// TestARunNeverWritesOverItsInput: by its name, by a pattern, through a link to the file or to its directory, and
// before the result is there.
func TestARunNeverWritesOverItsInput(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"d", "e", "d/new.jsonl.part"} {
		if err := os.Mkdir(dir, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"d/a.jsonl", "d/s.jsonl", "e/a.jsonl", "d/new.jsonl.part/x.jsonl"} {
		if err := os.WriteFile(name, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"linked": "d", "e/link.jsonl": "../d/s.jsonl"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link("d/s.jsonl", "e/hard.jsonl"); err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs("d/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		in, out string
		refused bool
	}{
		{"d/s.jsonl", "d/s.jsonl", true},
		{"./d/../d/s.jsonl", "d/s.jsonl", true},
		{"d/*.jsonl", "d/s.jsonl", true},
		{"d/*.jsonl", "d/later.jsonl", true},
		{"*/*.jsonl", "d/later.jsonl", true},
		{absolute, "d/later.jsonl", true},
		{"linked/*.jsonl", "d/later.jsonl", true},
		{"d/*.json*", "d/later.parquet", true}, // d/later.parquet.run.json
		{"e/link.jsonl", "d/s.jsonl", true},
		{"e/hard.jsonl", "d/s.jsonl", true},
		{"d/new.jsonl.part/x.jsonl", "d/new.jsonl", true},
		{"d/*.jsonl", "e/s.jsonl", false},
		{"d/*.jsonl", "s.jsonl", false},
		{"d/a.jsonl", "d/s.jsonl", false},
		{"d/*.jsonl", "d/s.parquet", false},
	} {
		err := checkPatterns([]string{test.in}, test.out)
		if err == nil {
			files, found := tables.Find([]string{test.in})
			if found != nil {
				t.Fatal(found)
			}
			err = checkInputs(files, test.out)
		}
		if (err != nil) != test.refused {
			t.Errorf("--in %s --out %s: %v", test.in, test.out, err)
		}
	}
}
