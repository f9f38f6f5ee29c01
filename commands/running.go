package commands

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assay-rm/assay/models"
)

// running are loaded models that answer, until stop.
type running struct {
	registry *models.Registry
	opened   []openedModel // at the start

	mu      sync.Mutex
	models  []*runningModel // that have not ended, as far as is known; guarded by mu
	stopped bool            // guarded by mu
}

// openedModel is a model that was opened and proved, where it came from, and how long that took.
type openedModel struct {
	*models.Model
	source models.Source
	took   time.Duration
}

// runningModel is a model that runs in a goroutine of its own, until it is closed and its last forward has ended.
type runningModel struct {
	name  string
	close func()
	ended chan struct{}
	err   error // of the run; there when ended is closed
}

// start runs a model.
func start(ctx context.Context, name string, model interface {
	Run(ctx context.Context) error
	Close()
},
) *runningModel {
	m := &runningModel{name: name, close: model.Close, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		m.err = model.Run(ctx)
	}()
	return m
}

// add runs one more model, until it is closed; then it is forgotten, unless its run failed, which the stop tells. It
// gives nil where all are stopped already.
func (r *running) add(ctx context.Context, m *models.Model) *runningModel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	one := start(ctx, m.Info().Manifest.Name, m)
	r.models = append(r.models, one)
	go func() {
		<-one.ended
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.stopped && one.err == nil {
			r.models = slices.DeleteFunc(r.models, func(other *runningModel) bool { return other == one })
		}
	}()
	return one
}

// stopTime is how long a command waits for its last forwards. Nobody waits for their answers any more.
const stopTime = 30 * time.Second

// stop lets every model answer what it accepted, and frees it.
func (r *running) stop() error { return r.stopWithin(stopTime) }

// stopWithin is stop with a time of its own. The error names each model whose forward has not ended by then: it hangs
// in the runtime or in its device, and ends only with the process.
func (r *running) stopWithin(most time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	for _, m := range r.models {
		m.close()
	}
	until := time.Now().Add(most)
	failed := make([]error, len(r.models))
	for i, m := range r.models {
		if m.endsBy(until) {
			failed[i] = m.err
			continue
		}
		failed[i] = fmt.Errorf("model %q: its forward hangs, and had not ended %s after the stop", m.name, most)
	}
	return errors.Join(failed...)
}

// endsBy waits for the model, and tells whether it has ended by then.
func (m *runningModel) endsBy(until time.Time) bool {
	select {
	case <-m.ended:
		return true
	case <-time.After(time.Until(until)):
	}
	select {
	case <-m.ended:
		return true
	default:
		return false
	}
}
