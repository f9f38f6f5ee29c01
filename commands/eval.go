package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/ops"
)

// evalCommand is `assay eval`.
type evalCommand struct {
	Models    offlineModels        `embed:""`
	Format    string               `group:"Data" placeholder:"NAME" help:"The format of the FILEs: ${evalFormats}. Left out, it is found by the columns of each file's first row."`
	Pairs     string               `group:"Data" placeholder:"FILE" help:"A file of format pairs."`
	Steps     string               `group:"Data" placeholder:"FILE" help:"A file of format steps, or processbench."`
	BestOf    string               `group:"Data" placeholder:"FILE" help:"A file of format best-of."`
	Separator string               `default:"\n" help:"Ends a step in a response, where a process model judges one (a new line)."`
	Threshold *float64             `placeholder:"X" help:"The first step that scores below it is the first error. Left out, it is 0.5 of probabilities and 0 of log-ratios."`
	Aggregate evaluation.Aggregate `enum:"min,last,mean,product" default:"min" help:"How a process model's steps become the score of a response: min, last, mean or product."`
	Truncate  encode.Truncation    `enum:"error,left,right" default:"error" help:"What happens to an item over the model's limit: error, left or right."`
	Draws     int                  `group:"Report" default:"1000" help:"Bootstrap draws of the intervals; 0: no intervals."`
	Seed      uint64               `group:"Report" default:"1" help:"Seed of the bootstrap, and of the halves of --fit-temperature."`
	JSON      bool                 `name:"json" group:"Report" help:"Write the main metrics as JSON instead of a table: model, measure, split."`
	Report    string               `group:"Report" placeholder:"FILE" help:"Write everything to FILE as JSON too. A run that was ended goes on where it was, by FILE.journal."`
	Fit       string               `name:"fit-temperature" group:"Report" placeholder:"FILE" help:"Fit the temperature of preferences to half of the pairs, prove it on the other half, and write the bundle's manifest with both to FILE."`
	Files     []string             `arg:"" optional:"" name:"file" help:"Files to measure on: JSON lines or Parquet."`
}

// Help is shown by assay eval --help.
func (*evalCommand) Help() string {
	return `Without files, the held-out data of the embedded models is measured: the table of their card. docs/EVAL.md has every format
by example. Further columns are left alone, and a row without "split" is in the split "all":
  pairs    {"split": "…", "prompt": "…", "chosen": "…", "rejected": "…"}
  steps    {"split": "…", "prompt": "…", "steps": ["…"], "first_error": 2}     null: every step is right
  best-of  {"split": "…", "prompt": "…", "responses": ["…"], "correct": [true]}
Reward, pair and preference models answer pairs and choose among responses, process models judge steps and choose among responses.`
}

// Validate is called by the parser.
func (c *evalCommand) Validate() error {
	switch {
	case c.Draws < 0 || c.Draws > maxDraws:
		return usage("--draws is %d, and must be between 0 and %d", c.Draws, maxDraws)
	case c.Format != "" && !slices.Contains(evaluation.Formats(), c.Format):
		return usage("--format is %q, and must be one of %s", c.Format, strings.Join(evaluation.Formats(), ", "))
	case c.Format != "" && len(c.Files) == 0:
		return usage("--format is of the files behind the flags, and there is none")
	case c.Fit != "" && len(c.Models.Bundle) != 1:
		return usage("--fit-temperature needs the one --bundle whose manifest is copied")
	}
	return nil
}

// maxDraws bounds the bootstrap.
const maxDraws = 100_000

