package models

import (
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/manifest"
)

// TestGoldenPairsHoldNoNullNumber: it would be 0 in silence.
func TestGoldenPairsHoldNoNullNumber(t *testing.T) {
	pair := `{"item": {"text": "a", "user": [null]}, "ids": [1], "score": 0}`
	m := Model{golden: []byte(pair)}
	m.info.Manifest.Golden.File, m.info.Manifest.Kind = "golden.jsonl", manifest.KindReward
	if got, err := m.Golden(); err == nil ||
		err.Error() != "golden.file golden.jsonl: pair 1: user[0] is null, and must be a number" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A file that is named has pairs, and so many that they can be scored while somebody waits; an error about one shows
// little of it.
func TestGoldenPairsAreCounted(t *testing.T) {
	pair := `{"item": {"text": "a"}, "ids": [1], "score": 0}` + "\n"
	for _, c := range []struct{ text, want string }{
		{strings.Repeat(pair, maxPairs), ""},
		{strings.Repeat(pair, maxPairs+1), "golden.file golden.jsonl has more than 1024 pairs"},
		{" \n", "golden.file golden.jsonl has no pair"},
		{`{"` + strings.Repeat("a", 1<<20) + `": 1}`, `pair 1: json: unknown field "aaa`},
	} {
		m := Model{golden: []byte(c.text)}
		m.info.Manifest.Golden.File, m.info.Manifest.Kind = "golden.jsonl", manifest.KindReward
		pairs, err := m.Golden()
		if c.want == "" && (err != nil || len(pairs) != maxPairs) {
			t.Errorf("%d pairs, %v", len(pairs), err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 200) {
			t.Errorf("error %.300v, want %q", err, c.want)
		}
	}
}
