package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/assay-rm/assay/commands/evaluation"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/ops"
)

// evalCommand is `assay eval`.
type evalCommand struct {
	Models    offlineModels     `embed:""`
	Pairs     string            `group:"Data" placeholder:"FILE" help:"Pairs, for pair accuracy."`
	Steps     string            `group:"Data" placeholder:"FILE" help:"Labelled steps, for the first-error F1."`
	BestOf    string            `group:"Data" placeholder:"FILE" help:"Samples of each prompt, for best-of-n accuracy."`
	Separator string            `default:"\n" help:"Ends a step in a response, where a process model judges one (a new line)."`
	Threshold *float64          `placeholder:"X" help:"The first step that scores below it is the first error. Left out, it is 0.5 of probabilities and 0 of log-ratios."`
	Truncate  encode.Truncation `enum:"error,left,right" default:"error" help:"What happens to an item over the model's limit: error, left or right."`
	JSON      bool              `name:"json" help:"Write the metrics as JSON: model, measure, split."`
}

// Help is shown by assay eval --help.
func (*evalCommand) Help() string {
	return `Without files, the held-out data of the embedded models is measured: the table of their card. Files are JSON lines; further
fields are left alone, and a row without "split" is in the split "all":
  --pairs    {"split": "…", "prompt": "…", "chosen": "…", "rejected": "…"}
  --steps    {"split": "…", "prompt": "…", "steps": ["…"], "first_error": 2}     null: every step is right
             {"problem": "…", "steps": ["…"], "label": -1}                       ProcessBench's names
  --best-of  {"split": "…", "prompt": "…", "responses": ["…"], "correct": [true]}
Reward, pair and preference models answer --pairs and --best-of, process models --steps and --best-of (by the weakest step).`
}

// datasets lists the files that the flags name or, when they name none, the embedded ones.
func (c *evalCommand) datasets() []evaluation.Data {
	var sets []evaluation.Data
	for _, given := range []struct {
		measure  evaluation.Measure
		file     string
		embedded string
	}{
		{evaluation.Pairs, c.Pairs, "heldout/pairs.jsonl"},
		{evaluation.Steps, c.Steps, "heldout/steps.jsonl"},
		{evaluation.BestOf, c.BestOf, "heldout/best_of_8.jsonl"},
	} {
		switch {
		case c.Pairs == "" && c.Steps == "" && c.BestOf == "":
			open := func() (fs.File, error) { return builtin.Heldout.Open(given.embedded) }
			sets = append(sets, evaluation.Data{Measure: given.measure, Name: given.embedded, Open: open})
		case given.file != "":
			sets = append(sets, evaluation.Data{
				Measure: given.measure, Name: given.file, Open: func() (fs.File, error) { return os.Open(given.file) },
			})
		}
	}
	return sets
}

// Run measures every model that can answer on every file. It fails when a row has no score, since the metrics then
// leave it out.
func (c *evalCommand) Run(ctx context.Context, con *console) (err error) {
	loaded, err := c.Models.load(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	engine := loaded.engine()
	jobs, total, err := evaluation.Jobs(engine.Models(), c.Models.Model, c.datasets())
	if err != nil {
		return err
	}
	bar := con.progress(total, true)
	defer bar.Stop()
	options := evaluation.Options{Separator: c.Separator, Truncate: c.Truncate}
	if c.Threshold != nil {
		options.Threshold = ops.Some(*c.Threshold)
	}
	report, err := evaluation.Run(ctx, engine, jobs, options, bar)
	bar.Stop()
	if err != nil {
		return err
	}
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
