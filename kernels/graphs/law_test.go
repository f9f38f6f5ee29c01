package graphs

import (
	"math"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// row gives the inputs of one row alone.
func row(g *Graph, inputs map[string]Tensor, i int) map[string]Tensor {
	one := map[string]Tensor{}
	for _, v := range g.Inputs() {
		t := inputs[v.Name]
		if v.Rows() {
			width := size(t.Dims[1:])
			t = Tensor{append([]int{1}, t.Dims[1:]...), t.Data[i*width : (i+1)*width]}
		}
		one[v.Name] = t
	}
	return one
}

// sameBits says whether row i of a batch's output is the output of that row alone.
func sameBits(batch, alone Tensor, i int) bool {
	width := size(batch.Dims[1:])
	for j, v := range alone.Data {
		if math.Float32bits(v) != math.Float32bits(batch.Data[i*width+j]) {
			return false
		}
	}
	return len(alone.Data) == width
}

// TestRowHasSameBitsAloneAndInAnyBatch is the law of the package, for readings and for gradients.
func TestRowHasSameBitsAloneAndInAnyBatch(t *testing.T) {
	found := append(files(t, "heads/*.onnx", 45), files(t, "operators/*.onnx", 160)...)
	graphs := map[string]*Graph{}
	for _, file := range found {
		graphs[file] = load(t, file)
	}
	rapid.Check(t, func(r *rapid.T) {
		file := rapid.SampledFrom(found).Draw(r, "file")
		g := graphs[file]
		rows := rapid.IntRange(2, 150).Draw(r, "rows")
		i := rapid.IntRange(0, rows-1).Draw(r, "row")
		inputs := example(g, rows, rapid.Uint64().Draw(r, "seed"))
		batch, err := g.Run(inputs)
		must(t, err)
		alone, err := g.Run(row(g, inputs, i))
		must(t, err)
		for name := range batch {
			if !sameBits(batch[name], alone[name], i) {
				r.Fatalf("%s: output %s of row %d of %d differs from that row alone", file, name, i, rows)
			}
		}
		if filepath.Base(filepath.Dir(file)) != "heads" {
			return
		}
		by := g.Inputs()[0]
		label := rapid.IntRange(0, g.Outputs()[0].Dims[1]-1).Draw(r, "label")
		slopes, err := g.Gradient(inputs, g.Outputs()[0].Name, label, by.Name)
		must(t, err)
		slope, err := g.Gradient(row(g, inputs, i), g.Outputs()[0].Name, label, by.Name)
		must(t, err)
		if !sameBits(slopes, slope, i) {
			r.Fatalf("%s: the gradient of row %d of %d differs from that row alone", file, i, rows)
		}
	})
}

// TestConcurrentRunsAgree runs one graph from many goroutines; the race detector watches.
func TestConcurrentRunsAgree(t *testing.T) {
	g := load(t, "testdata/heads/gating.onnx")
	inputs := example(g, 43, 3)
	want, err := g.Run(inputs)
	must(t, err)
	slopes, err := g.Gradient(inputs, "score", 0, "hidden")
	must(t, err)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				got, err := g.Run(inputs)
				if err != nil || !sameBits(got["score"], Tensor{Data: want["score"].Data[7:8]}, 7) {
					t.Errorf("another result: %v", err)
				}
				again, err := g.Gradient(inputs, "score", 0, "hidden")
				if err != nil || again.Data[99] != slopes.Data[99] {
					t.Errorf("another gradient: %v", err)
				}
			}
		})
	}
	group.Wait()
	if n := len(g.programs.free); n > idle {
		t.Errorf("%d programs are kept, and at most %d are allowed", n, idle)
	}
}

// TestOneBadRowSpoilsNoOther overflows one row of a batch.
func TestOneBadRowSpoilsNoOther(t *testing.T) {
	g := load(t, "testdata/heads/ensemble.onnx")
	inputs := example(g, 9, 5)
	want, err := g.Run(inputs)
	must(t, err)
	for j := range 16 {
		inputs["hidden"].Data[4*16+j] = 3e38
	}
	got, err := g.Run(inputs)
	must(t, err)
	for i := range 9 {
		alone := Tensor{Data: want["score"].Data[i*3 : i*3+3]}
		if sameBits(got["score"], alone, i) == (i == 4) {
			t.Errorf("row %d: %v, and without the bad row %v", i, got["score"].Data[i*3:i*3+3], alone.Data)
		}
	}
}

// TestOperatorsGradientsEqualDifferences compares the gradient of every operator with differences of its own outputs
// along a direction. PyTorch's gradients of the heads are the exact test; this one covers every operator and every
// input.
func TestOperatorsGradientsEqualDifferences(t *testing.T) {
	const rows, h = 3, 1.0 / 2048
	for _, file := range files(t, "operators/*.21.onnx", 60) {
		g := load(t, file)
		at := example(g, rows, 11)
		for _, by := range g.Inputs() {
			for _, output := range g.Outputs() {
				if g.reads(output.Name, by.Name) != nil {
					continue
				}
				b, err := g.build(rows, []string{output.Name}, by.Name, false)
				must(t, err)
				score := b.values[output.Name]
				if !score.active {
					continue // the way leads through a comparison or a shape
				}
				weights := example(&Graph{inputs: []Value{{"w", score.dims}}}, rows, 13)["w"].Data
				direction := example(&Graph{inputs: []Value{{"d", at[by.Name].Dims}}}, rows, 17)["d"].Data
				slope, err := b.gradient(score.node, weights, b.leaf)
				must(t, err)
				p, err := compile(key{}, b, []*vector{slope})
				must(t, err)
				for name, feed := range p.feeds {
					copy(feed, at[name].Data)
				}
				must(t, p.run())
				got, scale := 0.0, 0.0
				for i, s := range p.result(0) {
					got += float64(s) * float64(direction[i])
					scale += math.Abs(float64(s) * float64(direction[i]))
				}
				want := 0.0
				for _, side := range []float64{-1, 1} {
					there := map[string]Tensor{}
					for name, v := range at {
						there[name] = Tensor{v.Dims, append([]float32{}, v.Data...)}
					}
					for i, d := range direction {
						there[by.Name].Data[i] += float32(side * h * float64(d))
					}
					out, err := g.Run(there)
					must(t, err)
					for i, y := range out[output.Name].Data {
						want += side * float64(weights[i]) * float64(y) / (2 * h)
					}
				}
				if d := math.Abs(got-want) / math.Max(1, scale); !(d < 0.01) {
					t.Errorf("%s: output %s by %s: slope %g, and differences give %g", file, output.Name, by.Name, got, want)
				}
			}
		}
	}
}
