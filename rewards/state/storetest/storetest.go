// Package storetest holds a store of states to its promises, whichever it is.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/state"
)

// Check opens a store twice, each time it calls open: both are of the same states, and must be empty at first. A store
// that one process holds alone gives the same store twice.
func Check(t *testing.T, open func(t *testing.T) state.Store) {
	t.Helper()
	store := open(t)
	t.Run("swaps", func(t *testing.T) { swaps(t, store) })
	t.Run("versions", func(t *testing.T) { versions(t, store) })
	t.Run("together", func(t *testing.T) { together(t, store, open(t)) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, store) })
}

// swap writes a change that must succeed.
func swap(t *testing.T, store state.Store, version uint64, change state.Change) uint64 {
	t.Helper()
	next, err := store.Swap(t.Context(), version, &change)
	if err != nil || next <= version {
		t.Fatalf("version %d, %v", next, err)
	}
	return next
}

// holds compares what a state has.
func holds(t *testing.T, store state.Store, name string, version uint64, keys []string, want ...state.Cell) {
	t.Helper()
	head, cells, err := store.Load(t.Context(), name, keys)
	if err != nil || head.Name != name || head.Version != version {
		t.Fatalf("%+v, %v; want version %d", head, err, version)
	}
	slices.SortFunc(cells, func(a, b state.Cell) int { return cmp.Compare(a.Key, b.Key) })
	same := func(a, b state.Cell) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }
	if !slices.EqualFunc(cells, want, same) {
		t.Fatalf("%s has %q, want %q", name, cells, want)
	}
}

func swaps(t *testing.T, store state.Store) {
	t.Helper()
	if _, _, err := store.Load(t.Context(), "a", nil); !errors.Is(err, state.ErrUnknown) {
		t.Fatalf("a state that is not there: %v", err)
	}
	odd := "é \" \\ '"
	one, two, empty := state.Cell{Key: "1", Value: []byte("1")}, state.Cell{Key: odd, Value: []byte(`{"x": "é"}`)}, state.Cell{Value: []byte("0")}
	head := state.Head{Name: "a", Spec: []byte(`{"kind":"running"}`), Keys: 3, Bytes: 1 << 33}
	v := swap(t, store, 0, state.Change{Head: head, Cells: []state.Cell{one, two, empty}})
	holds(t, store, "a", v, nil, empty, one, two)
	holds(t, store, "a", v, []string{odd, "nothing"}, two)
	holds(t, store, "a", v, []string{})
	got, _, err := store.Load(t.Context(), "a", []string{})
	if err != nil || string(got.Spec) != string(head.Spec) || got.Keys != head.Keys || got.Bytes != head.Bytes {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, wrong := range []uint64{0, v - 1, v + 1, 1<<64 - 1} {
		if _, err := store.Swap(t.Context(), wrong, &state.Change{Head: head, Fresh: true}); !errors.Is(err, state.ErrConflict) {
			t.Fatalf("version %d instead of %d: %v", wrong, v, err)
		}
	}
	holds(t, store, "a", v, nil, empty, one, two)
	other := state.Cell{Key: "1", Value: []byte("2")}
	v = swap(t, store, v, state.Change{Head: head, Cells: []state.Cell{other, {Key: odd}, {Key: "nothing"}}})
	holds(t, store, "a", v, nil, empty, other)
	swap(t, store, 0, state.Change{Head: state.Head{Name: "b", Spec: head.Spec}, Cells: []state.Cell{one}})
	v = swap(t, store, v, state.Change{Head: head, Cells: []state.Cell{two}, Fresh: true})
	holds(t, store, "a", v, nil, two)
	heads, err := store.Heads(t.Context())
	if err != nil || len(heads) != 2 || heads[0].Name != "a" || heads[1].Name != "b" || heads[0].Version != v {
		t.Fatalf("%+v, %v", heads, err)
	}
}

// versions are never given twice, so that nobody takes a new state for one that was deleted.
func versions(t *testing.T, store state.Store) {
	t.Helper()
	head := state.Head{Name: "c", Spec: []byte("{}")}
	first := swap(t, store, 0, state.Change{Head: head, Cells: []state.Cell{{Key: "k", Value: []byte("1")}}})
	if _, err := store.Swap(t.Context(), first, &state.Change{Head: head, Gone: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Load(t.Context(), "c", nil); !errors.Is(err, state.ErrUnknown) {
		t.Fatalf("a state that is gone: %v", err)
	}
	second := swap(t, store, 0, state.Change{Head: head})
	holds(t, store, "c", second, nil)
	if second <= first {
		t.Fatalf("version %d after %d", second, first)
	}
	if _, err := store.Swap(t.Context(), first, &state.Change{Head: head}); !errors.Is(err, state.ErrConflict) {
		t.Fatalf("a swap of a state that is gone: %v", err)
	}
}

// together changes one state from many sides at once, through two stores: no update is lost.
func together(t *testing.T, stores ...state.Store) {
	t.Helper()
	const workers, rounds = 8, 20
	sides := make([]*state.States, len(stores))
	for i, store := range stores {
		sides[i] = state.New(store, state.Limits{})
	}
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() {
			side := sides[i%len(sides)]
			if _, err := side.Declare(t.Context(), "sum", state.Spec{Kind: state.Running, Keys: workers + 1}); err != nil {
				t.Error(err)
			}
			for range rounds {
				updates := []state.Update{{Key: "all", Values: []float64{1}}, {Key: strconv.Itoa(i), Values: []float64{float64(i)}}}
				if _, err := side.Update(t.Context(), "sum", updates, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, side := range sides {
		info, readings, err := side.Read(t.Context(), "sum", []state.Query{{Key: "all"}, {Key: "3"}})
		if err != nil || info.Keys != workers+1 {
			t.Fatalf("%+v, %v", info, err)
		}
		if sum, three := readings[0].Numbers["count"], readings[1].Numbers["count"]; sum.Value != workers*rounds || three.Value != rounds {
			t.Errorf("%g updates of %d, and of one worker %g of %d", sum.Value, workers*rounds, three.Value, rounds)
		}
	}
}

// cancelled: who does not wait gets an error or what was asked for, and nothing is half done.
func cancelled(t *testing.T, store state.Store) {
	t.Helper()
	states := state.New(store, state.Limits{})
	if _, err := states.Declare(t.Context(), "gone", state.Spec{Kind: state.Running}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := states.Update(ctx, "gone", []state.Update{{Values: []float64{1}}}, 0)
	if err != nil && failure.Of(err).Code != failure.CodeClientGone {
		t.Errorf("%v", err)
	}
	_, readings, err2 := states.Read(t.Context(), "gone", []state.Query{{}})
	if err2 != nil || (readings[0].Numbers["count"].Value == 1) != (err == nil) {
		t.Errorf("%+v, %v after %v", readings, err2, err)
	}
}
