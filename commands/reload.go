package commands

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server"
)

// reloader changes the models of a process while they are asked, one change at a time. A bundle is loaded and proved
// beside the model of its name; then one step puts it in its place. Who asked before gets an answer of the old one,
// which is freed with its last answer, and whatever is wrong with the new one leaves the old one where it is.
type reloader struct {
	*running
	engine  *rewards.Engine
	options models.Options
	folder  string                 // of the bundles that may be loaded by their folder's name; empty: none may
	room    func(models int) error // whether so many models may be loaded
	changed func(context.Context)  // is called behind every change
	log     *slog.Logger
	turn    chan struct{}            // has a value while nothing changes
	sources map[string]models.Source // of the models, by name; only for who has the turn
}

func newReloader(r *running, engine *rewards.Engine, options models.Options, folder string, log *slog.Logger) *reloader {
	l := &reloader{
		running: r, engine: engine, options: options, folder: folder, log: log,
		turn: make(chan struct{}, 1), sources: map[string]models.Source{},
	}
	l.turn <- struct{}{}
	for _, m := range r.opened {
		l.sources[m.Info().Manifest.Name] = m.source
	}
	r.opened = nil // or the models of the start would stay in memory when others have taken their places
	return l
}

// take waits for the turn, which the caller gives back.
func (l *reloader) take(ctx context.Context) (giveBack func(), err error) {
	select {
	case <-l.turn:
		return func() { l.turn <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Load implements [server.Loader].
func (l *reloader) Load(ctx context.Context, name, folder, expect string) (server.Loaded, error) {
	giveBack, err := l.take(ctx)
	if err != nil {
		return server.Loaded{}, err
	}
	defer giveBack()
	source, err := l.source(name, folder)
	if err != nil {
		return server.Loaded{}, err
	}
	return l.load(ctx, source, func(is, digest string) error {
		if is != name {
			return failure.New(failure.CodeInvalidField, "bundle: %s has the model %q, and this is the path of %q", source, is, fault.Short(name))
		}
		if expect != "" && digest != expect {
			return failure.New(failure.CodeDigest, "expect_digest: is %q, and bundle %s has the digest %q", fault.Short(expect), source, digest)
		}
		return nil
	})
}

// source is where the bundle of a model is to be read.
func (l *reloader) source(name, folder string) (models.Source, error) {
	known, served := l.sources[name]
	switch {
	case folder == "" && served:
		return known, nil
	case l.folder == "" && folder == "":
		return models.Source{}, fault.New(fault.CodeModel, "no model is named %q, and this server has no folder of bundles to load it from (--models)", fault.Short(name))
	case l.folder == "":
		return models.Source{}, failure.New(failure.CodeInvalidField, "bundle: this server has no folder of bundles; --models names one")
	case folder == "":
		folder = name
	}
	if folder != filepath.Base(folder) || folder == "." || folder == ".." {
		return models.Source{}, failure.New(failure.CodeInvalidField, "bundle: %q is no name of a folder", fault.Short(folder))
	}
	dir := filepath.Join(l.folder, folder)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return models.Source{}, fault.New(fault.CodeModel, "the server's folder of bundles has no %q", fault.Short(folder))
	}
	return models.Dir(dir), nil
}

// errServed ends the load of a bundle that is served already.
var errServed = errors.New("this very bundle is served")

// load serves a bundle that passes check. The caller has the turn.
func (l *reloader) load(ctx context.Context, source models.Source, check func(name, digest string) error) (done server.Loaded, err error) {
	begun := time.Now()
	options := l.options
	var old *models.Model
	options.Beside = func(name, digest string) (*models.Model, error) {
		old = l.served(name)
		if err := check(name, digest); err != nil {
			return nil, err
		}
		if old != nil && old.Info().Digest == digest {
			return nil, errServed
		}
		return old, l.room(len(l.registry.All()) + 1)
	}
	m, err := models.Open(ctx, source, options)
	if errors.Is(err, errServed) {
		info := old.Info()
		l.sources[info.Manifest.Name] = source
		return server.Loaded{Digest: info.Digest, Revision: info.Revision, Before: info.Digest}, nil
	}
	if err != nil {
		return server.Loaded{}, loadError(ctx, err)
	}
	if err := l.swap(ctx, m, old); err != nil {
		return server.Loaded{}, loadError(ctx, err)
	}
	info := m.Info()
	l.sources[info.Manifest.Name] = source
	done = server.Loaded{Digest: info.Digest, Revision: info.Revision, Changed: true}
	if old != nil {
		done.Before = old.Info().Digest
	}
	logLoaded(ctx, l.log, info, time.Since(begun))
	l.changed(ctx)
	return done, nil
}

// swap runs a model that was loaded, holds it to its golden pairs and puts it in the place of the old one. Where
// something is wrong the model has ended when it returns.
func (l *reloader) swap(ctx context.Context, m, old *models.Model) error {
	if err := l.engine.Fits(m.Info()); err != nil {
		m.Close()
		return errors.Join(failure.New(failure.CodeInUse, "%v", err), m.Run(context.WithoutCancel(ctx)))
	}
	run := l.add(context.WithoutCancel(ctx), m)
	if run == nil {
		m.Close()
		return errors.Join(models.ErrClosed, m.Run(context.WithoutCancel(ctx)))
	}
	alone, err := models.NewRegistry(m)
	if err == nil {
		err = holdGolden(ctx, rewards.New(alone), m)
	}
	switch {
	case err != nil:
	case old == nil:
		err = l.registry.Add(m)
	default:
		err = l.registry.Replace(m)
	}
	if err != nil {
		m.Close()
		run.endsBy(time.Now().Add(stopTime))
	}
	return err
}

// served is the model of that name; nil: there is none.
func (l *reloader) served(name string) *models.Model {
	for _, m := range l.registry.All() {
		if m.Info().Manifest.Name == name {
			return m
		}
	}
	return nil
}

// Unload implements [server.Loader].
func (l *reloader) Unload(ctx context.Context, name string) (server.Loaded, error) {
	giveBack, err := l.take(ctx)
	if err != nil {
		return server.Loaded{}, err
	}
	defer giveBack()
	return l.unload(ctx, name)
}

// unload is Unload for who has the turn.
func (l *reloader) unload(ctx context.Context, name string) (server.Loaded, error) {
	old := l.served(name)
	if readers := l.engine.ReadBy(name); old != nil && len(readers) > 0 {
		return server.Loaded{}, failure.New(failure.CodeInUse, "model %q is read by the recipes %s", fault.Short(name), strings.Join(readers, ", "))
	}
	if err := l.registry.Remove(name); err != nil {
		return server.Loaded{}, err
	}
	delete(l.sources, name)
	info := old.Info()
	l.log.InfoContext(ctx, "unloaded", "model", name, "digest", info.Digest, "revision", info.Revision)
	l.changed(ctx)
	return server.Loaded{Digest: info.Digest, Revision: info.Revision, Changed: true}, nil
}

// bounded is an error's sentence, which may quote a bundle, at a length that a log line may have.
func bounded(err error) string {
	const most = 500
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// loadError is the error of a load as who asked for it is told: with its cause, which says what is wrong with the
// bundle.
func loadError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if known, ok := errors.AsType[*failure.Error](err); ok {
		return known
	}
	code := fault.CodeBundle
	if of := new(fault.Error); errors.As(err, &of) {
		code = of.Code
	}
	return failure.New(code, "%s", bounded(err))
}
