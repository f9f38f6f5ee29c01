// Package commands is the command line: one file per command, and beside them what several share.
//
// A command wires packages together and owns every goroutine that it starts. The offline commands ask the same engine
// as the server, so a score is the same whichever way it was asked for.
package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/assay-rm/assay/batching"
	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/commands/manual"
	"github.com/assay-rm/assay/server"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/protocols"
)

// Exit statuses.
const (
	statusOK     = 0
	statusFailed = 1 // what was asked for did not succeed, as a whole or for some line
	statusUsage  = 2 // the command line itself is wrong
)

// grammar is the command line.
type grammar struct {
	Serve   serveCommand    `cmd:"" help:"Serve the embedded models and further bundles over HTTP."`
	Score   scoreCommand    `cmd:"" help:"Say how good each response is, from JSON lines."`
	Rank    rankCommand     `cmd:"" help:"Order the responses to each prompt, from JSON lines."`
	Compare compareCommand  `cmd:"" help:"Say which response is preferred, and how surely, from JSON lines."`
	Steps   stepsCommand    `cmd:"" help:"Say which step goes wrong, from JSON lines."`
	Eval    evalCommand     `cmd:"" help:"Measure models on held-out data: the model card's table, or your own files."`
	Verify  verifyCommand   `cmd:"" help:"Prove a bundle: its manifest against its graph, its scores against the reference's."`
	Tokens  tokenizeCommand `cmd:"" name:"tokenize" help:"Show the text, ids and places that a model reads of each item, from JSON lines."`
	Fit     fitCommand      `cmd:"" help:"Find the vector of one user from what that user preferred, for models whose head takes one."`
	Models  modelsCommand   `cmd:"" help:"Show what a server with the same flags would load."`
	Recipes recipesCommand  `cmd:"" help:"Check recipes of rewards."`
	Doctor  doctorCommand   `cmd:"" help:"Find the native libraries and say what this machine has."`
	Health  healthCommand   `cmd:"" help:"Ask a running server whether it is ready: the health check of a container."`
	Man     manCommand      `cmd:"" help:"Write the manual page: assay man | man -l -."`

	Completion completionCommand `cmd:"" help:"Write the script with which a shell completes commands and flags."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

// Main runs the command that args name and gives the exit status. SIGINT and SIGTERM end the command in order; a second
// one ends the process at once.
func Main(args []string, stdin, stdout, stderr *os.File) int {
	con := &console{in: stdin, out: stdout, err: stderr}
	parser, err := kong.New(&grammar{}, settings(con)...)
	if err != nil {
		panic(err) // the grammar is a constant
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		con.complain(fmt.Errorf("%w; %s --help says more", err, command(err)))
		return statusUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	parsed.BindTo(ctx, (*context.Context)(nil))
	err = parsed.Run(con)
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, errUsage):
		con.complain(err)
		return statusUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	con.complain(err)
	return statusFailed
}

// command is as much of the command line as was understood.
func command(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "assay"
}

func settings(con *console) []kong.Option {
	defaults, kept := server.DefaultOptions(), jobs.DefaultLimits()
	return []kong.Option{
		kong.Name("assay"),
		kong.Description("Assay scores responses with reward models and process reward models."),
		kong.Writers(con.out, con.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Vars{
			"version":       version(),
			"shells":        strings.Join(manual.Shells, ","),
			"evalFormats":   strings.Join(evaluation.Formats(), ", "),
			"listen":        defaults.Addr,
			"queueItems":    strconv.Itoa(batching.DefaultMaxItems),
			"queueTokens":   strconv.Itoa(batching.DefaultMaxTokens),
			"protocols":     strings.Join(protocols.Names(), ", "),
			"requestItems":  strconv.Itoa(defaults.MaxItems),
			"maxBody":       size(defaults.MaxBody).String(),
			"maxJob":        size(kept.Bytes).String(),
			"jobsStore":     size(kept.Store).String(),
			"jobsKeep":      short(kept.Keep),
			"connections":   strconv.Itoa(defaults.MaxConnections),
			"headerTimeout": short(defaults.HeaderTimeout),
			"bodyTimeout":   short(defaults.BodyTimeout),
			"writeTimeout":  short(defaults.WriteTimeout),
			"idleTimeout":   short(defaults.IdleTimeout),
			"probeTimeout":  short(defaults.ProbeTimeout),
			"stuckAfter":    short(defaults.StuckAfter),
			"drainTimeout":  short(defaults.DrainTimeout),
		},
	}
}

// short writes a duration without its zero parts.
func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
