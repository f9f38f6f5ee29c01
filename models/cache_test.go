package models

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/onnxrun"
)

// TestBeamsReadTheSameFromTheCache: sixteen beams that grow step by step read, at every step, what the forward without
// a cache reads.
func TestBeamsReadTheSameFromTheCache(t *testing.T) {
	for _, name := range []string{"qwen2prm-process-packed", "gemma2-process-packed", "qwen3-reward-packed"} {
		t.Run(name, func(t *testing.T) {
			m := serve(t, filepath.Join("testdata", "bundles", name))
			random := rand.New(rand.NewPCG(1, 2))
			vocabulary := m.info.Manifest.Graph.VocabSize
			more := func(n int) (ids []int64) {
				for range n {
					ids = append(ids, random.Int64N(vocabulary))
				}
				return ids
			}
			limit := m.info.Manifest.Limits.MaxTokens
			beams := make([]encode.Encoded, 16)
			prompt := more(limit / 4)
			for i := range beams {
				beams[i] = encode.Encoded{IDs: slices.Clone(prompt)}
			}
			step := limit / 16
			cached := 0
			for len(beams[0].IDs)+step <= limit {
				parents := slices.Clone(beams)
				for i := range beams {
					parent := parents[i&^3] // four children of each fourth beam
					beams[i] = encode.Encoded{
						IDs:       slices.Concat(parent.IDs, more(step)),
						Positions: slices.Clone(parent.Positions),
					}
					beams[i].Positions = append(beams[i].Positions, len(beams[i].IDs)-1)
				}
				readings, err := m.ReadEncoded(t.Context(), Caller{}, beams)
				if err != nil {
					t.Fatal(err)
				}
				for i, reading := range readings {
					rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{{IDs: beams[i].IDs, Positions: beams[i].Positions}})
					if err != nil || reading.Err != nil {
						t.Fatal(err, reading.Err)
					}
					if moved := distance(reading.Rows, rows[0]); moved != 0 {
						t.Fatalf("beam %d of %d tokens, %d cached, is off by %g", i, len(beams[i].IDs), reading.Cached,
							moved)
					}
					cached += reading.Cached
				}
			}
			if cached == 0 {
				t.Fatal("nothing came from the cache")
			}
		})
	}
}

// TestLanesReadTheSame: beside others on one thread each, in shared plans and behind cached prefixes, real graphs give
// the bits that a sequence has alone on all threads.
func TestLanesReadTheSame(t *testing.T) {
	for _, name := range []string{"qwen2prm-process-packed", "gemma2-process-packed", "qwen3-reward-packed-int8", "qwen3-reward-padded", "../encoders/bert-reranker-packed", "../encoders/modernbert-reranker-mean-packed"} {
		t.Run(name, func(t *testing.T) {
			m := fixture(t, name)
			read, err := readBundle(Dir(filepath.Join("testdata", "bundles", name)))
			if err != nil {
				t.Fatal(err)
			}
			two, err := onnxrun.Open(t.Context(), read.graphFile(), 2, onnxrun.Device{})
			if err != nil {
				t.Fatal(err)
			}
			defer two.Close()
			options := m.batching(Options{})
			options.Budget.Tokens, options.Lanes = 128, 2
			if options.CacheBlocks, err = two.Reserve(16<<20, 0); err != nil {
				t.Fatal(err)
			}
			b := batching.New(two, options)
			done := make(chan error, 1)
			go func() { done <- b.Run(t.Context()) }()
			random := rand.New(rand.NewPCG(3, 4))
			prompt := probeIDs(m.info.Manifest.Graph.VocabSize, 60, 1)
			for range 4 {
				items := make([]batching.Sequence, 24)
				for i := range items {
					ids := slices.Concat(prompt[:random.IntN(61)], probeIDs(m.info.Manifest.Graph.VocabSize, 2+random.IntN(60), random.Uint64()))
					items[i] = batching.Sequence{IDs: ids, Positions: []int{len(ids) / 2, len(ids) - 1}}
				}
				results, err := b.Submit(t.Context(), Caller{}, slices.Concat(items, items[:8]))
				if err != nil {
					t.Fatal(err)
				}
				for i, result := range results {
					rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{items[i%len(items)]})
					if err != nil || result.Err != nil {
						t.Fatal(err, result.Err)
					}
					if moved := distance(result.Values, rows[0]); moved > m.tolerance() {
						t.Fatalf("a sequence of %d tokens, %d of them cached, is off by %g",
							len(items[i%len(items)].IDs), result.Cached, moved)
					}
				}
			}
			b.Close()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if b.Stats().Narrow == 0 {
				t.Error("nothing ran on one thread")
			}
		})
	}
}

