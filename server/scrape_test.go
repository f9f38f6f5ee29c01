package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A scrape is gathered while nobody else's is, one whose client left is not gathered, and one whose answer is not taken
// holds no other.
func TestScrapesTakeTurns(t *testing.T) {
	var gathered, inside int
	registry := prometheus.NewRegistry()
	begun, goOn := make(chan struct{}, 8), make(chan struct{})
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "inside"}, func() float64 {
		gathered++ // the race detector sees two that gather at once
		inside++
		begun <- struct{}{}
		<-goOn
		inside--
		return float64(inside)
	}))
	s := newScrapes(registry)
	asks := func(ctx context.Context, w http.ResponseWriter) chan error {
		done := make(chan error, 1)
		r := httptest.NewRequestWithContext(ctx, "GET", "/metrics", nil)
		go func() {
			x, r := newExchange(w, r, time.Minute, time.Minute)
			done <- s.serve(x, r)
		}()
		return done
	}
	shut := &shutWriter{opens: make(chan struct{})}
	deaf := asks(t.Context(), shut)
	<-begun
	ctx, leave := context.WithCancel(t.Context())
	left := asks(ctx, httptest.NewRecorder())
	leave()
	if err := <-left; err != context.Canceled { //nolint:errorlint // exactly this one
		t.Errorf("a client that left got %v", err)
	}
	close(goOn) // the deaf one is gathered now, and waits for its client
	for range 3 {
		w := httptest.NewRecorder()
		if err := <-asks(t.Context(), w); err != nil || w.Code != 200 || w.Body.Len() == 0 {
			t.Errorf("a scrape beside one that is not taken: %v, %d, %q", err, w.Code, w.Body)
		}
	}
	close(shut.opens)
	if err := <-deaf; err != nil {
		t.Errorf("the deaf client's: %v", err)
	}
	if gathered != 4 {
		t.Errorf("gathered %d times, of 4 that stayed", gathered)
	}
}

// shutWriter is a client that takes nothing until it opens.
type shutWriter struct {
	httptest.ResponseRecorder
	opens chan struct{}
}

func (*shutWriter) Header() http.Header { return http.Header{} }

func (w *shutWriter) Write(p []byte) (int, error) {
	<-w.opens
	return len(p), nil
}
