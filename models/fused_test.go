package models

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/onnxrun"
)

// stock are the fixtures whose attention is ONNX Runtime's own operator, made by assay-export --compute, that
// processors run; fused are these, and those whose operators are of domain assay, whose bodies run.
var (
	stock = []string{"qwen2-float32", "qwen2-float16"}
	fused = slices.Concat(stock, []string{
		"qwen2-int4-float16", "qwen2-assay-float32", "qwen2-assay-bfloat16", "qwen3-assay-float16", "qwen2-assay-bfloat16-int8", "qwen3-assay-float16-int8",
		"qwen3-assay-bfloat16-external",
	}, fusedEncoders)
	// fusedEncoders are those whose tokens see their whole sequence, of which nothing is shared or kept.
	fusedEncoders = []string{"bert-float32", "bert-float16", "modernbert-float16", "bert-assay-float16", "modernbert-assay-bfloat16"}
)

// openFused opens one of them on so many threads, with a cache.
func openFused(t *testing.T, name string, threads int) *Model {
	t.Helper()
	m, err := Open(t.Context(), Dir(filepath.Join("testdata", "fused", name)), Options{Tokens: 512, Threads: threads, Cache: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.freeSession)
	return m
}

// TestFusedGraphsReadTheSame: a sequence reads alone what it reads in any batch, behind a shared prefix, behind what is
// cached of it, on lanes and beside what is put behind a plan: within the bound, which is told beside what was seen.
func TestFusedGraphsReadTheSame(t *testing.T) {
	for _, name := range fused {
		for _, threads := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				m := openFused(t, name, threads)
				random := rand.New(rand.NewPCG(5, uint64(threads)))
				worst, cached := 0.0, 0
				for _, rounding := range []batching.Rounding{roundingOn(onnxrun.Device{}), roundingOn(onnxrun.Device{GPUs: []int{0}})} {
					moved, found := readsAlikeFused(t, m, random, rounding)
					worst, cached = max(worst, moved), cached+found
				}
				t.Logf("%d threads: largest difference %g, bound %g; %d tokens were cached", threads, worst, m.tolerance(), cached)
				if encoder := slices.Contains(fusedEncoders, name); worst > m.tolerance() || (cached == 0) != encoder {
					t.Errorf("off by %g, and %g is allowed; %d tokens were cached", worst, m.tolerance(), cached)
				}
			})
		}
	}
}

// readsAlikeFused sends random sequences with shared prefixes through a batcher, some of them again, and gives how far
// they were from what they read alone, and how many of their tokens were cached.
func readsAlikeFused(t *testing.T, m *Model, random *rand.Rand, rounding batching.Rounding) (worst float64, cached int) {
	t.Helper()
	options := m.batching(Options{})
	options.Budget.Tokens, options.Rounding = 512, rounding
	options.CacheBlocks = int(m.info.Cache / max(1, m.info.Block))
	b := batching.New(m.runner, options)
	done := make(chan error, 1)
	go func() { done <- b.Run(context.WithoutCancel(t.Context())) }()
	vocabulary, limit := m.info.Manifest.Graph.VocabSize, m.info.Manifest.Limits.MaxTokens
	prompt := probeIDs(vocabulary, limit/2, random.Uint64())
	for range 4 {
		items := make([]batching.Sequence, 24)
		for i := range items {
			ids := slices.Concat(prompt[:random.IntN(len(prompt)+1)], probeIDs(vocabulary, 1+random.IntN(limit/2), random.Uint64()))
			items[i] = batching.Sequence{IDs: ids, Positions: []int{len(ids) - 1}}
		}
		items = append(items, items[:8]...)
		results, err := b.Submit(t.Context(), Caller{}, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range results {
			alone, err := m.forward(t.Context(), m.batching(Options{}), items[i:i+1])
			if err != nil || result.Err != nil {
				t.Fatal(err, result.Err)
			}
			worst, cached = max(worst, distance(result.Values, alone[0])), cached+result.Cached
		}
	}
	b.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return worst, cached
}

// TestFusedGoldenPairs: the scores are PyTorch's within the manifest's tolerance, which follows the drift, and a block
// of keys and values has half the bytes where they have 16 bits.
func TestFusedGoldenPairs(t *testing.T) {
	blocks := map[string]int64{}
	for _, name := range fused {
		m := serve(t, filepath.Join("testdata", "fused", name))
		pairs, err := m.Golden()
		if err != nil || len(pairs) < 10 {
			t.Fatalf("%d pairs, %v", len(pairs), err)
		}
		readings, err := m.ReadEncoded(t.Context(), Caller{}, encodeAll(t, m, pairs))
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, pair := range pairs {
			if readings[i].Err != nil {
				t.Fatal(readings[i].Err)
			}
			worst = max(worst, distance(readings[i].Rows, [][]float32{{float32(*pair.Score)}}))
		}
		tolerance := m.info.Manifest.Golden.Tolerance
		if d := m.info.Manifest.Graph.Drift; d != nil && tolerance != max(1e-4, 2*d.Score) {
			t.Errorf("%s: the tolerance is %g, and the drift %g", name, tolerance, d.Score)
		}
		if worst > tolerance {
			t.Errorf("%s: %g from PyTorch, and %g is allowed", name, worst, tolerance)
		}
		blocks[name] = m.info.Block
	}
	if blocks["qwen2-float32"] != 2*blocks["qwen2-float16"] || blocks["qwen2-float16"] == 0 {
		t.Errorf("bytes of a block: %v", blocks)
	}
}

// TestAFusedCacheThatReadsOtherwiseIsRefused: keys of 16 bits that are not what the graph wants back do not pass the
// proof, whose bound is that of their rounding.
func TestAFusedCacheThatReadsOtherwiseIsRefused(t *testing.T) {
	d := copyBundle(t, "../fused/qwen2-float16")
	d.edit("model.onnx", "present_key.0", "present_key.1", "present_key.1", "present_key.0")
	_, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512, Cache: 1 << 20})
	if err == nil || !strings.Contains(err.Error(), "cached ones") {
		t.Errorf("keys of two layers exchanged: %v", err)
	}
}

// TestBFloat16NeedsAGPU: on processors the start ends with the sentence that says what mends it.
func TestBFloat16NeedsAGPU(t *testing.T) {
	for _, name := range []string{"qwen2-bfloat16", "bert-bfloat16"} {
		_, err := Open(t.Context(), Dir(filepath.Join("testdata", "fused", name)), Options{Tokens: 512})
		if err == nil || !strings.Contains(err.Error(), "graph.compute is bfloat16, and ONNX Runtime has no products of bfloat16 for processors: serve it with --device cuda") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPresentOfAnotherTypeIsRefused: a graph that takes keys of float16 and gives them in float32 is refused by name.
func TestAPresentOfAnotherTypeIsRefused(t *testing.T) {
	d := copyBundle(t, "../fused/qwen2-float32")
	d.edit("assay.yaml", "precision: float32", "precision: float16", "compute: float32", "compute: float16\n  drift: {score: 0.001, order: 0.99, items: 64}")
	_, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512})
	if want := "graph.compute is float16: the graph's input past_key.0 is float, and must be float16"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
