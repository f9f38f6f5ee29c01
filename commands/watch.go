package commands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
)

// Bounds of a folder of bundles.
const (
	mostBundles     = 256
	mostBundleFiles = 16384 + 16 // external data, and what lies beside it
)

// watchEvery is how often the folder of bundles is looked at. It is not notified of changes, which file systems that
// are mounted from elsewhere do not tell.
const watchEvery = 2 * time.Second

// bundlesIn lists the folders of a folder that have a manifest, in the order of their names. Those that begin with a
// dot are passed over, so that a bundle can be written there and then be given its name.
func bundlesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range entries {
		folder := filepath.Join(dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if info, err := os.Stat(filepath.Join(folder, manifest.File)); err == nil && info.Mode().IsRegular() {
			found = append(found, folder)
		}
	}
	if len(found) > mostBundles {
		return nil, fmt.Errorf("%s has %d bundles, and may have %d", dir, len(found), mostBundles)
	}
	return found, nil
}

// marks tells what a bundle's files are without reading them: two that are equal are of the same files.
type marks string

func marksOf(folder string) (marks, error) {
	folder, err := filepath.EvalSymlinks(folder) // a name that leads to another folder now is a change
	if err != nil {
		return "", err
	}
	var all strings.Builder
	files := 0
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if files++; files > mostBundleFiles {
			return fmt.Errorf("%s has more than %d files", folder, mostBundleFiles)
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "%s %d %d", path, info.Size(), info.ModTime().UnixNano())
		if of, ok := info.Sys().(*syscall.Stat_t); ok {
			fmt.Fprintf(&all, " %d %d %d", of.Dev, of.Ino, of.Ctim.Nano())
		}
		return nil
	})
	return marks(all.String()), err
}

// watched is what is known of a folder of the folder of bundles.
type watched struct {
	seen  marks  // at the last look
	tried marks  // of the files that were loaded, or refused
	model string // that it has, as far as it was loaded
}

// watcher follows a folder of bundles.
type watcher struct {
	*reloader
	known map[string]*watched // by folder
}

// newWatcher makes a watcher of a folder whose bundles were loaded at the start.
func newWatcher(l *reloader) *watcher {
	w := &watcher{reloader: l, known: map[string]*watched{}}
	for name, source := range l.sources {
		folder := source.String()
		if filepath.Dir(folder) != filepath.Clean(l.folder) {
			continue
		}
		if is, err := marksOf(folder); err == nil {
			w.known[folder] = &watched{seen: is, tried: is, model: name}
		}
	}
	return w
}

// run looks at the folder until ctx ends.
func (w *watcher) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// look loads what is new and what has changed, as soon as its files have been the same for two looks, so that a bundle
// that is being written is left alone; and it unloads what is gone.
func (w *watcher) look(ctx context.Context) {
	folders, err := bundlesIn(w.folder)
	if err != nil {
		w.log.WarnContext(ctx, "the folder of bundles cannot be read", "error", bounded(err))
		return // which is no reason to unload what it has
	}
	for _, folder := range slices.Sorted(maps.Keys(w.known)) {
		if of := w.known[folder]; !slices.Contains(folders, folder) {
			delete(w.known, folder)
			w.gone(ctx, folder, of)
		}
	}
	for _, folder := range folders {
		is, err := marksOf(folder)
		if err != nil {
			continue // it is being written, or removed
		}
		of := w.known[folder]
		if of == nil {
			of = &watched{}
			w.known[folder] = of
		}
		still := is == of.seen
		if of.seen = is; !still || is == of.tried {
			continue
		}
		of.tried = is
		w.loadFrom(ctx, folder, of)
	}
}

// loadFrom loads the bundle of a folder. What is wrong with it is logged once, until its files change.
func (w *watcher) loadFrom(ctx context.Context, folder string, of *watched) {
	giveBack, err := w.take(ctx)
	if err != nil {
		return
	}
	defer giveBack()
	before := of.model
	name := ""
	_, err = w.load(ctx, models.Dir(folder), func(is, _ string) error {
		name = is
		return w.mayServe(folder, is)
	})
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			w.log.ErrorContext(ctx, "not loaded", "bundle", folder, "error", bounded(err))
		}
		return
	}
	if of.model = name; before != "" && before != name {
		w.drop(ctx, folder, before)
	}
}

// mayServe refuses to put a bundle in the place of one that is not of this folder's: of another one that is followed,
// or of none. What was loaded from a folder that is not followed, as a request may ask, gives way.
func (w *watcher) mayServe(folder, name string) error {
	from, served := w.sources[name]
	if !served || from.String() == folder {
		return nil
	}
	if _, followed := w.known[from.String()]; followed || filepath.Dir(from.String()) != filepath.Dir(folder) {
		return fmt.Errorf("bundle %s: model %q is served from %s", folder, name, from)
	}
	return nil
}

// gone unloads the model of a folder that is there no more.
func (w *watcher) gone(ctx context.Context, folder string, of *watched) {
	giveBack, err := w.take(ctx)
	if err != nil {
		return
	}
	defer giveBack()
	w.drop(ctx, folder, of.model)
	for _, other := range w.known { // one that was refused for its name may be served now
		if other.model == "" {
			other.tried = ""
		}
	}
}

// drop unloads a model that came from a folder, unless something keeps it.
func (w *watcher) drop(ctx context.Context, folder, name string) {
	if from, served := w.sources[name]; !served || from.String() != folder {
		return
	}
	if _, err := w.unload(ctx, name); err != nil {
		w.log.ErrorContext(ctx, "not unloaded", "model", name, "error", bounded(err))
	}
}
