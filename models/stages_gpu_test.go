//go:build gpu

package models

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/encode"
)

// inFlight is a runner that counts the forwards that are in it at once.
type inFlight struct {
	batching.Runner
	now, most atomic.Int32
}

func (r *inFlight) Run(ctx context.Context, plan *batching.Plan) ([][]float32, error) {
	now := r.now.Add(1)
	defer r.now.Add(-1)
	for most := r.most.Load(); now > most && !r.most.CompareAndSwap(most, now); most = r.most.Load() {
	}
	return r.Runner.Run(ctx, plan)
}

// TestStagesOnTwoGPUsReadTheBitsOfTheUncutGraph: each stage has its keys, values and kernels on a device of its own.
// What is read is the uncut graph's on one device, in batches with two forwards in flight, again behind cached blocks,
// and alone.
func TestStagesOnTwoGPUsReadTheBitsOfTheUncutGraph(t *testing.T) {
	for cut, whole := range staged {
		t.Run(cut, func(t *testing.T) {
			uncut, m := onSharedGPU(t, filepath.Join("fused", whole)), onSharedGPU(t, filepath.Join("fused", cut), 1, 0)
			shared := m.probeItem(64, 3)
			var items []encode.Encoded
			for i, length := range []int{70, 80, 66, 9, 40} { // the twins are slow
				ids := m.probeItem(length, uint64(10+i))
				copy(ids[:length/2], shared)
				items = append(items, encode.Encoded{IDs: ids, Positions: []int{length - 1}})
			}
			items = append(items, encode.Encoded{IDs: m.probeItem(130, 4), Positions: []int{129}})
			want, cached := readAlone(t, uncut, items), 0
			for range 3 {
				readings, err := m.ReadEncoded(t.Context(), Caller{}, items)
				if err != nil {
					t.Fatal(err)
				}
				for i, reading := range readings {
					if diff := cmp.Diff(want[i], reading.Rows); diff != "" || reading.Err != nil {
						t.Errorf("item %d behind %d cached tokens: %v (-uncut +cut):\n%s", i, reading.Cached, reading.Err, diff)
					}
					cached += reading.Cached
				}
			}
			if diff := cmp.Diff(want, readAlone(t, m, items)); diff != "" {
				t.Errorf("alone (-uncut +cut):\n%s", diff)
			}
			if most := m.runner.(*inFlight).most.Load(); most != 2 || cached == 0 {
				t.Errorf("%d forwards were in flight at once, want 2; %d tokens were cached", most, cached)
			}
		})
	}
}
