package commands

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

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
	return load(ctx, sources, models.Options{Runtime: runtimeFile(t)}, slog.New(slog.DiscardHandler))
}

// TestStopOutlivesTheSignal holds that models answer although the context that they were loaded under has ended, until stop.
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
