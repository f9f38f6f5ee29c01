package models

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// grow takes memory until ctx ends, at most 256 MiB, and then waits for its end.
func grow(ctx context.Context, t *testing.T) error {
	t.Helper()
	block, err := syscall.Mmap(-1, 0, 256<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer syscall.Munmap(block) //nolint:errcheck // it was mapped
	for i := 0; i < len(block) && ctx.Err() == nil; i += os.Getpagesize() {
		block[i] = 1
	}
	<-ctx.Done()
	return ctx.Err()
}

// Work that takes too much memory or too much of the processors' time is told to end, and is abandoned when it does
// not; work that stays within its limits gives its own error, however long it takes.
func TestHostileWorkIsEnded(t *testing.T) {
	own := errors.New("its own")
	never := make(chan struct{})
	defer close(never)
	spin := func(ctx context.Context) error {
		for ctx.Err() == nil {
		}
		return ctx.Err()
	}
	for _, c := range []struct {
		name      string
		memory    int64
		patience  time.Duration
		work      func(context.Context) error
		want      string
		abandoned bool
	}{
		{"its own error", 1 << 40, time.Nanosecond, func(context.Context) error { return own }, own.Error(), false},
		{"without patience", 1 << 40, 0, func(context.Context) error { return own }, own.Error(), false},
		{"much memory", 64 << 20, 0, func(ctx context.Context) error { return grow(ctx, t) }, "more than 64 MiB of memory", false},
		{"much memory, and deaf", 64 << 20, 0, func(ctx context.Context) error {
			grow(ctx, t) //nolint:errcheck // it does not hear
			<-never
			return own
		}, "more than 64 MiB of memory", true},
		{"long", 1 << 40, time.Millisecond, spin, "more than 1ms to prove", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			abandoned, err := guarded(t.Context(), c.memory, c.patience, c.work)
			if err == nil || !strings.Contains(err.Error(), c.want) || abandoned != c.abandoned {
				t.Errorf("abandoned %v, error %v; want %v, %q", abandoned, err, c.abandoned, c.want)
			}
		})
	}
}
