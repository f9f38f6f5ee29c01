package bolt

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/rewards/state/storetest"
)

func TestStore(t *testing.T) {
	store, err := Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, func(*testing.T) state.Store { return store })
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// TestReopened: what was acknowledged is there when the file is opened again, and the file has one holder.
func TestReopened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for round := range 3 {
		store, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "another process holds it") {
			t.Errorf("a second holder: %v", err)
		}
		states := state.New(store, state.Limits{})
		if _, err := states.Declare(t.Context(), "past", state.Spec{Kind: state.Running}); err != nil {
			t.Fatal(err)
		}
		info, err := states.Update(t.Context(), "past", []state.Update{{Values: []float64{1}}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, readings, err := states.Read(t.Context(), "past", []state.Query{{}})
		if err != nil || readings[0].Numbers["count"].Value != float64(round+1) || info.Version < uint64(round+2) {
			t.Errorf("round %d: %+v %+v, %v", round, info, readings, err)
		}
		if err := states.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder is opened")
	}
}
