package graphs

import (
	"runtime"
	"testing"
)

// sized makes a head without a file: hidden → outputs, or through a layer of width with ReLU.
func sized(tb testing.TB, hidden, width int) *Graph {
	tb.Helper()
	g, err := Load(encode(hidden, width))
	must(tb, err)
	return g
}

func benchmarkRun(b *testing.B, g *Graph, rows int) {
	b.Helper()
	inputs := example(g, rows, 1)
	_, err := g.Run(inputs)
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Run(inputs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkLinear4096(b *testing.B)    { benchmarkRun(b, sized(b, 4096, 0), 64) }
func BenchmarkLinear4096Row(b *testing.B) { benchmarkRun(b, sized(b, 4096, 0), 1) }
func BenchmarkMLP1024(b *testing.B)       { benchmarkRun(b, sized(b, 1024, 1024), 64) }
func BenchmarkMLP1024Row(b *testing.B)    { benchmarkRun(b, sized(b, 1024, 1024), 1) }
func BenchmarkMLP1024Odd(b *testing.B)    { benchmarkRun(b, sized(b, 1024, 1024), 63) }

func BenchmarkSmall64(b *testing.B) { benchmarkRun(b, load(b, "testdata/heads/mlp-silu.onnx"), 64) }
func BenchmarkSmall63(b *testing.B) { benchmarkRun(b, load(b, "testdata/heads/mlp-silu.onnx"), 63) }

func BenchmarkGradientMLP1024(b *testing.B) {
	g := sized(b, 1024, 1024)
	inputs := example(g, 64, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Gradient(inputs, "score", 0, "hidden"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompile is what a batch size costs that no program is kept for.
func BenchmarkCompile(b *testing.B) {
	g := sized(b, 1024, 1024)
	for b.Loop() {
		if _, err := g.forward(key{rows: 64}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRunAllocatesLittle holds a run's allocations: those of gorgonia's machine and of the result.
func TestRunAllocatesLittle(t *testing.T) {
	for name, limit := range map[string]struct {
		hidden, width int
		allocs        float64
		bytes         uint64
	}{"linear": {4096, 0, 60, 16 << 10}, "mlp": {1024, 1024, 120, 32 << 10}} {
		g := sized(t, limit.hidden, limit.width)
		inputs := example(g, 64, 1)
		_, err := g.Run(inputs)
		must(t, err)
		allocs := testing.AllocsPerRun(20, func() {
			_, err = g.Run(inputs)
		})
		must(t, err)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			_, err = g.Run(inputs)
		}
		must(t, err)
		runtime.ReadMemStats(&after)
		bytes := (after.TotalAlloc - before.TotalAlloc) / 20
		t.Logf("%s: %.0f allocations and %d bytes a run", name, allocs, bytes)
		if allocs > limit.allocs || bytes > limit.bytes {
			t.Errorf("%s: %.0f allocations of %d bytes a run, and at most %.0f of %d are allowed", name, allocs, bytes, limit.allocs, limit.bytes)
		}
	}
}

// TestMemoryStaysBounded runs batches of every size and as many kinds of gradient as there are programs kept, twice
// over.
func TestMemoryStaysBounded(t *testing.T) {
	g := sized(t, 256, 256)
	round := func() uint64 {
		for rows := 1; rows <= 200; rows += 3 {
			inputs := example(g, rows, 1)
			_, err := g.Run(inputs)
			must(t, err)
			_, err = g.Gradient(inputs, "score", 0, "hidden")
			must(t, err)
		}
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	first := round()
	for range 4 {
		round()
	}
	if last := round(); last > first+first/4+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", first, last)
	}
}
