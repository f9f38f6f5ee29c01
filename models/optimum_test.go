package models

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// optimumBundles have graphs that Optimum's exporter made (models/export/optimum); the golden scores are transformers',
// each item alone.
var optimumBundles = []string{"qwen2", "gpt2", "bert"}

// TestOptimumGraphs: a graph of Optimum's needs a manifest and nothing else, and gives transformers' scores alone and
// in a batch.
func TestOptimumGraphs(t *testing.T) {
	for _, name := range optimumBundles {
		t.Run(name, func(t *testing.T) {
			m := serve(t, filepath.Join("testdata", "optimum", name))
			pairs, err := m.Golden()
			if err != nil || len(pairs) < 7 {
				t.Fatalf("%d golden pairs, %v; want 7 or more", len(pairs), err)
			}
			items := make([]encode.Encoded, len(pairs))
			for i, pair := range pairs {
				if items[i], err = m.Encode(t.Context(), *pair.Item, encode.TruncateError); err != nil {
					t.Fatalf("pair %d: %v", i, err)
				}
				if !slices.Equal(items[i].IDs, pair.IDs[0]) {
					t.Fatalf("pair %d: ids are %v, and transformers gives %v", i, items[i].IDs, pair.IDs)
				}
			}
			worst := 0.0
			hold := func(how string, first int, items []encode.Encoded) {
				readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
				if err != nil {
					t.Fatal(err)
				}
				for i, reading := range readings {
					if reading.Err != nil || len(reading.Rows) != 1 || len(reading.Rows[0]) != 1 {
						t.Fatalf("pair %d %s: %v, %v; want one score", first+i, how, reading.Rows, reading.Err)
					}
					got, want := float64(reading.Rows[0][0]), *pairs[first+i].Score
					if worst = max(worst, math.Abs(got-want)); math.Abs(got-want) > 1e-4 {
						t.Errorf("pair %d %s: score %g, and transformers gives %g", first+i, how, got, want)
					}
				}
			}
			for i := range items {
				hold("alone", i, items[i:i+1])
			}
			hold("in a batch", 0, items)
			t.Logf("%d pairs, largest difference from transformers %.1e", len(pairs), worst)
		})
	}
}

// TestOptimumPadIsTheGraphs: a decoder's graph finds its last token by a pad id of its own, so a manifest with another
// is refused.
func TestOptimumPadIsTheGraphs(t *testing.T) {
	for _, name := range []string{"qwen2", "gpt2"} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "optimum", name))); err != nil {
			t.Fatal(err)
		}
		damaged{t, dir}.edit(manifest.File, "pad_id: 0", "pad_id: 9")
		m, err := Open(t.Context(), Dir(dir), Options{Tokens: 512, Cache: 64 << 20})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "pooling in_graph") {
			t.Errorf("%s with the pad id of no one: %v, want a refusal that names pooling", name, err)
		}
	}
}
