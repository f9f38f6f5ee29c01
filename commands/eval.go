package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/assay-rm/assay/models/builtin"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
)

// evalCommand is `assay eval`.
type evalCommand struct {
	Models    offlineModels     `embed:""`
	Pairs     string            `group:"Data" placeholder:"FILE" help:"Pairs, for pair accuracy."`
	Steps     string            `group:"Data" placeholder:"FILE" help:"Labelled steps, for the first-error F1."`
	BestOf    string            `group:"Data" placeholder:"FILE" help:"Samples of each prompt, for best-of-n accuracy."`
	Separator string            `default:"\n" help:"Ends a step in a response, where a process model judges one (a new line)."`
	Threshold float64           `default:"0.5" help:"The first step that scores below it is the first error."`
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

// dataset is a file to measure on.
type dataset struct {
	measure measure
	name    string
	open    func() (fs.File, error)
}

// datasets lists the files that the flags name or, when they name none, the embedded ones.
func (c *evalCommand) datasets() []dataset {
	var sets []dataset
	for _, given := range []struct {
		measure  measure
		file     string
		embedded string
	}{
		{measurePairs, c.Pairs, "heldout/pairs.jsonl"},
		{measureSteps, c.Steps, "heldout/steps.jsonl"},
		{measureBestOf, c.BestOf, "heldout/best_of_8.jsonl"},
	} {
		switch {
		case c.Pairs == "" && c.Steps == "" && c.BestOf == "":
			open := func() (fs.File, error) { return builtin.Heldout.Open(given.embedded) }
			sets = append(sets, dataset{given.measure, given.embedded, open})
		case given.file != "":
			sets = append(sets, dataset{given.measure, given.file, func() (fs.File, error) { return os.Open(given.file) }})
		}
	}
	return sets
}

// Run measures every model that can answer on every file. It fails when a row has no score, since the metrics then leave it out.
func (c *evalCommand) Run(ctx context.Context, con *console) (err error) {
	loaded, err := c.Models.load(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loaded.stop()) }()
	engine := loaded.engine()
	jobs, total, err := c.jobs(engine)
	if err != nil {
		return err
	}
	bar := newProgress(con, total, true)
	defer bar.stop()
	var report report
	for _, job := range jobs {
		tallies, err := c.measure(ctx, engine, job, bar)
		if err != nil {
			return fmt.Errorf("%s: %w", job.data.name, explained(err))
		}
		report.add(job.model.Manifest.Name, tallies)
	}
	bar.stop()
	if c.JSON {
		encoder := json.NewEncoder(con.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report.document())
	} else {
		p := newPage(con.out)
		report.show(p)
		err = p.flush()
	}
	if failed := report.failed(); err == nil && failed > 0 {
		err = fmt.Errorf("rows without a score: %d; the metrics leave them out", failed)
	}
	return err
}

// job is one model on one file.
type job struct {
	model rewards.ModelInfo
	data  dataset
}

// jobs lists what the flags ask for, and how many bytes it is. Asking a model for what it cannot answer is an error only when
// nothing is left.
func (c *evalCommand) jobs(engine *rewards.Engine) (jobs []job, total int64, err error) {
	known := false
	for _, m := range engine.Models() {
		if c.Models.Model != "" && m.Manifest.Name != c.Models.Model {
			continue
		}
		known = true
		for _, data := range c.datasets() {
			if m.Manifest.ReadsFeatures() || !data.measure.suits(m.Manifest.Kind) {
				continue
			}
			bytes, err := sizeOf(data)
			if err != nil {
				return nil, 0, err
			}
			total += bytes
			jobs = append(jobs, job{m, data})
		}
	}
	switch {
	case !known:
		return nil, 0, fmt.Errorf("no model is named %q", c.Models.Model)
	case len(jobs) == 0:
		return nil, 0, errors.New("no loaded model answers these files: reward, pair and preference models answer --pairs and --best-of, process models --steps and --best-of")
	}
	return jobs, total, nil
}

func sizeOf(data dataset) (bytes int64, err error) {
	file, err := data.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// measure runs one model over one file and gives a tally of each split.
func (c *evalCommand) measure(ctx context.Context, engine *rewards.Engine, job job, bar *progress) (*tallies, error) {
	file, err := job.data.open()
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	asks := asking{job.model.Manifest.Name, job.model.Manifest.Kind, c.Truncate}
	switch job.data.measure {
	case measurePairs:
		return runMeasure(ctx, engine, file, bar, pairQuestion{asks})
	case measureSteps:
		return runMeasure(ctx, engine, file, bar, stepQuestion{asks, c.Threshold})
	case measureBestOf:
	}
	return runMeasure(ctx, engine, file, bar, bestQuestion{asks, c.Separator})
}

// measuring is a question of rows, each of which belongs to a split.
type measuring[Q any] interface {
	question[Q, verdict]
	split(row *Q) string
}

// runMeasure asks the question of every row and tallies the answers. A row that cannot be read ends the measurement: a metric over the
// rows that happened to parse would say nothing.
func runMeasure[Q any, P form[Q]](ctx context.Context, engine *rewards.Engine, in io.Reader, bar *progress, q measuring[Q]) (*tallies, error) {
	all, lines := newTallies(), newLineReader(in)
	begin, rows := bar.done()
	err := stream[Q, verdict, P](ctx, engine, lines, listChunk, q, func(done answered[Q, verdict]) error {
		for i := range done.outcomes {
			o := &done.outcomes[i]
			if o.refused {
				return fmt.Errorf("line %d: %w", o.number, o.problem)
			}
			all.add(q.split(&o.asked), o.answer)
		}
		bar.advance(begin+done.end, rows+all.rows)
		return nil
	})
	if err == nil && all.rows == 0 {
		err = errors.New("the file has no row")
	}
	return all, err
}
