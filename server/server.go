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

	"github.com/assay-rm/assay/rewards"
)

// Engine is what the server asks. Its methods are safe for concurrent use; [rewards.Engine] is one.
type Engine interface {
	Score(ctx context.Context, request rewards.ScoreRequest) (rewards.ScoreAnswer, error)
	Rank(ctx context.Context, request rewards.RankRequest) (rewards.RankAnswer, error)
	Compare(ctx context.Context, request rewards.CompareRequest) (rewards.CompareAnswer, error)
	Steps(ctx context.Context, request rewards.StepsRequest) (rewards.StepsAnswer, error)
	Tokenize(ctx context.Context, request rewards.TokenizeRequest) (rewards.TokenizeAnswer, error)
	Models() []rewards.ModelInfo
	Stats() []rewards.ModelStats
	Probe(ctx context.Context, model string) error
}

var _ Engine = (*rewards.Engine)(nil)

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
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve answers on the listener, which it closes, until ctx ends. Then readiness turns false, the drain delay passes, new
// connections are refused, and what was accepted is answered within the drain timeout. It returns nil when all was answered.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	front := &http.Server{
		Handler:           s.router,
		ReadHeaderTimeout: s.options.HeaderTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
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

// drain must not see the context that ended: Shutdown would return at once and cut clients off.
func (s *Server) drain(ctx context.Context, front *http.Server, ended <-chan error) error {
	s.draining.Store(true)
	s.log.InfoContext(ctx, "draining", "delay", s.options.DrainDelay, "timeout", s.options.DrainTimeout)
	if s.options.DrainDelay > 0 {
		time.Sleep(s.options.DrainDelay)
	}
	timed, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	err := front.Shutdown(timed)
	if err != nil {
		err = fmt.Errorf("drain: requests were still open after %s: %w", s.options.DrainTimeout, errors.Join(err, front.Close()))
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