// TestACacheThatReadsOtherwiseIsRefused: keys and values that are not what the graph wants back do not pass the proof.
func TestACacheThatReadsOtherwiseIsRefused(t *testing.T) {
	d := copyBundle(t, "qwen3-reward-packed")
	d.edit("model.onnx", "present_key.0", "present_key.1", "present_key.1", "present_key.0")
	m, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512})
	if err != nil {
		t.Fatalf("without a cache: %v", err)
	}
	m.freeSession()
	_, err = Open(t.Context(), Dir(d.dir), Options{Tokens: 512, Cache: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "cached ones") {
		t.Errorf("keys of two layers exchanged: %v", err)
	}
}

// TestACacheThatCannotBeIsRefused: one without room for a block, and one without addresses.
func TestACacheThatCannotBeIsRefused(t *testing.T) {
	for bytes, says := range map[int64]string{
		100:     "a key-value cache of 100 bytes holds no block of 16 tokens, which takes ",
		1 << 60: "a key-value cache of 1152921504606846976 bytes does not fit on the host: give less with --cache: cannot allocate memory",
	} {
		_, err := Open(t.Context(), Dir("testdata/bundles/qwen3-reward-packed"), Options{Tokens: 512, Cache: bytes})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d bytes: %v", bytes, err)
		}
	}
}

// TestCachedLikelihoodsAreOfTheirOwnToken: the log-probability at a token is that of the token which follows it, so
// sequences that part within or behind a cached block read what they read without a cache, in whatever order they come.
func TestCachedLikelihoodsAreOfTheirOwnToken(t *testing.T) {
	for _, name := range []string{"dpo-llama3", "dpo-qwen3-tied"} {
		t.Run(name, func(t *testing.T) {
			var items []encode.Encoded
			for _, backwards := range []bool{false, true} {
				m := serve(t, filepath.Join("testdata", "families", name))
				items = partingAt(m.info.Manifest.Graph.VocabSize, 15, 16, 17, 32, 33)
				if backwards {
					slices.Reverse(items)
				}
				cached := 0
				for range 2 { // the second time they come together, and behind what the first time left
					for _, item := range items {
						cached += readAs(t, m, []encode.Encoded{item})
					}
					cached += readAs(t, m, items)
				}
				if cached == 0 {
					t.Error("nothing came from the cache")
				}
			}
		})
	}
}

// partingAt returns sequences that share so many tokens, then differ, and are read at every token but the last.
func partingAt(vocabulary int64, shared ...int) []encode.Encoded {
	common := probeIDs(vocabulary, 40, 7)
	items := []encode.Encoded{{IDs: common}}
	for _, n := range shared {
		for seed := range uint64(2) {
			rest := probeIDs(vocabulary, 9, 11+seed)
			rest[0] = (common[n] + 1 + int64(seed)) % vocabulary
			items = append(items, encode.Encoded{IDs: slices.Concat(common[:n], rest)})
		}
	}
	for i := range items {
		for at := range len(items[i].IDs) - 1 {
			items[i].Positions = append(items[i].Positions, at)
		}
	}
	return items
}

// readAs reads items through the batcher, holds each to its own forward to the bit, and returns how many of their
// tokens were cached.
func readAs(t *testing.T, m *Model, items []encode.Encoded) (cached int) {
	t.Helper()
	readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
	if err != nil {
		t.Fatal(err)
	}
	for i, reading := range readings {
		rows, err := m.forward(t.Context(), m.batching(Options{}), []batching.Sequence{{IDs: items[i].IDs, Positions: items[i].Positions}})
		if err != nil || reading.Err != nil {
			t.Fatal(err, reading.Err)
		}
		if moved := distance(reading.Rows, rows[0]); moved != 0 {
			t.Fatalf("%d tokens, %d cached: off by %g", len(items[i].IDs), reading.Cached, moved)
		}
		cached += reading.Cached
	}
	return cached
}
