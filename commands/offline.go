package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// offlineModels say which models a command without a server loads.
type offlineModels struct {
	Runtime runtimeFlags `embed:""`
	Model   string       `group:"Models" env:"ASSAY_MODEL" placeholder:"NAME" help:"The model to ask; may be left out where one model answers."`
	Bundle  []string     `group:"Models" env:"ASSAY_BUNDLE" placeholder:"DIR" help:"Ask the bundle in DIR instead of the embedded models. Repeat it for more."`
}

// load opens the models. Nothing else feeds their queues, and what a command has in flight is bounded, so they are not.
func (f *offlineModels) load(ctx context.Context) (*running, error) {
	sources := builtin.Sources()
	if len(f.Bundle) > 0 {
		sources = nil
	}
	for _, dir := range f.Bundle {
		sources = append(sources, models.Dir(dir))
	}
	options := f.Runtime.options()
	options.MaxItems, options.MaxTokens = math.MaxInt32, math.MaxInt
	return load(ctx, sources, options, slog.New(slog.DiscardHandler))
}

// offlineFlags are what score, rank, compare and steps have in common.
type offlineFlags struct {
	Models   offlineModels     `embed:""`
	Truncate encode.Truncation `enum:"error,left,right" default:"error" help:"What happens to an item over the model's limit: error, left (drop its oldest tokens) or right (drop its newest)."`
	JSON     bool              `name:"json" help:"Write JSON lines, one per input line in order, instead of a table."`
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

// runOffline asks v of every line of the file. Its error says how many lines failed.
func runOffline[Q, R any, P form[Q]](ctx context.Context, con *console, flags *offlineFlags, chunk int, v view[Q, R]) (err error) {
	in, total, err := open(con, flags.File)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	loaded, err := flags.Models.load(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	if terminal(in) {
		fmt.Fprintln(con.err, "assay: reading JSON lines from the terminal; Ctrl-D ends them") //nolint:errcheck // a hint
	}
	bar := newProgress(con, total, false)
	defer bar.stop()
	w := newWriter(con.out, flags.JSON, v)
	err = stream[Q, R, P](ctx, loaded.engine(), newLineReader(in), chunk, v, func(done answered[Q, R]) error {
		for _, o := range done.outcomes {
			if err := w.write(o); err != nil {
				return err
			}
		}
		bar.advance(done.end, w.lines)
		return w.page.flush()
	})
	bar.stop()
	if err = errors.Join(err, w.page.flush()); err != nil {
		return explained(err)
	}
	if w.failed > 0 {
		return fmt.Errorf("%d of %d lines failed", w.failed, w.lines)
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

// view shows a command's answers: as JSON lines, or as a table for people.
type view[Q, R any] interface {
	question[Q, R]
	record(number int, answer R) any // the JSON line
	header() string
	show(p *page, number int, asked Q, answer R)
}

// writer writes outcomes in the form that was asked for, and counts them.
type writer[Q, R any] struct {
	page    *page
	encoder *json.Encoder // nil: a table
	view    view[Q, R]
	lines   int
	failed  int
}

func newWriter[Q, R any](out *os.File, asJSON bool, v view[Q, R]) *writer[Q, R] {
	w := &writer[Q, R]{page: newPage(out), view: v}
	if asJSON {
		w.encoder = json.NewEncoder(w.page.out)
		w.encoder.SetEscapeHTML(false)
	}
	return w
}

func (w *writer[Q, R]) write(o outcome[Q, R]) error {
	if w.lines++; o.problem != nil {
		w.failed++
	}
	switch {
	case w.encoder != nil && o.refused:
		return w.encoder.Encode(failedLine{o.number, native.Error(o.problem)})
	case w.encoder != nil:
		return w.encoder.Encode(w.view.record(o.number, o.answer))
	}
	if w.lines == 1 {
		w.page.line("%s", w.view.header())
	}
	if o.refused {
		showProblem(w.page, o.number, o.problem)
	} else {
		w.view.show(w.page, o.number, o.asked, o.answer)
	}
	return nil
}

// failedLine is the JSON line of a line that was not asked.
type failedLine struct {
	Line  int           `json:"line"`
	Error *wire.Problem `json:"error"`
}

func showProblem(p *page, number int, err *failure.Error) {
	p.line("%6d  %s: %s", number, err.Code, oneLine(err.Detail, 200))
}

// explained gives an error's cause, which is kept from clients but not from who runs the command.
func explained(err error) error {
	var known *failure.Error
	if errors.As(err, &known) && known.Cause != nil {
		return known.Cause
	}
	return err
}
