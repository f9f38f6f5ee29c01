//go:build gpu

package models

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
)

// onSharedGPU opens a bundle whose cache and head are on the fake device, while its graph runs on the processors, which
// have one memory with it. Of several devices each has a stage. It gives the model as it serves, with its head placed
// or not.
func onSharedGPU(t *testing.T, bundle string, numbers ...int) *Model {
	t.Helper()
	if os.Getenv("FAKECUDA_SHARED") == "" {
		t.Fatal("FAKECUDA_SHARED=1 must be set: the graph writes into the fake device's memory")
	}
	source := Dir(filepath.Join("testdata", bundle))
	m, err := Open(t.Context(), source, Options{Tokens: 512})
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBundle(source)
	if err != nil {
		t.Fatal(err)
	}
	if numbers == nil {
		numbers = []int{0}
	}
	t.Setenv("FAKECUDA_DEVICES", strconv.Itoa(len(numbers)))
	if err := m.session.ShareGPUs(t.Context(), b.graphFile(), numbers...); err != nil {
		t.Fatal(err)
	}
	options := m.batching(Options{})
	options.Stages = len(numbers)
	options.Budget = batching.Budget{Tokens: 512}
	if options.CacheBlocks, err = m.session.Reserve(8<<20, options.Room); err != nil {
		t.Fatal(err)
	}
	if err := m.proveForward(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	m.runner = &inFlight{Runner: m.runner}
	m.batcher = batching.New(m.runner, options)
	done := make(chan error, 1)
	go func() { done <- m.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		m.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

// TestHeadsOnTheGPUReadWhatTheProcessorsRead: rows and cached blocks stay on the device, readings are those of the head
// on the processors, and they have the same bits alone, in any batch and behind cached blocks.
func TestHeadsOnTheGPUReadWhatTheProcessorsRead(t *testing.T) {
	for name, placed := range map[string]bool{
		"mlp-packed": true, "mlp-padded": true, "steps": true, "gated": true, "preference": true, "user-rows": false, // users are not in a plan
	} {
		t.Run(name, func(t *testing.T) {
			want, m := serveHead(t, name), onSharedGPU(t, filepath.Join("heads", name))
			if got := m.session.PlacesHead(); got != placed {
				t.Errorf("the head is on the device: %t, and %t is wanted", got, placed)
			}
			items := goldenItems(t, m)
			expected, err := want.ReadEncoded(t.Context(), Caller{}, items)
			if err != nil {
				t.Fatal(err)
			}
			alone := make([][][]float32, len(items))
			worst := 0.0
			for i, item := range items {
				readings, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{item})
				if err != nil || readings[0].Err != nil || expected[i].Err != nil {
					t.Fatal(err, readings, expected[i].Err)
				}
				alone[i] = readings[0].Rows
				worst = max(worst, distance(alone[i], expected[i].Rows))
			}
			if t.Logf("worst difference %g", worst); worst > 1e-5 {
				t.Errorf("%g from the head on the processors", worst)
			}
			readsAlikeInAnyBatch(t, m, items, alone, 8)
		})
	}
}
