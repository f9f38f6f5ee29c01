package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/recipes"
	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/server"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/record"
)

// codeAddress is the code of an address that cannot be listened on because another process does.
const codeAddress = "address_in_use"

// serveCommand is `assay serve`.
type serveCommand struct {
	Models  serverModels `embed:""`
	Recipes recipeFlags  `embed:""`

	Listen         string `group:"HTTP" env:"ASSAY_LISTEN" default:"${listen}" placeholder:"HOST:PORT" help:"Address to listen on (${default}), or unix:PATH for a Unix socket. Port 0 takes a free one."`
	TokenFile      string `group:"HTTP" env:"ASSAY_TOKEN_FILE" placeholder:"FILE" help:"File of the tokens that clients must send, one a line, with name=, class=, rate= and state= behind it; ASSAY_TOKEN may hold one instead."`
	State          string `group:"HTTP" env:"ASSAY_STATE" placeholder:"FILE|URL" help:"Keep named states in this file, or in a PostgreSQL database that replicas share (postgres://USER:PASSWORD@HOST:PORT/DATABASE; in ASSAY_STATE no other user sees the password)."`
	Jobs           string `group:"HTTP" env:"ASSAY_JOBS" placeholder:"DIR|URL" help:"Keep jobs (POST /v1/jobs) in this directory, or in a NATS cluster that several servers share (nats://USER:PASSWORD@HOST:PORT,…)."`
	AllowAnonymous bool   `group:"HTTP" env:"ASSAY_ALLOW_ANONYMOUS" help:"Listen where others can reach it without asking for a token."`

	Protocols []string `group:"HTTP" env:"ASSAY_PROTOCOLS" placeholder:"NAME" help:"Speak only these protocols of other servers beside the native API, or none: ${protocols}. Left out: all."`

	MaxRequestItems int           `group:"Limits" env:"ASSAY_MAX_REQUEST_ITEMS" default:"${requestItems}" help:"Items of one request."`
	MaxBody         size          `group:"Limits" env:"ASSAY_MAX_BODY" default:"${maxBody}" placeholder:"SIZE" help:"Size of a request's body (${default})."`
	MaxJob          size          `group:"Limits" env:"ASSAY_MAX_JOB" default:"${maxJob}" placeholder:"SIZE" help:"Size of a job's body, once it is decoded (${default})."`
	JobsStore       size          `group:"Limits" env:"ASSAY_JOBS_STORE" default:"${jobsStore}" placeholder:"SIZE" help:"Size of the rows and results of all jobs, as they are kept, compressed (${default}); half for each."`
	JobsKeep        time.Duration `group:"Limits" env:"ASSAY_JOBS_KEEP" default:"${jobsKeep}" help:"How long a job that has ended is kept, and its result with it."`
	MaxConnections  int           `group:"Limits" env:"ASSAY_MAX_CONNECTIONS" default:"${connections}" help:"Connections open at once; one without a request makes room for a new one."`
	HeaderTimeout   time.Duration `group:"Limits" env:"ASSAY_HEADER_TIMEOUT" default:"${headerTimeout}" help:"For a request's headers to arrive."`
	BodyTimeout     time.Duration `group:"Limits" env:"ASSAY_BODY_TIMEOUT" default:"${bodyTimeout}" help:"For a request to arrive, its body included."`
	WriteTimeout    time.Duration `group:"Limits" env:"ASSAY_WRITE_TIMEOUT" default:"${writeTimeout}" help:"For a client to take its answer."`
	IdleTimeout     time.Duration `group:"Limits" env:"ASSAY_IDLE_TIMEOUT" default:"${idleTimeout}" help:"For a connection between requests."`
	MaxAge          time.Duration `name:"max-connection-age" group:"Limits" env:"ASSAY_MAX_CONNECTION_AGE" default:"0s" help:"A connection that is older, give or take a tenth, ends with its next answer, so that balancers of connections spread them anew; 0s: never."`
	ProbeTimeout    time.Duration `group:"Limits" env:"ASSAY_PROBE_TIMEOUT" default:"${probeTimeout}" help:"For a model to answer the readiness probe."`
	StuckAfter      time.Duration `group:"Limits" env:"ASSAY_STUCK_AFTER" default:"${stuckAfter}" help:"A forward that takes longer is ended, and its item fails; one that does not end makes the server not ready."`
	DrainDelay      time.Duration `group:"Limits" env:"ASSAY_DRAIN_DELAY" default:"0s" help:"At SIGTERM: not ready for this long, before connections are refused."`
	DrainTimeout    time.Duration `group:"Limits" env:"ASSAY_DRAIN_TIMEOUT" default:"${drainTimeout}" help:"At SIGTERM: for what was accepted to be answered, and then for the forwards to end."`

	inherited net.Listener // that was passed to the process; nil: it listens itself

	Record recordFlags `embed:""`

	LogFormat string     `group:"Log" env:"ASSAY_LOG_FORMAT" enum:"auto,text,json" default:"auto" help:"text, json, or auto: text on a terminal."`
	LogLevel  slog.Level `group:"Log" env:"ASSAY_LOG_LEVEL" default:"info" help:"debug, info, warn or error; debug writes a line per request."`
}

