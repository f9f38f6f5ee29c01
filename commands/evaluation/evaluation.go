// Package evaluation measures models on files whose answers are known: which response of a pair is better, which step
// goes wrong first, which of several samples is right. Logs of games are measured without a model.
//
//	row, format    a file's rows, as published benchmarks have them → examples
//	question       examples → what the model says of them → a few numbers each
//	Journal        these numbers, kept as they come
//	scores         numbers by split
//	Report         metrics of them with intervals (package metrics)
package evaluation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// Options say how models are asked.
type Options struct {
	Separator string    // ends a step in a response, where a process model judges one
	Threshold ops.Maybe // the first step that scores below it is the first error; missing: the model's own
	Aggregate Aggregate // of a response's steps
	Truncate  encode.Truncation
}

// Job is one model on one file, or a file that no model is asked about.
type Job struct {
	model  rewards.ModelInfo // none: without a name
	data   *Data
	scores *scores
	after  int // the last row that is known already
}

// Jobs lists what the models can be measured on, and the files of logs behind that. A name leaves all other models out.
// Asking a model for what it cannot answer is an error only when nothing is left.
func Jobs(models []rewards.ModelInfo, name string, files []*Data) ([]*Job, error) {
	var jobs []*Job
	known := name == ""
	for _, m := range models {
		if name != "" && m.Manifest.Name != name {
			continue
		}
		known = true
		for _, data := range files {
			if data.format.asks.suits(m.Answers) {
				jobs = append(jobs, &Job{model: m, data: data, scores: newScores(data.format)})
			}
		}
	}
	for _, data := range files {
		if !data.AsksModel() {
			jobs = append(jobs, &Job{data: data, scores: newScores(data.format)})
		}
	}
	switch {
	case !known && slices.ContainsFunc(files, (*Data).AsksModel):
		return nil, fmt.Errorf("no model is named %q", name)
	case len(jobs) == 0:
		return nil, errors.New("no loaded model answers these files: reward, pair and preference models answer pairs and choose among " +
			"responses, process models answer steps and choose among responses")
	}
	return jobs, nil
}

// Size is how many bytes the jobs read.
func Size(jobs []*Job) (bytes int64) {
	for _, j := range jobs {
		bytes += j.data.size
	}
	return bytes
}

// Head tells of a run as a journal does: what is measured, and how models are asked.
func Head(jobs []*Job, options *Options) any {
	type job struct {
		Model  string `json:"model"`
		Digest string `json:"digest"`
		File   string `json:"file"`
		SHA256 string `json:"sha256"`
		Format string `json:"format"`
	}
	head := struct {
		Version   int               `json:"assay_eval_journal"`
		Jobs      []job             `json:"jobs"`
		Separator string            `json:"separator"`
		Threshold *float64          `json:"threshold"`
		Aggregate Aggregate         `json:"aggregate"`
		Truncate  encode.Truncation `json:"truncate"`
	}{1, nil, options.Separator, options.Threshold.Pointer(), options.Aggregate, options.Truncate}
	for _, j := range jobs {
		head.Jobs = append(head.Jobs, job{j.model.Manifest.Name, j.model.Digest, j.data.Name, j.data.digest, j.data.format.name})
	}
	return head
}

// Known gives a job a row that a journal has.
func Known(jobs []*Job) func(job, line int, outcomes []outcome) {
	return func(job, line int, outcomes []outcome) {
		j := jobs[job]
		j.scores.add(line, outcomes)
		j.after = line
	}
}

// Run does the jobs one after the other, and keeps what rows come to in the journal, if there is one. A row that has no
// score, or is more than one request may be, is counted and left out of the metrics; one that cannot be read ends the
// evaluation: a metric over the rows that happened to parse would say nothing.
func Run(ctx context.Context, engine bulk.Engine, jobs []*Job, options *Options, journal *Journal, bar *bulk.Progress) error {
	for i, j := range jobs {
		if err := j.run(ctx, i, engine, options, journal, bar); err != nil {
			return fmt.Errorf("%s: %w", j.data.Name, bulk.Explained(err))
		}
	}
	return nil
}

// rowsAtOnce is how many rows are asked about at once.
const rowsAtOnce = 64

func (j *Job) run(ctx context.Context, number int, engine bulk.Engine, options *Options, journal *Journal, bar *bulk.Progress) error {
	source, file, err := j.data.open(j.data.format.columns)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // opened for reading
	q := question{j.data.format, j.model.Manifest.Name, j.model.Answers, options}
	decode := func(text []byte) ([]example, *failure.Error) {
		r, err := decodeRow(text)
		if err != nil {
			return nil, err
		}
		return q.format.examples(r)
	}
	begin, rows := bar.Done()
	rows -= j.scores.rows
	err = bulk.StreamRows(ctx, engine, &behind{source, j.after}, rowsAtOnce, decode, q, func(done bulk.Chunk[[]example, []outcome]) error {
		for i := range done.Outcomes {
			o := &done.Outcomes[i]
			switch {
			case o.Refused && !bulk.TooMuch(o.Err):
				return errors.Join(journal.flush(), fmt.Errorf("line %d: %w", o.Number, o.Err))
			case o.Refused:
				o.Answer = q.without(o.Asked, o.Err)
			}
			journal.keep(record{number, o.Number, o.Answer})
			j.scores.add(o.Number, o.Answer)
		}
		bar.Advance(begin+done.End, rows+j.scores.rows)
		return journal.flush()
	})
	if err == nil && j.scores.rows == 0 {
		err = errors.New("the file has no row")
	}
	if err == nil {
		j.scores.finish()
	}
	return err
}

// behind gives the lines behind the one of that number.
type behind struct {
	bulk.Source

	after int
}

// Chunk gives the next lines that are not known yet.
func (b *behind) Chunk(n int) ([]bulk.Line, error) {
	for {
		lines, err := b.Source.Chunk(n)
		for len(lines) > 0 && lines[0].Number <= b.after {
			lines = lines[1:]
		}
		if len(lines) > 0 || err != nil {
			return lines, err
		}
	}
}

// Data is a file to measure on.
type Data struct {
	Name   string
	format *format
	told   bool // the format was named, and not found
	size   int64
	digest string
	opener func() (File, error)
}

// AsksModel tells whether the file's numbers need a model: those of a log do not.
func (d *Data) AsksModel() bool { return d.format.asks != askNothing }

// File is a file of rows.
type File interface {
	io.ReadCloser
	io.ReaderAt
}
