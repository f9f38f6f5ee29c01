package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
)

// started serves on a port of its own; stop ends the context and gives Serve's error.
func started(t *testing.T, s *Server) (url string, client *http.Client, stop func() error) {
	t.Helper()
	return startedOn(t, s, "127.0.0.1:0", &http.Transport{})
}

// startedOn serves on an address, to a client of that transport.
func startedOn(t *testing.T, s *Server, addr string, transport *http.Transport) (url string, client *http.Client, stop func() error) {
	t.Helper()
	listener, err := Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	stop = sync.OnceValue(func() error {
		end()
		defer transport.CloseIdleConnections()
		return <-ended
	})
	t.Cleanup(func() { _ = stop() })
	return "http://" + listener.Addr().String(), &http.Client{Transport: transport}, stop
}

func post(ctx context.Context, client *http.Client, url string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return client.Do(r)
}

// gate is an engine whose score tells that it was entered and waits to be released or for its context.
type gate struct {
	fakeEngine
	entered, release chan struct{}
	gone             chan error // the context's error
}

func newGate() *gate {
	g := &gate{entered: make(chan struct{}, 1), release: make(chan struct{}), gone: make(chan error, 1)}
	g.score = func(ctx context.Context, request rewards.Request) (rewards.Answer, error) {
		g.entered <- struct{}{}
		select {
		case <-g.release:
			return fakeAnswer(fakeResults(len(request.Items))), nil
		case <-ctx.Done():
			g.gone <- ctx.Err()
			return rewards.Answer{}, ctx.Err()
		}
	}
	return g
}

func TestDrainAnswersWhatWasAccepted(t *testing.T) {
	g := newGate()
	s := newServer(t, g, Options{})
	url, client, stop := started(t, s)
	type outcome struct {
		status int
		err    error
	}
	answered := make(chan outcome, 1)
	go func() {
		response, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem))
		if err != nil {
			answered <- outcome{err: err}
			return
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		answered <- outcome{response.StatusCode, err}
	}()
	<-g.entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for !s.draining.Load() { // readiness turns false while the request is open
		select {
		case err := <-stopped:
			t.Fatalf("stopped with a request open: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if response := do(t, s, "GET", "/readyz", ""); response.status != 503 {
		t.Errorf("readyz %d while draining", response.status)
	}
	close(g.release)
	if got := <-answered; got.err != nil || got.status != 200 {
		t.Errorf("the accepted request got %+v", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem)); err == nil { //nolint:bodyclose // there is none
		t.Error("a request after the end was accepted")
	}
}

func TestDrainGivesUpInTime(t *testing.T) {
	g := newGate()
	url, client, stop := started(t, newServer(t, g, Options{DrainTimeout: time.Millisecond}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if response, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem)); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-g.entered
	if err := stop(); err == nil || !strings.Contains(err.Error(), "drain") {
		t.Errorf("stop gives %v", err)
	}
	<-done
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// debugLog is a log of everything.
func debugLog(to *lines) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestAGoneClientCancelsItsItems(t *testing.T) {
	g := newGate()
	log := &lines{}
	s := newServer(t, g, Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	url, client, stop := started(t, s)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		defer close(left)
		if response, err := post(ctx, client, url+"/v1/score", strings.NewReader(oneItem)); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-g.entered
	leave()
	<-left
	if err := <-g.gone; err != context.Canceled { //nolint:errorlint // exactly this one
		t.Errorf("the engine's context ended with %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "status=499") {
		t.Errorf("no access line with 499:\n%s", log)
	}
}

func TestASlowBodyTimesOut(t *testing.T) {
	url, client, _ := started(t, newServer(t, &fakeEngine{}, Options{BodyTimeout: 10 * time.Millisecond}))
	body, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	go func() { _, _ = writer.Write([]byte(`{"items":`)) }() // and no more
	response, err := post(t.Context(), client, url+"/v1/score", body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if p := refusal(t, reply{response.StatusCode, response.Header, text}); p.Code != problem.CodeBodyTimeout {
		t.Errorf("%+v", p)
	}
}

func TestAnAnswerMayTakeLongerThanTheBody(t *testing.T) {
	g := newGate()
	const limit = 10 * time.Millisecond
	url, client, _ := started(t, newServer(t, g, Options{BodyTimeout: limit}))
	go func() {
		<-g.entered
		<-time.After(5 * limit)
		close(g.release)
	}()
	response, err := post(t.Context(), client, url+"/v1/score", strings.NewReader(oneItem))
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d: the body's deadline reached the answer", response.StatusCode)
	}
	_ = response.Body.Close()
}

func TestRequestIDsAndAccessLines(t *testing.T) {
	log := &lines{}
	s := newServer(t, &fakeEngine{}, Options{Logger: debugLog(log)})
	for id, kept := range map[string]bool{"": false, "a-1_b.c:d": true, "a b": false, "a\nb": false, strings.Repeat("a", 129): false} {
		got := do(t, s, "GET", "/v1/models", "", "X-Request-Id", id).header.Get("X-Request-Id")
		if kept != (got == id) || got == "" {
			t.Errorf("id %q is answered with %q", id, got)
		}
	}
	before := strings.Count(log.String(), "\n")
	id := do(t, s, "GET", "/v1/models", "").header.Get("X-Request-Id")
	if n := strings.Count(log.String(), "\n") - before; n != 1 || !strings.Contains(log.String(), "request="+id) {
		t.Errorf("%d lines for a request %s:\n%s", n, id, log)
	}
}

func TestRunListens(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	if err := newServer(t, &fakeEngine{}, Options{Addr: taken.Addr().String()}).Run(t.Context()); err == nil {
		t.Error("a taken address was listened on")
	}
	ctx, end := context.WithCancel(t.Context())
	log := &lines{}
	s := newServer(t, &fakeEngine{}, Options{Addr: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(log, nil))})
	end()
	if err := s.Run(ctx); err != nil && !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
	if s.options.Addr != "127.0.0.1:0" {
		t.Error(fmt.Sprint(s.options))
	}
}
