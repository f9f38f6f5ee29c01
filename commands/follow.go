package commands

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// follow loads again what has changed on disk whenever the process gets SIGHUP, and follows the folder of bundles where
// there is one, whose bundles had these marks before they were loaded, until ctx ends. The function that it returns
// ends both, and waits for a change that is being made.
func (l *reloader) follow(ctx context.Context, before map[string]marks) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var following sync.WaitGroup
	following.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				l.again(ctx)
			}
		}
	})
	if l.folder != "" {
		w := newWatcher(l, before)
		following.Go(func() { w.run(ctx) })
	}
	return func() {
		stop()
		following.Wait()
		signal.Stop(hangups)
	}
}

// again loads every model anew whose bundle has changed on disk, as SIGHUP asks. What is wrong with one is logged, and
// the others go on.
func (l *reloader) again(ctx context.Context) {
	giveBack, err := l.take(ctx)
	if err != nil {
		return
	}
	defer giveBack()
	for _, m := range l.registry.All() {
		name := m.Info().Manifest.Name
		source, ok := l.sources[name]
		if !ok {
			continue
		}
		_, err := l.load(ctx, source, func(is, _ string) error {
			if is != name {
				return fmt.Errorf("bundle %s: its model is named %q now, and was %q", source, is, name)
			}
			return nil
		})
		if err != nil {
			l.log.ErrorContext(ctx, "not loaded again", "model", name, "error", bounded(err))
		}
	}
}
