package models

import (
	"testing"

	"github.com/assay-rm/assay/models/manifest"
)

// TestGoldenPairsHoldNoNullNumber: it would be 0 in silence.
func TestGoldenPairsHoldNoNullNumber(t *testing.T) {
	pair := `{"item": {"text": "a", "user": [null]}, "ids": [1], "score": 0}`
	m := Model{golden: []byte(pair)}
	m.info.Manifest.Golden.File, m.info.Manifest.Kind = "golden.jsonl", manifest.KindReward
	if got, err := m.Golden(); err == nil || err.Error() != "golden.file golden.jsonl: pair 1: user[0] is null, and must be a number" {
		t.Errorf("%+v, %v", got, err)
	}
}
