package models

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/manifest"
)

// packedEncoders are fixtures whose tokens see their whole sequence.
var packedEncoders = []string{"bert-reranker-packed", "roberta-reranker-packed", "modernbert-reranker-mean-packed"}

// TestPackedEncodersShareNothing: items that begin alike read, in any company, what each reads in a forward of its own,
// and no token of theirs comes from another item or from a cache.
func TestPackedEncodersShareNothing(t *testing.T) {
	for _, name := range packedEncoders {
		t.Run(name, func(t *testing.T) {
			m := serve(t, filepath.Join("testdata", "encoders", name))
			if m.Info().Cache != 0 {
				t.Errorf("%d bytes of keys and values may be cached", m.Info().Cache)
			}
			random := rand.New(rand.NewPCG(5, 6))
			vocabulary, limit := m.info.Manifest.Graph.VocabSize, m.info.Manifest.Limits.MaxTokens
			stem, pad := probeIDs(vocabulary, limit, 1), *m.info.Manifest.Tokenizer.PadID
			items := make([]encode.Encoded, 40)
			alone := make([][][]float32, len(items))
			for i := range items {
				length := 1 + random.IntN(limit)
				ids := slices.Concat(stem[:random.IntN(length)], probeIDs(vocabulary, length, random.Uint64()))[:length]
				if i%4 == 0 {
					ids[random.IntN(length)] = pad
				}
				items[i] = encode.Encoded{IDs: ids, Positions: []int{length - 1}}
				rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{{IDs: ids, Positions: items[i].Positions}})
				if err != nil {
					t.Fatal(err)
				}
				alone[i] = rows[0]
			}
			for range 3 { // the second time, a cache would have them
				readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
				if err != nil {
					t.Fatal(err)
				}
				for i, reading := range readings {
					if reading.Err != nil || distance(reading.Rows, alone[i]) != 0 {
						t.Fatalf("%d tokens read %v (%v), and %v alone", len(items[i].IDs), reading.Rows, reading.Err, alone[i])
					}
					if reading.Shared+reading.Cached != 0 {
						t.Fatalf("%d tokens shared and %d cached", reading.Shared, reading.Cached)
					}
				}
			}
		})
	}
}

// TestAnEncodersEveryTokenCounts: the reading is of the whole sequence, whichever of its tokens is named, and moves
// with each of them.
func TestAnEncodersEveryTokenCounts(t *testing.T) {
	for _, name := range packedEncoders {
		t.Run(name, func(t *testing.T) {
			m := fixture(t, "../encoders/"+name)
			read := func(ids []int64, positions ...int) [][]float32 {
				rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{{IDs: ids, Positions: positions}})
				if err != nil {
					t.Fatal(err)
				}
				return rows[0]
			}
			ids := probeIDs(m.info.Manifest.Graph.VocabSize, 24, 3)
			whole := read(ids, 0, 11, 23)
			if distance(whole[:1], whole[1:2]) != 0 || distance(whole[:1], whole[2:]) != 0 {
				t.Errorf("the first, a middle and the last token read %v", whole)
			}
			for at := range ids {
				changed := slices.Clone(ids)
				changed[at] = (changed[at] + 1) % m.info.Manifest.Graph.VocabSize
				if distance(read(changed, 23), whole[:1]) == 0 {
					t.Errorf("token %d changes nothing", at)
				}
			}
		})
	}
}

// TestWrongAttentionIsRefused: a graph is not run as if its tokens saw more or less than they do.
func TestWrongAttentionIsRefused(t *testing.T) {
	const decoder, process, padded = "llama-reward-packed", "llama-process-packed", "llama-reward-padded"
	const bert, roberta = "../encoders/bert-reranker-packed", "../encoders/roberta-reranker-packed"
	both, causal := "attention: bidirectional", "attention: causal"
	for _, test := range []struct {
		name, bundle string
		replace      []string
		want         string
	}{
		{"a decoder's to both sides", decoder, []string{"layout: packed", "layout: packed\n  " + both}, "which this layout does not give"},
		{"steps to both sides", process, []string{"layout: packed", "layout: packed\n  " + both}, "a process model needs causal"},
		{"of rows", padded, []string{"layout: padded", "layout: padded\n  " + both}, "only the packed layout has it"},
		{"an encoder's forward", bert, []string{both, causal}, "pooling is \"in_graph\""},
		{"an encoder's forward, read at the end", bert, []string{both, causal, "in_graph", "last_attended"}, `input "token_type_ids", which this layout does not give`},
		{"an encoder's without types", roberta, []string{both, causal, "in_graph", "last_attended"}, "pooling last_attended: the output of a probe"},
		{"more positions than there are", roberta, []string{"max_tokens: 256", "max_tokens: 257"}, "a token at position 256 cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := copyBundle(t, test.bundle)
			text := d.read(manifest.File)
			for i := 0; i < len(test.replace); i += 2 {
				if !strings.Contains(text, test.replace[i]) {
					t.Fatalf("the manifest has no %q", test.replace[i])
				}
			}
			d.edit(manifest.File, test.replace...)
			d.refused(test.want)
		})
	}
}
