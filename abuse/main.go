package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	binary, testdata string
	only             *regexp.Regexp
	short            bool
	slack            float64
	timeout          time.Duration
}

func main() {
	var o options
	var only string
	flag.StringVar(&o.binary, "binary", "bin/assay", "the server's program `FILE`")
	flag.StringVar(&o.testdata, "testdata", "models/testdata", "the `DIR` of the bundles that hostile ones begin as")
	flag.StringVar(&only, "run", "", "only attacks whose route and name match this `REGEXP`")
	flag.BoolVar(&o.short, "short", false, "the short form: without the largest bodies, for a machine that is busy")
	flag.Float64Var(&o.slack, "slack", 0, "times are multiplied by this; 0: 1, or 5 in the short form")
	flag.DurationVar(&o.timeout, "timeout", 30*time.Minute, "the run ends after this, finished or not")
	flag.Parse()
	if o.slack <= 0 {
		o.slack = 1
		if o.short {
			o.slack = 5
		}
	}
	var err error
	if o.only, err = regexp.Compile(only); err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		ctx, cancel := context.WithTimeout(ctx, o.timeout)
		err = o.run(ctx)
		cancel()
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "abuse:", err)
		os.Exit(1)
	}
}

// run prints the table and fails when a row breaks the law.
func (o options) run(ctx context.Context) error {
	begun := time.Now()
	folder, err := os.MkdirTemp("", "abuse-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the system's own folder for what may be left
	t := &table{out: os.Stdout}
	attacks := 0
	for _, part := range []func(context.Context, *table, string) (int, error){
		o.bodies, o.connections, o.bundles,
		o.served,
	} {
		n, err := part(ctx, t, folder)
		if err != nil {
			return err
		}
		attacks += n
	}
	return t.conclude(fmt.Sprintf("%d attacks", attacks), time.Since(begun))
}

// wants tells whether an attack is part of this run.
func (o options) wants(route, name string, long bool) bool {
	return !(long && o.short) && o.only.MatchString(route+" "+name)
}

// bodies sends every hostile body to a server with its usual times.
func (o options) bodies(ctx context.Context, t *table, folder string) (n int, err error) {
	s := &subject{
		binary: o.binary, folder: folder, slack: o.slack, settle: time.Second,
		arguments: []string{"--batch-tokens", "1024", "--cache", "32MiB", "--bundle", filepath.Join(o.testdata, "families", "choice-qwen3")},
	}
	defer s.abandon()
	due := stretched(maxRefusal, o.slack)
	t.title("hostile bodies",
		fmt.Sprintf("memory grows by at most %s + %d x sent, a refusal comes within %s, an answer has at most %s",
			size(growthFixed), growthPerByte, seconds(due), size(maxAnswer)))
	for _, h := range hostileBodies() {
		route := shown(h.method, h.path)
		if !o.wants(route, h.name, h.long) {
			continue
		}
		ask := func(address string) outcome { return h.ask(ctx, address) }
		judge := func(done outcome) []string { return h.judge(done, o.slack) }
		if err := s.row(ctx, t, attack{route, h.name, due, ask, judge}); err != nil {
			return n, err
		}
		n++
	}
	return n, s.end(ctx, t)
}

// connections misuses connections to a server that has a token and short times.
func (o options) connections(ctx context.Context, t *table, folder string) (n int, err error) {
	lasts := time.Second // every state of a connection
	if o.short {
		lasts /= 2
	}
	arguments := []string{"--batch-tokens", "1024"}
	for _, state := range []state{inHeader, inBody, inWrite, inIdle} {
		arguments = append(arguments, fmt.Sprintf("--%s-timeout", state), lasts.String())
	}
	s := &subject{
		binary: o.binary, folder: folder, arguments: arguments, token: "secret",
		slack: o.slack, settle: lasts,
	}
	defer s.abandon()
	grace := stretched(endGrace, o.slack)
	t.title("rude connections",
		fmt.Sprintf("each to %d routes, open, with token, without and unknown; a state lasts %s, an end may be %s late",
			len(targets), lasts, seconds(grace)))
	for _, r := range rudeConnections() {
		route, due := r.route(), time.Duration(len(r.states))*lasts
		if !o.wants(route, r.name, false) {
			continue
		}
		misuse := func(address string) outcome { return r.misuse(ctx, address, s.token, due+grace) }
		if err := s.row(ctx, t, attack{route, r.name, due, misuse, r.judge}); err != nil {
			return n, err
		}
		n++
	}
	return n, s.end(ctx, t)
}

// shown is a route in a row: its path without what is asked in it, and its method where that is not POST.
func shown(method, path string) string {
	for i, c := range path {
		if c == '?' || i == 14 {
			path = path[:i]
			break
		}
	}
	if method != "" && method != "GET" {
		return method + " " + path
	}
	return path
}
