package onnxrun

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/kernels/onnx"
	"github.com/assay-rm/assay/models/manifest"
)

// openStages opens a fixture in stages on the processors, with pools for 64 tokens and nothing cached.
func openStages(t *testing.T, name string) *Session {
	t.Helper()
	startRuntime(t)
	read := func(file string) []byte {
		data, err := os.ReadFile(filepath.Join("..", "testdata", "fused", name, file))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	m, err := manifest.Parse(read(manifest.File))
	if err != nil {
		t.Fatal(err)
	}
	graph := &Graph{Manifest: &m}
	for _, file := range m.Graph.Files() {
		content := read(file)
		signature, err := onnx.ReadSignature(content)
		if err != nil {
			t.Fatal(err)
		}
		graph.Stages = append(graph.Stages, Stage{Inputs: signature.Inputs, Outputs: signature.Outputs, Content: content, Bytes: int64(len(content))})
	}
	s, err := Open(t.Context(), graph, 1, Device{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if _, err := s.Reserve(0, 64); err != nil {
		t.Fatal(err)
	}
	return s
}

// planOf is a forward of one sequence of as many tokens as there is room for.
func planOf(t *testing.T, first int64) *batching.Plan {
	t.Helper()
	ids := make([]int64, 64)
	for i := range ids {
		ids[i] = (first + 7*int64(i)) % 400
	}
	plan, _, err := batching.MakePlan([]batching.Sequence{{IDs: ids, Positions: []int{20, 63}}}, batching.Options{InPlace: true})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func runPlan(t *testing.T, s *Session, plan *batching.Plan) [][]float32 {
	t.Helper()
	rows, err := s.Run(t.Context(), plan)
	if err != nil {
		t.Error(err)
	}
	return rows
}

// waiting is a GPU on which a forward is done when the function says.
type waiting struct {
	accelerator
	done func() error
}

func (w waiting) wait() error { return w.done() }

func (waiting) close() error { return nil }

// TestForwardsAreInStagesAtOnce: while one is in the second stage, the next is in the first, and each reads what it
// reads alone, though both have the same places beside the cache.
func TestForwardsAreInStagesAtOnce(t *testing.T) {
	s := openStages(t, "qwen3-assay-float16-stages")
	plans := []*batching.Plan{planOf(t, 1), planOf(t, 200)}
	alone := [][][]float32{runPlan(t, s, plans[0]), runPlan(t, s, plans[1])}
	if slices.EqualFunc(alone[0], alone[1], slices.Equal) {
		t.Fatal("both read the same")
	}
	var entered sync.WaitGroup
	entered.Add(2) // forwards that were in the first stage
	place := s.places[0]
	place[0].gpu = waiting{done: func() error { entered.Done(); return nil }}
	place[1].gpu = waiting{done: func() error {
		both := make(chan struct{})
		go func() { entered.Wait(); close(both) }()
		select {
		case <-both:
			return nil
		case <-time.After(20 * time.Second):
			return errors.New("no forward is in the first stage while one is in the second")
		}
	}}
	var group sync.WaitGroup
	for i, plan := range plans {
		group.Go(func() {
			if rows := runPlan(t, s, plan); !slices.EqualFunc(rows, alone[i], slices.Equal) {
				t.Errorf("forward %d reads %v beside another, and %v alone", i, rows, alone[i])
			}
		})
	}
	group.Wait()
}

// TestForwardsDoNotMeetInAStage: many pass through both forms at once, and each reads what it reads alone.
func TestForwardsDoNotMeetInAStage(t *testing.T) {
	for _, name := range []string{"qwen3-assay-float16-stages", "qwen2-float32-stages"} {
		s := openStages(t, name)
		var group sync.WaitGroup
		for forward := range 4 {
			plan := planOf(t, int64(90*forward))
			alone := runPlan(t, s, plan)
			group.Go(func() {
				for range 10 {
					if rows := runPlan(t, s, plan); !slices.EqualFunc(rows, alone, slices.Equal) {
						t.Errorf("%s: forward %d reads %v beside others, and %v alone", name, forward, rows, alone)
					}
				}
			})
		}
		group.Wait()
	}
}

// TestAStageThatFailsFailsItsForward: and leaves its turn to the next.
func TestAStageThatFailsFailsItsForward(t *testing.T) {
	s := openStages(t, "qwen3-assay-float16-stages")
	plan := planOf(t, 1)
	alone := runPlan(t, s, plan)
	for i, st := range s.places[0] {
		st.gpu = waiting{done: func() error { return errors.New("no more memory") }}
		if _, err := s.Run(t.Context(), plan); err == nil || err.Error() != "no more memory" {
			t.Errorf("stage %d: %v", i, err)
		}
		st.gpu = nil
		if rows := runPlan(t, s, plan); !slices.EqualFunc(rows, alone, slices.Equal) {
			t.Errorf("behind a forward that failed in stage %d: %v, want %v", i, rows, alone)
		}
	}
}

// TestPoolsThatDoNotFitNameTheDevice: with the bytes of its stage alone.
func TestPoolsThatDoNotFitNameTheDevice(t *testing.T) {
	s := openStages(t, "qwen3-assay-float16-stages")
	s.places[0][1].gpu = small{}
	block := s.BlockBytes()
	_, err := s.Reserve(10*block, 64)
	if err == nil || !strings.HasPrefix(err.Error(), "the keys and values of 10 blocks and 64 tokens, 57344 bytes, do not fit on GPU 1: give less with --cache: ") {
		t.Error(err)
	}
	if block != 2*57344/14 {
		t.Errorf("a block has %d bytes in both stages", block)
	}
	s.places[0][1].gpu = nil
}

// small is a GPU that has no memory left.
type small struct{ accelerator }

func (small) newPools(int, int, blockShape) (*pools, error) { return nil, errors.New("out of memory") }

func (small) name() string { return "GPU 1" }
