package server

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/assay-rm/assay/rewards/state"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/protocols"
	"github.com/assay-rm/assay/server/record"
)

// Options says where and how a server answers. A field that is left at zero has the value of [DefaultOptions].
type Options struct {
	Addr           string  // host:port, or unix:PATH
	Tokens         []Token // one of them is asked of every request but health, docs and schemas; none: no token is asked
	AllowAnonymous bool    // allows an address that others can reach without a token

	MaxBody        int64 // bytes of a body, as it is sent and as it is decoded
	MaxItems       int   // items of a request
	MaxConnections int   // open at once; see connections.go for what happens then

	HeaderTimeout time.Duration // for a request's headers
	BodyTimeout   time.Duration // for a request's headers and body together
	WriteTimeout  time.Duration // for a client to take an answer, from when it is there
	IdleTimeout   time.Duration // of a connection between requests

	MaxAge time.Duration // of a connection, give or take a tenth; then it ends with its next answer. Zero: it never does

	ProbeTimeout time.Duration // of a readiness probe of one model
	ProbeEvery   time.Duration // readiness answers from the last probe for this long
	StuckAfter   time.Duration // a run that takes longer makes its model not ready

	DrainDelay   time.Duration // from the end of the context, with readiness false, to refusing connections; may be zero
	DrainTimeout time.Duration // for what was accepted

	Protocols []string // of package protocols that are spoken beside the native one; nil: all

	State *state.States // named states; nil: the server keeps none
	Jobs  *jobs.Store   // of questions about many rows; nil: the server keeps none

	Loader Loader // changes which models are served; nil: nothing does

	Traces trace.TracerProvider // nil: requests are not traced

	Record *record.Recorder // of what is scored, whose owner runs it; nil: nothing is recorded

	Logger  *slog.Logger // discards, if there is none
	Version string       // shown in the schemas' title
}

// DefaultOptions has a value in every field that has a default. A server with these options listens on the loopback
// interface and asks for no token.
func DefaultOptions() Options {
	return Options{
		Addr:           "127.0.0.1:8080",
		MaxBody:        32 << 20,
		MaxItems:       4096,
		MaxConnections: 4096,
		HeaderTimeout:  10 * time.Second,
		BodyTimeout:    60 * time.Second,
		WriteTimeout:   60 * time.Second,
		IdleTimeout:    120 * time.Second,
		ProbeTimeout:   5 * time.Second,
		ProbeEvery:     time.Second,
		StuckAfter:     30 * time.Second,
		DrainTimeout:   30 * time.Second,
		Logger:         slog.New(slog.DiscardHandler),
		Version:        "dev",
	}
}

// withDefaults returns the options with every field that is zero at its default.
func (o Options) withDefaults() Options {
	given, defaults := reflect.ValueOf(&o).Elem(), reflect.ValueOf(DefaultOptions())
	for i := range given.NumField() {
		if given.Field(i).IsZero() {
			given.Field(i).Set(defaults.Field(i))
		}
	}
	return o
}

// Validate names every field that is out of range.
func (o Options) Validate() error {
	var bad []error
	fields := reflect.ValueOf(o)
	for i := range fields.NumField() {
		if field := fields.Field(i); field.CanInt() && field.Int() < 0 {
			bad = append(bad, fmt.Errorf("%s: %v is below zero", fields.Type().Field(i).Name, field))
		}
	}
	for _, name := range o.Protocols {
		if !slices.Contains(protocols.Names(), name) {
			bad = append(bad, fmt.Errorf("there is no protocol %q, but %s", name, strings.Join(protocols.Names(), ", ")))
		}
	}
	addr := o.withDefaults().Addr
	if err := CheckListen(addr, len(o.Tokens) > 0 || o.AllowAnonymous); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(bad...)
}