// datasets lists the files that are named or, when none is, the embedded ones.
func (c *evalCommand) datasets(ctx context.Context) ([]*evaluation.Data, error) {
	type given struct{ file, format, embedded string }
	flags := []given{{c.Pairs, "pairs", "heldout/pairs.jsonl"}, {c.Steps, "", "heldout/steps.jsonl"}, {c.BestOf, "best-of", "heldout/best_of_8.jsonl"}}
	for _, file := range c.Files {
		flags = append(flags, given{file, c.Format, ""})
	}
	none := !slices.ContainsFunc(flags, func(g given) bool { return g.file != "" })
	var all []*evaluation.Data
	for _, g := range flags {
		name, opener := g.file, func() (evaluation.File, error) { return os.Open(g.file) }
		if none {
			name, opener = g.embedded, func() (evaluation.File, error) { return embedded(g.embedded) }
		}
		if name == "" {
			continue
		}
		data, err := evaluation.Inspect(ctx, name, g.format, opener)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// embedded opens a file of the embedded held-out data.
func embedded(name string) (evaluation.File, error) {
	file, err := builtin.Heldout.Open(name)
	if err != nil {
		return nil, err
	}
	if whole, ok := file.(evaluation.File); ok {
		return whole, nil
	}
	return nil, errors.Join(&fs.PathError{Op: "open", Path: name, Err: errors.New("the embedded file cannot be read anywhere")}, file.Close())
}

// Run measures every model that can answer on every file. It fails when a row has no score, since the metrics then
// leave it out.
func (c *evalCommand) Run(ctx context.Context, con *console) (err error) {
	files, err := c.datasets(ctx)
	if err != nil {
		return err
	}
	var engine bulk.Engine
	var models []rewards.ModelInfo
	if c.Fit != "" || slices.ContainsFunc(files, (*evaluation.Data).AsksModel) { // logs are measured without a model
		loaded, err2 := c.Models.load(ctx)
		if err2 != nil {
			return err2
		}
		defer func() { err = errors.Join(err, loaded.stop()) }()
		of := loaded.engine()
		engine, models = of, of.Models()
	}
	if err := c.copies(models); err != nil {
		return err
	}
	jobs, err := evaluation.Jobs(models, c.Models.Model, files)
	if err != nil {
		return err
	}
	options := &evaluation.Options{Separator: c.Separator, Truncate: c.Truncate, Aggregate: c.Aggregate}
	if c.Threshold != nil {
		options.Threshold = ops.Some(*c.Threshold)
	}
	journal, err := c.journal(con, jobs, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }() // which leaves it for the next run, unless this one is done
	bar := con.progress(evaluation.Size(jobs), true)
	defer bar.Stop()
	if err = evaluation.Run(ctx, engine, jobs, options, journal, bar); err != nil {
		return err
	}
	bar.Stop()
	return c.tell(con, jobs, journal)
}

// journal opens the journal beside the report, where there is one, and says that the run goes on.
func (c *evalCommand) journal(con *console, jobs []*evaluation.Job, options *evaluation.Options) (*evaluation.Journal, error) {
	if c.Report == "" {
		return nil, nil //nolint:nilnil // no report, no journal
	}
	path := c.Report + ".journal"
	journal, err := evaluation.OpenJournal(path, evaluation.Head(jobs, options), evaluation.Known(jobs))
	if err == nil && journal.Rows > 0 {
		fmt.Fprintf(con.err, "assay: going on behind the %d rows of %s\n", journal.Rows, path) //nolint:errcheck // a hint
	}
	return journal, err
}

// tell writes the report in every form that was asked for.
func (c *evalCommand) tell(con *console, jobs []*evaluation.Job, journal *evaluation.Journal) error {
	report := evaluation.NewReport(jobs, c.Draws, c.Seed)
	if c.Fit != "" {
		if err := c.calibrate(report, jobs); err != nil {
			return err
		}
	}
	if c.Report != "" {
		if err := writeJSON(c.Report, report); err != nil {
			return err
		}
		if err := journal.Remove(); err != nil {
			return err
		}
	}
	var err error
	if c.JSON {
		encoder := json.NewEncoder(con.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report.Document())
	} else {
		p := page.New(con.out)
		report.Show(p)
		err = p.Flush()
	}
	if failed, first := report.Failed(); err == nil && failed > 0 {
		err = fmt.Errorf("rows without a score, which the metrics leave out: %d; the first is %s", failed, first)
	}
	return err
}

// writeJSON writes a file whole, or not at all.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(path, append(text, '\n'))
}

// writeWhole writes a file beside its place and moves it there.
func writeWhole(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
