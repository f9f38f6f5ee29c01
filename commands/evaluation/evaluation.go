// Package evaluation measures models on files whose answers are known: which response of a pair is better, which step
// goes wrong first, which of several samples is right.
package evaluation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// Data is a file to measure on.
type Data struct {
	Measure Measure
	Name    string
	Open    func() (fs.File, error)
}

// Options say how models are asked.
type Options struct {
	Separator string    // ends a step in a response, where a process model judges one
	Threshold ops.Maybe // the first step that scores below it is the first error; missing: the model's own
	Truncate  encode.Truncation
}

// Job is one model on one file.
type Job struct {
	model   string
	answers []string // the questions that it answers
	data    Data
}

// Jobs lists what the models can be measured on, and how many bytes that is. A name leaves all other models out. Asking
// a model for what it cannot answer is an error only when nothing is left.
func Jobs(models []rewards.ModelInfo, name string, files []Data) (jobs []Job, total int64, err error) {
	known := false
	for _, m := range models {
		if name != "" && m.Manifest.Name != name {
			continue
		}
		known = true
		for _, data := range files {
			if !data.Measure.suits(m.Answers) {
				continue
			}
			bytes, err := sizeOf(data)
			if err != nil {
				return nil, 0, err
			}
			total += bytes
			jobs = append(jobs, Job{m.Manifest.Name, m.Answers, data})
		}
	}
	switch {
	case !known:
		return nil, 0, fmt.Errorf("no model is named %q", name)
	case len(jobs) == 0:
		return nil, 0, errors.New("no loaded model answers these files: reward, pair and preference models answer --pairs and --best-of, process models --steps and --best-of")
	}
	return jobs, total, nil
}

func sizeOf(data Data) (bytes int64, err error) {
	file, err := data.Open()
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

// Run does the jobs one after the other. A row that has no score, or is more than one request may be, is counted and
// left out of the metrics; one that cannot be read ends the evaluation.
func Run(ctx context.Context, engine bulk.Engine, jobs []Job, options Options, bar *bulk.Progress) (*Report, error) {
	report := &Report{}
	for i := range jobs {
		tallies, err := jobs[i].run(ctx, engine, options, bar)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", jobs[i].data.Name, bulk.Explained(err))
		}
		report.add(jobs[i].model, jobs[i].data.Name, tallies)
	}
	return report, nil
}

// run measures one model on one file and gives a tally of each split.
func (j *Job) run(ctx context.Context, engine bulk.Engine, options Options, bar *bulk.Progress) (*tallies, error) {
	file, err := j.data.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	asks := asking{j.model, options.Truncate}
	switch j.data.Measure {
	case Pairs:
		return measure(ctx, engine, file, bar, pairQuestion{asks})
	case Steps:
		return measure(ctx, engine, file, bar, stepQuestion{asks, options.Threshold})
	case BestOf:
	}
	return measure(ctx, engine, file, bar, bestQuestion{asks, j.answers, options.Separator})
}

// measuring is a question of rows, each of which belongs to a split.
type measuring[Q any] interface {
	bulk.Question[Q, verdict]
	split(row *Q) string
	// without is the verdict of a row that was not asked.
	without(row *Q, err *failure.Error) verdict
}

// rowsAtOnce is how many rows are asked about at once.
const rowsAtOnce = 64

// measure asks the question of every row and tallies the answers. A row that cannot be read ends the measurement: a
// metric over the rows that happened to parse would say nothing.
func measure[Q any, P bulk.Form[Q]](ctx context.Context, engine bulk.Engine, in io.Reader, bar *bulk.Progress, q measuring[Q]) (*tallies, error) {
	all := newTallies()
	begin, rows := bar.Done()
	err := bulk.Stream[Q, verdict, P](ctx, engine, bulk.NewReader(in), rowsAtOnce, q, func(done bulk.Chunk[Q, verdict]) error {
		for i := range done.Outcomes {
			o := &done.Outcomes[i]
			switch {
			case o.Refused && !bulk.TooMuch(o.Err):
				return fmt.Errorf("line %d: %w", o.Number, o.Err)
			case o.Refused:
				o.Answer = q.without(&o.Asked, o.Err)
			}
			all.add(q.split(&o.Asked), o.Number, o.Answer)
		}
		bar.Advance(begin+done.End, rows+all.rows)
		return nil
	})
	if err == nil && all.rows == 0 {
		err = errors.New("the file has no row")
	}
	return all, err
}
