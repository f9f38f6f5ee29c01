package commands

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/assay-rm/assay/models"
)

// watchEvery is how often the folder of bundles is looked at. It is not notified of changes, which file systems that
// are mounted from elsewhere do not tell.
const watchEvery = 2 * time.Second

// Files that were refused are tried again after a minute, then after two, four and so on: the reason may have passed,
// as memory that was short. Files that changed are tried at once.
const (
	tryAgainFirst = time.Minute
	tryAgainLast  = time.Hour
)

// watched is what is known of a folder of the folder of bundles.
type watched struct {
	seen   marks  // of the files, at the last look
	tried  marks  // of the files that were loaded, or refused
	missed bool   // it was not there at the last look
	model  string // that it has, as far as it was loaded

	again time.Time     // when files that were refused are tried again; zero: they were loaded
	wait  time.Duration // until then, at the last refusal
	said  string        // why, as it was logged
}

// watcher follows a folder of bundles.
type watcher struct {
	*reloader
	known  map[string]*watched // by folder
	device uint64              // that the folder lay on when it had bundles
}

// newWatcher makes a watcher of a folder, whose bundles had these marks before they were loaded at the start.
func newWatcher(l *reloader, before map[string]marks) *watcher {
	w := &watcher{reloader: l, known: map[string]*watched{}, device: deviceOf(l.folder)}
	for name, source := range l.sources {
		folder := source.String()
		if filepath.Dir(folder) == filepath.Clean(l.folder) {
			w.known[folder] = &watched{tried: before[folder], model: name}
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
// that is being written is left alone; and it unloads what is gone for two looks.
func (w *watcher) look(ctx context.Context) {
	folders, unclear, err := bundlesIn(w.folder)
	if err != nil {
		w.log.WarnContext(ctx, "the folder of bundles cannot be read", "error", bounded(err))
		return // which is no reason to unload what it has
	}
	device := deviceOf(w.folder)
	if len(folders) == 0 && len(w.known) > 0 && device != w.device {
		w.log.WarnContext(ctx, "the folder of bundles is another file system now, and empty: its models stay", "folder", w.folder)
		return
	}
	w.device = device
	for _, folder := range slices.Sorted(maps.Keys(w.known)) {
		of := w.known[folder]
		switch {
		case slices.Contains(folders, folder):
			of.missed = false
		case slices.Contains(unclear, folder):
		case !of.missed:
			of.missed = true
		default:
			delete(w.known, folder)
			w.gone(ctx, folder)
		}
	}
	for _, folder := range folders {
		of := w.known[folder]
		if of == nil {
			of = &watched{}
			w.known[folder] = of
		}
		is, err := marksOf(folder)
		if err != nil {
			w.say(ctx, folder, of, err)
			continue
		}
		settled := is == of.seen
		of.seen = is
		refused := !of.again.IsZero() && time.Now().After(of.again)
		if settled && (is != of.tried || refused) {
			w.loadFrom(ctx, folder, of)
		}
	}
}

// say logs what is wrong with a folder, once.
func (w *watcher) say(ctx context.Context, folder string, of *watched, err error) {
	if text := bounded(err); text != of.said {
		of.said = text
		w.log.ErrorContext(ctx, "not loaded", "bundle", folder, "error", text)
	}
}

// loadFrom loads the bundle of a folder, whose files have settled.
func (w *watcher) loadFrom(ctx context.Context, folder string, of *watched) {
	giveBack, err := w.take(ctx)
	if err != nil {
		return
	}
	defer giveBack()
	if of.tried != of.seen {
		of.wait, of.said = 0, ""
	}
	of.tried, of.again = of.seen, time.Time{}
	before, name := of.model, ""
	_, err = w.load(ctx, models.Dir(folder), func(is, _ string) error {
		name = is
		return w.mayServe(folder, is)
	})
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		of.wait = min(max(tryAgainFirst, 2*of.wait), tryAgainLast)
		of.again = time.Now().Add(of.wait)
		w.say(ctx, folder, of, err)
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

// gone unloads what came from a folder that is there no more. What other folders were refused for may have been this
// one.
func (w *watcher) gone(ctx context.Context, folder string) {
	giveBack, err := w.take(ctx)
	if err != nil {
		return
	}
	defer giveBack()
	for _, name := range slices.Sorted(maps.Keys(w.sources)) {
		w.drop(ctx, folder, name)
	}
	for _, other := range w.known {
		if !other.again.IsZero() {
			other.again = time.Now()
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
