package models

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/onnxrun"
)

// staged are the fixtures that are cut into stages, and the same weights uncut: with keys and values that are gathered
// and kept, and in pools.
var staged = map[string]string{"qwen2-float32-stages": "qwen2-float32", "qwen3-assay-float16-stages": "qwen3-assay-float16"}

// readAlone gives the rows of items, each read in a forward of its own.
func readAlone(t *testing.T, m *Model, items []encode.Encoded) (rows [][][]float32) {
	t.Helper()
	for _, item := range items {
		readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
		if err != nil || readings[0].Err != nil {
			t.Fatal(err, readings)
		}
		rows = append(rows, readings[0].Rows)
	}
	return rows
}

// TestStagesReadTheBitsOfTheUncutGraph: alone, in any batch and behind cached blocks.
func TestStagesReadTheBitsOfTheUncutGraph(t *testing.T) {
	for cut, whole := range staged {
		t.Run(cut, func(t *testing.T) {
			uncut, m := serve(t, filepath.Join("testdata", "fused", whole)), serve(t, filepath.Join("testdata", "fused", cut))
			items := goldenItems(t, m)
			want := readAlone(t, uncut, items)
			if diff := cmp.Diff(want, readAlone(t, m, items)); diff != "" {
				t.Fatalf("(-uncut +cut):\n%s", diff)
			}
			readsAlikeInAnyBatch(t, m, items, want, 8)
			if m.info.Block != uncut.info.Block || m.info.Block == 0 {
				t.Errorf("a block has %d bytes, and %d uncut", m.info.Block, uncut.info.Block)
			}
		})
	}
}

// TestStagesThatDoNotFitAreRefused: each by what the next stage lacks.
func TestStagesThatDoNotFitAreRefused(t *testing.T) {
	for _, test := range []struct {
		name, file string
		edits      []string
		want       string
	}{
		{"another name", "model.onnx", []string{"residual.1", "residual.9"}, `graph.stages[1]: the graph model.onnx has no output "residual.1"`},
		{"another input", "model.1.onnx", []string{"summand.1", "summand.9"}, `the graph model.1.onnx asks for input "summand.9", which this layout does not give`},
		{"layers elsewhere", "assay.yaml", []string{"model.onnx, layers: 1", "model.onnx, layers: 2", "model.1.onnx, layers: 2", "model.1.onnx, layers: 1"}, `the graph model.onnx has no input "past_key.1"`},
		{"the other order", "assay.yaml", []string{"{file: model.onnx, layers: 1}, {file: model.1.onnx, layers: 2}", "{file: model.1.onnx, layers: 2}, {file: model.onnx, layers: 1}"}, `the graph model.1.onnx asks for input "read_index"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := copyBundle(t, "../fused/qwen2-float32-stages")
			d.edit(test.file, test.edits...)
			if _, err := Open(t.Context(), Dir(d.dir), Options{Tokens: 512}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

// TestEveryStageIsOfTheDigest: a file more is another bundle, and one that is missing is named.
func TestEveryStageIsOfTheDigest(t *testing.T) {
	d := copyBundle(t, "../fused/qwen2-float32-stages")
	d.remove("model.1.onnx")
	if _, err := readBundle(Dir(d.dir)); err == nil || !strings.Contains(err.Error(), `graph.file "model.1.onnx" cannot be read`) {
		t.Error(err)
	}
	b, err := readBundle(Dir("testdata/fused/qwen2-float32-stages"))
	if err != nil {
		t.Fatal(err)
	}
	d = copyBundle(t, "../fused/qwen2-float32-stages")
	d.edit("model.1.onnx", "layer.2.gated.down.weight", "layer.2.gated.down.other_")
	if other, err := readBundle(Dir(d.dir)); err != nil || other.digest == b.digest {
		t.Errorf("%v, the digest has not changed", err)
	}
}

// TestGPUsThatShareACopyNeedAsManyStages: the sentence names the option that mends it, before a GPU is looked for.
func TestGPUsThatShareACopyNeedAsManyStages(t *testing.T) {
	for bundle, device := range map[string]string{
		"fused/qwen2-float32": "cuda:3+1", "fused/qwen2-float32-stages": "cuda:0+1+2", "fused/bert-float16": "cuda:0+1", "bundles/qwen3-reward-packed": "cuda:0+1",
	} {
		given, err := onnxrun.ParseDevice(device)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), Dir(filepath.Join("testdata", bundle)), Options{Tokens: 512, Device: given})
		want := map[string]string{
			"fused/qwen2-float32":         "device cuda:3+1 has 2 GPUs in a copy, and the graph is in 1 part: export the checkpoint with assay-export --stages 2, or serve it with --device cuda:3",
			"fused/bert-float16":          "device cuda:0+1 has 2 GPUs in a copy, and the graph is in 1 part: serve it with --device cuda:0",
			"bundles/qwen3-reward-packed": "device cuda:0+1 has 2 GPUs in a copy, and the graph is in 1 part: export the checkpoint with assay-export --compute float16 --stages 2, or serve it with --device cuda:0",
			"fused/qwen2-float32-stages":  "device cuda:0+1+2 has 3 GPUs in a copy, and the graph is in 2 parts: export the checkpoint with assay-export --stages 3, or serve it with --device cuda:0",
		}[bundle]
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// meeting is a runner whose second forward computes on the ids of the first, as where both have one memory.
type meeting struct {
	batching.Runner
	mu    sync.Mutex
	first *batching.Plan
}

func (r *meeting) Run(ctx context.Context, plan *batching.Plan) ([][]float32, error) {
	r.mu.Lock()
	met := *plan
	if r.first == nil {
		r.first = plan
	}
	met.IDs = slices.Clone(plan.IDs)
	copy(met.IDs, r.first.IDs)
	r.mu.Unlock()
	return r.Runner.Run(ctx, &met)
}

// TestForwardsInFlightReadWhatOneReads: the proof passes, and a device on which forwards meet is refused by name.
func TestForwardsInFlightReadWhatOneReads(t *testing.T) {
	m, err := Open(t.Context(), Dir("testdata/fused/qwen2-float32-stages"), Options{Tokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	defer m.freeSession()
	m.info.Device = onnxrun.Device{GPUs: []int{4, 5}, Stages: 2}
	options, probes := m.batching(Options{}), m.probes()
	if options.Stages != 2 || options.Devices != 1 {
		t.Errorf("two GPUs that share a copy are %d devices of %d stages", options.Devices, options.Stages)
	}
	alone, err := m.readAlone(t.Context(), options, probes)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.proveInFlight(t.Context(), options, probes, alone); err != nil {
		t.Error(err)
	}
	m.runner = &meeting{Runner: m.session}
	err = m.proveInFlight(t.Context(), options, probes, alone)
	if known := new(fault.Error); !errors.As(err, &known) || known.Code != fault.CodeDevice || !strings.Contains(err.Error(), "device cuda:4+5 gives") {
		t.Errorf("forwards that meet: %v", err)
	}
}
