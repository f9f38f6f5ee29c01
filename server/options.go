package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Options says where and how a server answers. The zero value listens on the loopback interface without a token.
type Options struct {
	Addr     string // host:port, or unix:PATH; default 127.0.0.1:8080
	Token    string // asked of every request but health, docs and schemas; empty: none is asked
	Insecure bool   // allows an address that others can reach without a token

	MaxBody  int64 // bytes of a body; default 32 MiB
	MaxItems int   // items of a request; default 4096

	HeaderTimeout time.Duration // for a request's headers; default 10 s
	BodyTimeout   time.Duration // for a request's body; default 60 s
	WriteTimeout  time.Duration // for writing an answer, from when it is there; default 60 s
	IdleTimeout   time.Duration // of a connection between requests; default 120 s

	ProbeTimeout time.Duration // of a readiness probe of one model; default 5 s
	ProbeEvery   time.Duration // readiness answers from the last probe for this long; default 1 s
	StuckAfter   time.Duration // a run that takes longer makes its model not ready; default 30 s

	DrainDelay   time.Duration // from the end of the context, with readiness false, to refusing connections; default 0
	DrainTimeout time.Duration // for what was accepted; default 30 s

	Logger  *slog.Logger // default: discards
	Version string       // shown in the schemas' title; default "dev"
}

// Defaults of the fields of [Options] that are left at zero.
const (
	DefaultAddr         = "127.0.0.1:8080"
	DefaultMaxBody      = 32 << 20
	DefaultMaxItems     = 4096
	DefaultHeader       = 10 * time.Second
	DefaultBody         = 60 * time.Second
	DefaultWrite        = 60 * time.Second
	DefaultIdle         = 120 * time.Second
	DefaultProbe        = 5 * time.Second
	DefaultProbeEvery   = time.Second
	DefaultStuckAfter   = 30 * time.Second
	DefaultDrainTimeout = 30 * time.Second
)

// withDefaults returns the options with every unset field at its default.
func (o Options) withDefaults() Options {
	set(&o.Addr, DefaultAddr)
	set(&o.MaxBody, DefaultMaxBody)
	set(&o.MaxItems, DefaultMaxItems)
	set(&o.HeaderTimeout, DefaultHeader)
	set(&o.BodyTimeout, DefaultBody)
	set(&o.WriteTimeout, DefaultWrite)
	set(&o.IdleTimeout, DefaultIdle)
	set(&o.ProbeTimeout, DefaultProbe)
	set(&o.ProbeEvery, DefaultProbeEvery)
	set(&o.StuckAfter, DefaultStuckAfter)
	set(&o.DrainTimeout, DefaultDrainTimeout)
	set(&o.Version, "dev")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate names every field that is out of range.
func (o Options) Validate() error {
	var bad []error
	positive := func(field string, ok bool, value any) {
		if !ok {
			bad = append(bad, fmt.Errorf("%s: %v is below zero", field, value))
		}
	}
	positive("MaxBody", o.MaxBody >= 0, o.MaxBody)
	positive("MaxItems", o.MaxItems >= 0, o.MaxItems)
	for field, d := range map[string]time.Duration{
		"HeaderTimeout": o.HeaderTimeout, "BodyTimeout": o.BodyTimeout, "WriteTimeout": o.WriteTimeout, "IdleTimeout": o.IdleTimeout,
		"ProbeTimeout": o.ProbeTimeout, "ProbeEvery": o.ProbeEvery, "StuckAfter": o.StuckAfter,
		"DrainDelay": o.DrainDelay, "DrainTimeout": o.DrainTimeout,
	} {
		positive(field, d >= 0, d)
	}
	if err := CheckListen(cmp.Or(o.Addr, DefaultAddr), o.Token, o.Insecure); err != nil {
		bad = append(bad, err)
	}
	return errors.Join(bad...)
}
