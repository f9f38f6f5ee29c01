//go:build parity

package tokenizer

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRealTokenizersInPieces holds the real tokenizers that `python -m realtok` fetched to their ids of whole texts.
func TestRealTokenizersInPieces(t *testing.T) {
	root := os.Getenv("ASSAY_PARITY_DIR")
	files, err := filepath.Glob(filepath.Join(root, "*", "tokenizer.json"))
	if err != nil || root == "" || len(files) < 4 {
		t.Fatalf("ASSAY_PARITY_DIR %q has %d tokenizers (%v), want 4", root, len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := New(data)
			if err != nil {
				t.Fatal(err)
			}
			if tokens.cutter == nil {
				t.Error("texts are encoded whole")
			}
			holdWhole(t, tokens, addedOf(t, data))
		})
	}
}