// Validate is called by the parser. Zero would mean the default to the server, so it is refused rather than misread.
func (c *serveCommand) Validate() error {
	if c.MaxBody < 1 {
		return usage("--max-body is 0, and must be positive")
	}
	if c.MaxJob < 1 {
		return usage("--max-job is 0, and must be positive")
	}
	if c.JobsStore < 2 {
		return usage("--jobs-store is %s, and must be positive", c.JobsStore)
	}
	if c.JobsKeep > jobs.MostKept {
		return usage("--jobs-keep is %s, and nothing of a job is kept for longer than %s", c.JobsKeep, jobs.MostKept)
	}
	if c.MaxRequestItems < 1 {
		return usage("--max-request-items is %d, and must be positive", c.MaxRequestItems)
	}
	if c.MaxConnections < 1 {
		return usage("--max-connections is %d, and must be positive", c.MaxConnections)
	}
	for _, limit := range []struct {
		flag string
		d    time.Duration
	}{
		{"header-timeout", c.HeaderTimeout},
		{"body-timeout", c.BodyTimeout},
		{"write-timeout", c.WriteTimeout},
		{"idle-timeout", c.IdleTimeout},
		{"probe-timeout", c.ProbeTimeout},
		{"stuck-after", c.StuckAfter},
		{"drain-timeout", c.DrainTimeout},
		{"jobs-keep", c.JobsKeep},
	} {
		if limit.d <= 0 {
			return usage("--%s is %s, and must be positive", limit.flag, limit.d)
		}
	}
	if _, err := c.protocols(); err != nil {
		return err
	}
	if c.MaxAge < 0 {
		return usage("--max-connection-age is %s, and must not be negative", c.MaxAge)
	}
	if c.Record.Max < record.LeastMost {
		return usage("--record-max is %s, and must be at least %s", c.Record.Max, size(record.LeastMost))
	}
	if c.DrainDelay < 0 {
		return usage("--drain-delay is %s, and must not be negative", c.DrainDelay)
	}
	return nil
}

// Run serves until a signal, and then drains: readiness off, every accepted request answered, the models freed.
func (c *serveCommand) Run(ctx context.Context, con *console) error {
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	var address string
	if c.inherited, address, err = inherit(); err != nil {
		return err
	}
	if c.inherited != nil {
		defer c.inherited.Close() //nolint:errcheck // the server has closed it
		c.Listen = address
	}
	if err := server.CheckListen(c.Listen, len(tokens) > 0 || c.AllowAnonymous); err != nil {
		return usage("%v (--token-file or ASSAY_TOKEN; --allow-anonymous)", err)
	}
	if c.inherited == nil {
		if err := checkFree(ctx, c.Listen); err != nil {
			return err
		}
	}
	served, err := c.Recipes.read()
	if err != nil {
		return err
	}
	states, err := openStates(ctx, c.State)
	if err != nil {
		return stopped(ctx, err)
	}
	log := con.logger(c.LogFormat, c.LogLevel)
	kept, err := c.openJobs(ctx, log)
	if err != nil {
		return errors.Join(stopped(ctx, err), closeStates(states))
	}
	err = c.run(ctx, con, served, c.options(tokens, states, kept, log))
	return errors.Join(err, closeJobs(kept), closeStates(states))
}

// run loads the models and serves.
func (c *serveCommand) run(ctx context.Context, con *console, served []*recipes.Recipe, asked server.Options) error {
	sources, err := c.Models.sources()
	if err != nil {
		return err
	}
	here := readMachine()
	if err := here.fitThreads(len(sources), c.Models.Runtime.Threads); err != nil {
		return err
	}
	traces, flush, err := startTraces(ctx, asked.Logger)
	if err != nil {
		return err
	}
	defer flush()
	options := c.Models.options()
	options.Longest, options.Gate = c.StuckAfter, encode.NewGate()
	before := marksIn(c.Models.Dir)
	loaded, err := load(ctx, sources, options)
	if err != nil {
		return stopped(ctx, err)
	}
	engine := serving{loaded.engine(), loaded.registry}
	err = c.ready(ctx, engine.Engine, loaded, here, served, asked.State)
	if err == nil {
		loaded.log(ctx, asked.Logger)
		asked.Traces = traces
		l := newReloader(loaded, engine.Engine, options, c.Models.Dir, asked.Logger)
		l.room = func(models int) error { return here.fitThreads(models, c.Models.Runtime.Threads) }
		l.changed = func(ctx context.Context) {
			if err := here.boundHeap(loaded.caches()); err != nil {
				l.log.WarnContext(ctx, "memory is short", "error", bounded(err))
			}
		}
		err = c.whileFollowing(ctx, con, engine, l, before, asked)
	}
	return errors.Join(err, loaded.stopWithin(c.DrainTimeout))
}

// ready gives an engine its recipes and states, and holds its models to their golden pairs.
func (c *serveCommand) ready(
	ctx context.Context, engine *rewards.Engine, loaded *running, here machine, served []*recipes.Recipe, states *state.States,
) error {
	if err := c.Recipes.serve(engine, served); err != nil {
		return err
	}
	if err := engine.Remember(ctx, states); err != nil {
		return err
	}
	if err := here.boundHeap(loaded.caches()); err != nil {
		return err
	}
	return loaded.holdFirst(ctx)
}

