package commands

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
)

func loadFixtures(ctx context.Context, t *testing.T, names ...string) (*running, error) {
	t.Helper()
	sources := make([]models.Source, len(names))
	for i, name := range names {
		sources[i] = models.Dir(filepath.Join(fixtures, name))
	}
	return load(ctx, sources, models.Options{Runtime: runtimeFile(t)})
}

// TestStopOutlivesTheSignal holds that models answer although the context that they were loaded under has ended, until
// stop.
func TestStopOutlivesTheSignal(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	loaded, err := loadFixtures(ctx, t, "qwen3-reward-packed", "qwen3-process-packed")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	for _, m := range loaded.registry.All() {
		if err := m.Probe(t.Context()); err != nil {
			t.Errorf("%s: %v", m.Info().Manifest.Name, err)
		}
	}
	if err := loaded.stop(); err != nil {
		t.Error(err)
	}
}

// fakeModel runs until it is closed and released; one that is never released hangs.
type fakeModel struct{ closed, released chan struct{} }

func (m *fakeModel) Close() { close(m.closed) }

func (m *fakeModel) Run(context.Context) error {
	<-m.closed
	<-m.released
	return nil
}

// TestAForwardThatHangsDoesNotHoldTheStop: the stop takes its time and no more, and its error names the model that
// hangs and no other.
func TestAForwardThatHangsDoesNotHoldTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released, hanging := make(chan struct{}), make(chan struct{})
		close(released)
		r := &running{}
		for name, until := range map[string]chan struct{}{"fine": released, "stuck": hanging, "fine too": released} {
			r.models = append(r.models, start(t.Context(), name, &fakeModel{make(chan struct{}), until}))
		}
		began := time.Now()
		err := r.stopWithin(7 * time.Second)
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("it took %s", took)
		}
		if err == nil || !strings.Contains(err.Error(), `model "stuck"`) || strings.Contains(err.Error(), "fine") {
			t.Errorf("it says %v", err)
		}
		close(hanging)
	})
}

// TestFailedLoadFreesWhatItOpened also holds that an ended context is the reason given, whatever broke off.
func TestFailedLoadFreesWhatItOpened(t *testing.T) {
	defer goleak.VerifyNone(t)
	var failure *fault.Error
	if _, err := loadFixtures(t.Context(), t, "qwen3-reward-packed", "nowhere"); !errors.As(err, &failure) || failure.Code != fault.CodeBundle {
		t.Errorf("load: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := loadFixtures(ended, t, "qwen3-reward-packed"); !errors.Is(err, context.Canceled) {
		t.Errorf("load under an ended context: %v", err)
	}
}
