package server

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestWhatNetHTTPSays has a level by what it is, and a bounded length.
func TestWhatNetHTTPSays(t *testing.T) {
	log := &lines{}
	to := errorLog(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	to.Printf("http: TLS handshake error from 1.2.3.4: %s", strings.Repeat("x", 10_000))
	to.Printf("http: Accept error: %v; retrying in 5ms", errors.New("no"))
	to.Printf("http2: panic serving 1.2.3.4: oh\n%s", strings.Repeat("x", 100_000))
	got := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(got) != 3 {
		t.Fatalf("%d lines: %s", len(got), log)
	}
	for i, level := range []string{"DEBUG", "WARN", "ERROR"} {
		if !strings.Contains(got[i], "level="+level) || len(got[i]) > 2*longestLine {
			t.Errorf("%s", got[i])
		}
	}
}