// whileFollowing serves, while models are loaded, replaced and unloaded as requests, signals and the folder of bundles
// ask.
func (c *serveCommand) whileFollowing(
	ctx context.Context, con *console, engine serving, l *reloader, before map[string]marks, asked server.Options,
) error {
	asked.Loader = l
	end := l.follow(ctx, before)
	defer end()
	return c.Record.during(ctx, l.log, func(recorder *record.Recorder) error {
		asked.Record = recorder
		return c.serve(ctx, con, engine, asked)
	})
}

// serving is what a server asks: an engine, and the registry of its models for what their batchers did.
type serving struct {
	*rewards.Engine
	*models.Registry
}

func (c *serveCommand) serve(ctx context.Context, con *console, engine serving, options server.Options) error {
	s, err := server.New(engine, options)
	if err != nil {
		return err
	}
	listener := c.inherited
	if listener == nil {
		if listener, err = listen(ctx, c.Listen); err != nil {
			return stopped(ctx, err)
		}
	}
	names := make([]string, 0, len(engine.Models()))
	for _, m := range engine.Models() {
		names = append(names, fmt.Sprintf("%s (%s)", m.Manifest.Name, m.Manifest.Kind))
	}
	address, docs := c.address(listener)
	fmt.Fprintf(con.out, "assay is ready on %s with %s; %s says how to ask\n", address, strings.Join(names, ", "), docs) //nolint:errcheck // it serves all the same
	tellManager(daemon.SdNotifyReady)
	defer context.AfterFunc(ctx, func() { tellManager(daemon.SdNotifyStopping) })()
	return s.Serve(ctx, listener)
}

// address is where the server answers, with the host as it was asked for and the port that was had, and where its page
// is.
func (c *serveCommand) address(listener net.Listener) (address, docs string) {
	if path, ok := server.SocketPath(c.Listen); ok {
		return c.Listen, "curl --unix-socket " + path + " http://localhost/openapi.json"
	}
	at := listener.Addr().String()
	host, _, err := net.SplitHostPort(c.Listen)
	_, port, err2 := net.SplitHostPort(at)
	if err == nil && err2 == nil && host != "" {
		at = net.JoinHostPort(host, port)
	}
	return "http://" + at, "http://" + at + "/docs"
}

func (c *serveCommand) options(tokens []server.Token, states *state.States, kept *jobs.Store, log *slog.Logger) server.Options {
	spoken, _ := c.protocols() // Validate has seen the error
	return server.Options{
		Protocols: spoken,
		Addr:      c.Listen, Tokens: tokens, AllowAnonymous: c.AllowAnonymous,
		MaxBody: int64(c.MaxBody), MaxItems: c.MaxRequestItems, MaxConnections: c.MaxConnections,
		HeaderTimeout: c.HeaderTimeout, BodyTimeout: c.BodyTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout, MaxAge: c.MaxAge,
		ProbeTimeout: c.ProbeTimeout, StuckAfter: c.StuckAfter,
		DrainDelay: c.DrainDelay, DrainTimeout: c.DrainTimeout,
		State: states, Jobs: kept, Logger: log, Version: version(),
	}
}

// protocols are those of other servers that are spoken; nil: all.
func (c *serveCommand) protocols() ([]string, error) {
	if len(c.Protocols) == 1 && c.Protocols[0] == "none" {
		return []string{}, nil
	}
	for _, name := range c.Protocols {
		if !slices.Contains(protocols.Names(), name) {
			return nil, usage("--protocols: there is no %q; the protocols are %s, and none alone means none of them", name, strings.Join(protocols.Names(), ", "))
		}
	}
	return c.Protocols, nil
}

// tokens reads the tokens from their file or, without one, a single one from the environment, where ps does not show
// it.
func (c *serveCommand) tokens() ([]server.Token, error) {
	if c.TokenFile == "" {
		if token := strings.TrimSpace(os.Getenv("ASSAY_TOKEN")); token != "" {
			return []server.Token{{Token: token, Writes: true, Recipes: true, Loads: true}}, nil
		}
		return nil, nil
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("--token-file: %w", err)
	}
	tokens, err := server.ParseTokens(string(text))
	if err != nil {
		return nil, fmt.Errorf("--token-file: %s: %w", c.TokenFile, err)
	}
	return tokens, nil
}

// checkFree finds out early that an address cannot be had. It is given back until the models are loaded, so that no
// client waits on a server that is not there yet.
func checkFree(ctx context.Context, addr string) error {
	listener, err := listen(ctx, addr)
	if err != nil {
		return err
	}
	return listener.Close()
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := server.Listen(ctx, addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, &fault.Error{
			Code:   codeAddress,
			Detail: addr + " is in use by another process; stop it, or name another address with --listen",
		}
	}
	return listener, err
}

// stopped is nil when a signal ended a start: a server that was asked to stop, and did, has not failed.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
