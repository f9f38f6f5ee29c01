package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/server/runs"
)

// Engine is what the server asks: a [rewards.Engine], and of the registry of its models what their batchers did. Its
// methods are safe for concurrent use.
type Engine interface {
	Ask(ctx context.Context, request rewards.Request) (rewards.Answer, error)
	Models() []rewards.ModelInfo
	Recipes() []recipes.Served
	Stats() []models.Stats
	Probe(ctx context.Context, model string) error
	Pieces(model, text string, ids []int64) (pieces []encode.Piece, known bool)
	Decode(model string, ids []int64, plain bool) (text string, err error)
}

// Server answers HTTP over an engine.
type Server struct {
	engine    Engine
	options   Options
	log       *slog.Logger
	schemas   *schemas
	metrics   *metrics
	health    *health
	bodies    *bodies
	runs      *runs.Store // what clients watch
	keys      []key       // the tokens
	anonymous *caller     // whoever asks where no token is needed
	native    *protocol   // tells what no other protocol does
	protocols []*protocol // all, the native one among them
	handler   http.Handler
	draining  atomic.Bool
	inFlight  atomic.Int64 // requests
	began     time.Time    // since when the models are served
	refusals  seldom       // with 429
}

// New makes a server. It starts nothing and owns no goroutine. The error names every option that is out of range.
func New(engine Engine, options Options) (*Server, error) {
	return speaking(engine, options)
}

// speaking makes a server that speaks further protocols too.
func speaking(engine Engine, options Options, further ...func(*Server) *protocol) (*Server, error) {
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
		bodies:  newBodies(options.MaxBody),
		runs:    runs.New(runs.Limits{}),
		began:   time.Now(),
	}
	s.metrics.registry.MustRegister(newRunCollector(s.runs))
	if options.Record != nil {
		s.metrics.registry.MustRegister(newRecordCollector(options.Record))
	}
	if options.Jobs != nil {
		s.metrics.registry.MustRegister(newJobCollector(options.Jobs))
	}
	var err error
	if s.keys, err = newKeys(options.Tokens, s.metrics); err != nil {
		return nil, err
	}
	s.anonymous = &caller{}
	s.health = newHealth(s)
	s.native = s.nativeProtocol()
	s.protocols = append([]*protocol{s.native}, s.foreign()...)
	for _, protocol := range further {
		s.protocols = append(s.protocols, protocol(s))
	}
	s.handler = s.observe(s.routes())
	return s, nil
}

// Handler gives the routes without a listener.
func (s *Server) Handler() http.Handler { return s.handler }

// Run listens on the address of the options and serves until ctx ends; see [Server.Serve].
func (s *Server) Run(ctx context.Context) error {
	listener, err := Listen(ctx, s.options.Addr)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// Serve answers on the listener, which it closes, until ctx ends. Then readiness turns false, the drain delay passes,
// new connections are refused, and what was accepted is answered within the drain timeout. It returns nil when all was
// answered. Chunks of jobs are computed meanwhile; those in work when ctx ends go back into their queue.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	front := s.front()
	crowd := newCrowd(listener, s.connections(ctx))
	front.ConnState = crowd.changed
	front.ConnContext = func(ctx context.Context, conn net.Conn) context.Context { return s.ageing(remember(ctx, conn), conn) }
	front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		crowd.entered(r)
		s.handler.ServeHTTP(w, r)
	})
	s.log.InfoContext(ctx, "listening", "addr", listener.Addr().String(), "connections", crowd.most)
	ended := make(chan error, 1)
	go func() {
		err := front.Serve(crowd)
		crowd.end()
		ended <- err
	}()
	computing, stop := context.WithCancel(ctx)
	defer s.computeJobs(computing)()
	defer stop()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	return s.drain(context.WithoutCancel(ctx), front, crowd, ended)
}
