package onnxrun

import (
	"slices"
	"strings"
	"testing"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/models/inplace"
	"github.com/assay-rm/assay/models/manifest"
)

// TestPlacesOfPools: a token that is kept has its block's slot, every other one behind all blocks, and a tile's keys
// are named by their slots, whether they are cached or new.
func TestPlacesOfPools(t *testing.T) {
	startRuntime(t)
	runtime, err := inplace.Attach(loadedRuntime())
	if err != nil {
		t.Fatal(err)
	}
	shape := blockShape{numbers: numbersOf(&manifest.Graph{Compute: "float16"}), parts: 4, heads: 2, dim: 8}
	p, err := newHostPools(runtime, shape, 5, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	plan := &batching.Plan{IDs: make([]int64, 18), Past: []*batching.Block{{Slot: 3}, {Slot: 1}}}
	keep := batching.Keep{Block: &batching.Block{Slot: 2}}
	for i := range keep.Tokens {
		keep.Tokens[i] = int64(17 - i) // tokens 17 to 2, the last first
	}
	plan.Keep = []batching.Keep{keep}
	plan.KeyIndex = []int64{0, 15, 16, 31, 32, 33, 34, 49}
	slots, keys, err := p.places(plan, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{80, 81, 47, 46}; !slices.Equal(slots[:4], want) || slots[17] != 32 {
		t.Errorf("slots %v, want %v … 32", slots, want)
	}
	if want := []int64{48, 63, 16, 31, 80, 81, 47, 32}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	value, err := p.value(3)
	if err != nil || !slices.Equal(value.GetShape(), []int64{5*batching.BlockTokens + 20, 2, 8}) {
		t.Fatal(value, err)
	}
	value.Destroy() //nolint:errcheck // freeing cannot fail
	plan.IDs = make([]int64, 21)
	if _, _, err := p.places(plan, 0); err == nil || err.Error() != "a forward of 21 tokens is over the 20 that there is room for beside the cache" {
		t.Error(err)
	}
}

// TestOperatorsThatADeviceLacksAreRefused: by their type, and where the server has no kernels.
func TestOperatorsThatADeviceLacksAreRefused(t *testing.T) {
	gpu := Device{GPUs: []int{0}}
	of := func(compute string) *manifest.Graph { return &manifest.Graph{Operators: "assay", Compute: compute} }
	if err := gpu.checkCompute(of("float32")); err == nil || !strings.Contains(err.Error(), "export the checkpoint with assay-export --compute float16 --operators assay") {
		t.Error(err)
	}
	for _, compute := range []string{"float32", "float16", "bfloat16"} {
		if err := (Device{}).checkCompute(of(compute)); err != nil {
			t.Errorf("%s on processors: %v", compute, err)
		}
	}
	st := &stage{of: of("float16")}
	if err := new(Session).registerOperators(st, nil, true, 1); err == nil || !strings.Contains(err.Error(), "this server was built without kernels for GPUs: build it with -tags gpu") {
		t.Error(err)
	}
}

// TestForwardsSideBySideHaveRoomsOfTheirOwn: tokens that are not kept share no slot with those of another forward, and
// a room that was left is given again.
func TestForwardsSideBySideHaveRoomsOfTheirOwn(t *testing.T) {
	startRuntime(t)
	runtime, err := inplace.Attach(loadedRuntime())
	if err != nil {
		t.Fatal(err)
	}
	p, err := newHostPools(runtime, blockShape{numbersOf(&manifest.Graph{}), 2, 1, 4}, 3, 20, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer p.free()
	if p.slots() != 3*batching.BlockTokens+3*20 {
		t.Errorf("%d slots", p.slots())
	}
	taken, leaves := map[int64]bool{}, []func(){}
	for range 3 {
		room, leave := p.enter()
		leaves = append(leaves, leave)
		slots, _, err := p.places(&batching.Plan{IDs: make([]int64, 20)}, room)
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range slots {
			if taken[slot] || slot < 3*batching.BlockTokens || slot >= int64(p.slots()) {
				t.Fatalf("slot %d of room %d", slot, room)
			}
			taken[slot] = true
		}
	}
	leaves[1]()
	if room, _ := p.enter(); room != 1 {
		t.Errorf("room %d, and room 1 was left", room)
	}
}
