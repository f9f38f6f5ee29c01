package commands

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/assay-rm/assay/models"
)

// looking is a watcher of a folder whose models are real, and whose looks the test makes.
func looking(t *testing.T, dir string) *watcher {
	t.Helper()
	before := marksIn(dir)
	folders, _, err := bundlesIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	var sources []models.Source
	for _, folder := range folders {
		sources = append(sources, models.Dir(folder))
	}
	options := models.Options{Runtime: runtimeFile(t), Tokens: 512}
	loaded, err := load(t.Context(), sources, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := loaded.stop(); err != nil {
			t.Error(err)
		}
	})
	l := newReloader(loaded, loaded.engine(), options, dir, slog.New(slog.DiscardHandler))
	l.room, l.changed = func(int) error { return nil }, func(context.Context) {}
	return newWatcher(l, before)
}

// revisions lists those of the models that are served, by name.
func (w *watcher) revisions() map[string]int {
	all := map[string]int{}
	for _, m := range w.registry.All() {
		all[m.Info().Manifest.Name] = m.Info().Revision
	}
	return all
}

// TestWhatAWatcherDoes: it does nothing where nothing has changed, loads what changed while the server started, leaves
// a bundle that is being written alone, and unloads one only when it is gone for two looks, and not because it could
// not be read.
func TestWhatAWatcherDoes(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "m")
	revision(t, folder, 1, false)
	w := looking(t, dir)
	looks := func(n int, want map[string]int, what string) {
		t.Helper()
		for range n {
			w.look(t.Context())
		}
		if got := w.revisions(); !maps.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	looks(4, map[string]int{"m": 1}, "nothing has changed")
	revision(t, folder, 1.05, false)
	looks(1, map[string]int{"m": 1}, "a change is seen for the first time")
	looks(1, map[string]int{"m": 2}, "a change has settled")
	looks(2, map[string]int{"m": 2}, "nothing has changed")
	aside := filepath.Join(dir, ".aside")
	if err := os.Rename(folder, aside); err != nil {
		t.Fatal(err)
	}
	looks(1, map[string]int{"m": 2}, "it is gone for one look, as while it is renamed")
	if err := os.Rename(aside, folder); err != nil {
		t.Fatal(err)
	}
	looks(3, map[string]int{"m": 2}, "it is back")
	broken := w.known[folder]
	revision(t, folder, float32(math.NaN()), false)
	looks(3, map[string]int{"m": 2}, "it is broken")
	if broken.again.IsZero() || broken.said == "" {
		t.Errorf("what is broken is not tried again: %+v", broken)
	}
	broken.again = broken.again.Add(-tryAgainFirst)
	looks(1, map[string]int{"m": 2}, "it is broken still")
	if broken.wait != 2*tryAgainFirst {
		t.Errorf("it is tried again after %s", broken.wait)
	}
	revision(t, folder, 1.1, false)
	looks(2, map[string]int{"m": 3}, "it is mended")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	w.device++ // the folder was on another file system
	looks(3, map[string]int{"m": 3}, "its file system is gone")
	w.device--
	looks(2, map[string]int{}, "it is gone for two looks")

	revision(t, folder, 1, false)
	late := looking(t, dir)
	before := late.known[folder].tried
	revision(t, folder, 1.05, false) // as if while the server started
	late.look(t.Context())
	late.look(t.Context())
	if got := late.revisions(); got["m"] != 2 || late.known[folder].tried == before {
		t.Errorf("a change while the server started is not seen: %v", got)
	}
	if names := slices.Sorted(maps.Keys(late.known)); len(names) != 1 {
		t.Errorf("it knows %q", names)
	}
}
