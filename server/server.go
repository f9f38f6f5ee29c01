package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/rewards"
)

// Engine is what the server asks: a [rewards.Engine], and of the registry of its models what their batchers did. Its methods are
// safe for concurrent use.
type Engine interface {
	Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error)
	Models() []rewards.ModelInfo
	Stats() []models.Stats
	Probe(ctx context.Context, model string) error
}

// Server answers HTTP over an engine.
type Server struct {
	engine   Engine
	options  Options
	log      *slog.Logger
	schemas  *schemas
	metrics  *metrics
	health   *health
	router   chi.Router
	draining atomic.Bool
	inFlight atomic.Int64 // requests

	refusals  atomic.Int64 // with 429, since the log last said so
	refusedAt atomic.Int64 // when it did, in seconds of Unix time
}

// New makes a server. It starts nothing and owns no goroutine. The error names every option that is out of range.
func New(engine Engine, options Options) (*Server, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	options = options.withDefaults()
	s := &Server{
		engine:  engine,
		options: options,
		log:     options.Logger,
		schemas: newSchemas(options.Version),
		metrics: newMetrics(engine),
	}
	s.health = newHealth(s)
	s.router = s.routes()
	return s, nil
}

// Handler gives the routes without a listener.
func (s *Server) Handler() http.Handler { return s.router }

// Run listens on the address of the options and serves until ctx ends; see [Server.Serve].
func (s *Server) Run(ctx context.Context) error {
	listener, err := Listen(ctx, s.options.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve answers on the listener, which it closes, until ctx ends. Then readiness turns false, the drain delay passes, new
// connections are refused, and what was accepted is answered within the drain timeout. It returns nil when all was answered.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	front := s.front()
	s.log.InfoContext(ctx, "listening", "addr", listener.Addr().String())
	ended := make(chan error, 1)
	go func() { ended <- front.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return s.drain(context.WithoutCancel(ctx), front, ended)
}

// front speaks HTTP/1.1 and, to clients that begin with it, HTTP/2 without TLS. Every state that a connection can be in ends by
// itself: headers, bodies, answers and idleness have their times, and an HTTP/2 connection that takes no bytes is cut.
func (s *Server) front() *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s.router,
		Protocols:         &protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: s.options.WriteTimeout},
		ReadHeaderTimeout: s.options.HeaderTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    maxHeaders,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Limits of a connection that no option changes.
const (
	maxHeaders = 64 << 10 // bytes of a request's headers
	maxStreams = 1024     // requests in flight on one HTTP/2 connection; more wait at the client
)

// drain must not see the context that ended: Shutdown would return at once and cut clients off.
func (s *Server) drain(ctx context.Context, front *http.Server, ended <-chan error) error {
	s.draining.Store(true)
	s.log.InfoContext(ctx, "draining", "delay", s.options.DrainDelay, "timeout", s.options.DrainTimeout)
	if s.options.DrainDelay > 0 {
		time.Sleep(s.options.DrainDelay)
	}
	timed, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	go s.whenQuiet(timed, cancel)
	err := front.Shutdown(timed)
	if err != nil && s.inFlight.Load() == 0 {
		err = front.Close() // nobody waits on what is still connected
	} else if err != nil {
		err = fmt.Errorf("drain: requests were still open after %s: %w", s.options.DrainTimeout, errors.Join(err, front.Close()))
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// quiet is how long no request may be in flight until a drain no longer waits for connections, slow headers among them. An HTTP/2 connection that is accepted just
// when the drain begins is never told of it, and would hold it for as long as its client keeps it.
const quiet = 3 * time.Second

// whenQuiet calls stop when no request was in flight for that long, unless ctx ends before.
func (s *Server) whenQuiet(ctx context.Context, stop func()) {
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if s.inFlight.Load() > 0 {
				since = now
			} else if now.Sub(since) >= quiet {
				stop()
				return
			}
		}
	}
}
