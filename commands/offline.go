package commands

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
)

// offlineModels say which models a command without a server loads.
type offlineModels struct {
	Runtime runtimeFlags `embed:""`
	Model   string       `group:"Models" env:"ASSAY_MODEL" placeholder:"NAME" help:"The model to ask; may be left out where one model answers."`
	Bundle  []string     `group:"Models" env:"ASSAY_BUNDLE" placeholder:"DIR" help:"Ask the bundle in DIR, or an embedded one as builtin:arith-policy, instead of the models that are loaded by themselves. Repeat it for more."`
}

// load opens the models. Nothing else feeds their queues, and what a command has in flight is bounded, so they are not.
func (f *offlineModels) load(ctx context.Context) (*running, error) {
	sources := builtin.Sources()
	if len(f.Bundle) > 0 {
		sources = nil
	}
	sources, err := withBundles(sources, f.Bundle)
	if err != nil {
		return nil, err
	}
	options := f.Runtime.options()
	options.MaxItems, options.MaxTokens = math.MaxInt32, math.MaxInt
	loaded, err := load(ctx, sources, options)
	if err != nil {
		return nil, err
	}
	if err := loaded.holdFirst(ctx); err != nil {
		return nil, errors.Join(err, loaded.stop())
	}
	return loaded, nil
}

// offlineFlags are what score, rank, compare and steps have in common.
type offlineFlags struct {
	Models   offlineModels     `embed:""`
	Truncate encode.Truncation `enum:"error,left,right" default:"error" help:"What happens to an item over the model's limit: error, left (drop its oldest tokens) or right (drop its newest)."`
	JSON     bool              `name:"json" help:"Write JSON lines, one per input line in order, instead of a table."`
	Bulk     bulkFlags         `embed:""`
	Recipe   recipeFlags       `embed:""`
	File     string            `arg:"" optional:"" default:"-" help:"File of JSON lines; - is the standard input."`
}

// about is a question as the flags ask it.
func (f *offlineFlags) about(q rewards.Question) rewards.Request {
	return rewards.Request{Question: q, Model: f.Models.Model, Truncate: f.Truncate}
}

// scoringFlags say how a reading becomes a score.
type scoringFlags struct {
	Activation string `enum:"none,sigmoid,softmax" default:"none" help:"Applied to the score last: none, sigmoid or softmax (over the labels)."`
	Label      string `placeholder:"NAME" help:"The label to go by; the model's first when left out."`
}

// Validate is called by the parser.
func (f *offlineFlags) Validate() error {
	if f.Bulk.given() && f.File != "-" {
		return usage("%s is given beside --in or --verify: a file whose answers go to --out is named by --in", f.File)
	}
	if f.Bulk.URL == "" {
		return nil
	}
	// Each of these says what this process would load, which a server does not.
	for _, flag := range []struct {
		name, variable string
		given          bool
	}{
		{"--bundle", "ASSAY_BUNDLE", len(f.Models.Bundle) > 0},
		{"--recipe", "ASSAY_RECIPE", len(f.Recipe.Recipe) > 0},
		{"--recipe-model", "ASSAY_RECIPE_MODEL", len(f.Recipe.RecipeModel) > 0},
	} {
		if flag.given {
			return usage("%s (or %s) does not go with --url: the server has models and recipes of its own, which --model NAME asks", flag.name, flag.variable)
		}
	}
	return nil
}

// engine loads the models, and the recipes over them. Its owner calls stop.
func (f *offlineFlags) engine(ctx context.Context) (engine bulk.Engine, stop func() error, err error) {
	recipes, err := f.Recipe.read()
	if err != nil {
		return nil, nil, err
	}
	loaded, err := f.Models.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	over := loaded.engine()
	if err := f.Recipe.serve(over, recipes); err != nil {
		return nil, nil, errors.Join(err, loaded.stop())
	}
	if f.Models.Model == "" && len(recipes) == 1 {
		f.Models.Model = recipes[0].Name
	}
	return over, loaded.stop, nil
}

// runOffline asks v of every line of the file, or of every row of files. Its error says how many failed.
func runOffline[Q, R any, P bulk.Form[Q]](ctx context.Context, con *console, flags *offlineFlags, chunk int, v bulk.View[Q, R]) (err error) {
	switch of, ok := v.(scaled[Q, R]); {
	case ok && isDirectory(flags.Bulk.Verify):
		return verifyRecords(ctx, con, flags)
	case ok && flags.Bulk.Verify != "":
		return verifyFile[Q, R, P](ctx, con, flags, of)
	case ok && flags.Bulk.given():
		return runFiles[Q, R, P](ctx, con, flags, of)
	}
	in, total, err := open(con, flags.File)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	engine, stop, err := flags.engine(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return answerLines[Q, R, P](ctx, con, engine, lines{in, total, flags.JSON}, chunk, v)
}

// lines are those of a file of so many bytes, 0 where that is not known, and how their answers are written.
type lines struct {
	in     *os.File
	total  int64
	asJSON bool
}

// answerLines asks v of every line and writes the answers in the lines' order. Its error says how many lines failed.
func answerLines[Q, R any, P bulk.Form[Q]](ctx context.Context, con *console, engine bulk.Engine, of lines, chunk int, v bulk.View[Q, R]) error {
	if terminal(of.in) {
		fmt.Fprintln(con.err, "assay: reading JSON lines from the terminal; Ctrl-D ends them") //nolint:errcheck // a hint
	}
	bar := con.progress(of.total, false)
	defer bar.Stop()
	w := bulk.NewWriter(con.out, of.asJSON, v)
	err := bulk.Stream[Q, R, P](ctx, engine, bulk.NewReader(of.in), chunk, v, func(done bulk.Chunk[Q, R]) error {
		for _, o := range done.Outcomes {
			if err := w.Write(o); err != nil {
				return err
			}
		}
		bar.Advance(done.End, w.Lines)
		return w.Flush()
	})
	bar.Stop()
	if err = errors.Join(err, w.Flush()); err != nil {
		return bulk.Explained(err)
	}
	if ignored := w.Ignored(); len(ignored) > 0 {
		fmt.Fprintf(con.err, "assay: passed over, as no model reads it: %s\n", strings.Join(ignored, ", ")) //nolint:errcheck // beside the answers
	}
	if w.Failed > 0 {
		return fmt.Errorf("%d of %d lines failed", w.Failed, w.Lines)
	}
	return nil
}

// open opens a file of lines; its size is 0 when it has none.
func open(con *console, name string) (*os.File, int64, error) {
	file := con.in
	if name != "-" {
		var err error
		if file, err = os.Open(name); err != nil {
			return nil, 0, err
		}
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case info.IsDir():
		return nil, 0, fmt.Errorf("%s is a directory, and must be a file of JSON lines", name)
	case !info.Mode().IsRegular():
		return file, 0, nil
	}
	return file, info.Size(), nil
}
