package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/jobs"
	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// jobWork computes chunks of jobs: it asks the engine as the route of the question does, in the class bulk.
type jobWork struct{ s *Server }

// caller is who sent a job; one whose token was taken away is nobody in particular.
func (w jobWork) caller(owner string) *caller {
	for i := range w.s.keys {
		if w.s.keys[i].caller.owner == owner {
			return w.s.keys[i].caller
		}
	}
	return w.s.anonymous
}

// May implements [jobs.Work]: a caller whose tokens are used up waits for more.
func (w jobWork) May(caller string) bool { return w.caller(caller).mayAsk(time.Now()) == nil }

// Answer implements [jobs.Work].
func (w jobWork) Answer(ctx context.Context, task *jobs.Task) (jobs.Answer, error) {
	c := chunk{work: w, task: task, rows: make([]jobRow, len(task.Rows))}
	if err := w.s.decode(task.Head, &c.form); err != nil {
		return jobs.Answer{Failure: failureOf(problem.Of(err).Code, err.Error())}, nil
	}
	c.held = c.form.Expect
	if task.Job.Facts != nil {
		c.held = task.Job.Facts.Digest
	}
	c.read()
	if err := c.ask(ctx); err != nil {
		why := failure.Of(err)
		if ctx.Err() == nil && !c.again(why) {
			return jobs.Answer{Failure: failureOf(why.Code, w.tell(task.Job, why))}, nil
		}
		return jobs.Answer{}, err
	}
	return c.answer()
}

func failureOf(code, detail string) *jobs.Failure {
	return &jobs.Failure{Code: code, Detail: brief(detail)}
}

// tell says why a job fails. Where a digest differs that the client did not name, it was the job that held it.
func (jobWork) tell(job *jobs.Job, why *failure.Error) string {
	if why.Code == failure.CodeDigest && job.Facts != nil {
		return fmt.Sprintf("its first rows were answered by the digest %q, and now another is loaded; no result is of both: send the job again", job.Facts.Digest)
	}
	return why.Detail
}

// passing tells what may be otherwise when it is tried again.
func passing(why *failure.Error) bool {
	switch why.Code {
	case failure.CodeQueueFull, failure.CodeClosed, failure.CodeDeadline, failure.CodeClientGone, failure.CodeInternal, failure.CodeStateFailed:
		return true
	}
	return false
}

// runTries is how often a chunk is asked whole while its forward fails: that may be of the device, for now, or of a
// row. At the last of these tries its rows are asked by themselves, and those whose forward fails then have that as
// their result.
const runTries = 5

// again tells what the chunk is tried again for.
func (c *chunk) again(why *failure.Error) bool {
	return passing(why) || why.Code == fault.CodeRun && c.task.Try < runTries
}

// tooMuch tells what a part of the rows may not be.
func tooMuch(why *failure.Error) bool {
	return why.Code == fault.CodeBudget || why.Code == failure.CodeTooManyItems
}

// ofJob tells what every row would be refused for. A row of responses may be refused for what it has itself.
func ofJob(why *failure.Error, group bool) bool {
	switch why.Code {
	case failure.CodeDigest, fault.CodeModel, fault.CodeKind, failure.CodeActivation, failure.CodeLabel:
		return true
	}
	return !group && !tooMuch(why) && why.Code != fault.CodeRun
}

// chunk is the rows of a job that are computed together.
type chunk struct {
	work jobWork
	task *jobs.Task
	form wire.JobRequest
	held string // the digest that every answer must have; empty: any
	rows []jobRow

	facts  *jobs.Facts // of the answers
	tokens int64
}

// ask asks of every row that could be read. Its error is of the job, or passes.
func (c *chunk) ask(ctx context.Context) error {
	var read []int
	for i := range c.rows {
		if c.rows[i].why == nil {
			read = append(read, i)
		}
	}
	if !c.groups() {
		given, err := c.halves(ctx, read)
		if err != nil {
			return err
		}
		return c.take(ctx, given...)
	}
	answers := make([][]answered, len(read))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, at := range read {
		group.Go(func() (err error) {
			answers[i], err = c.halves(asking, []int{at})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.take(ctx, slices.Concat(answers...)...)
}

// answered is the answer to some rows.
type answered struct {
	rows []int
	rewards.Answer
}

// halves asks about rows, and about either half of them where they are more together than one request may be.
func (c *chunk) halves(ctx context.Context, rows []int) ([]answered, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	answer, err := c.patiently(ctx, rows)
	why := failure.Of(err)
	switch {
	case err == nil:
		return c.apart(ctx, answered{rows, answer})
	case ctx.Err() != nil || c.again(why) || ofJob(why, c.groups()):
		return nil, err
	case len(rows) == 1:
		c.rows[rows[0]].why = why
		return nil, nil
	}
	first, err := c.halves(ctx, rows[:len(rows)/2])
	if err != nil {
		return nil, err
	}
	second, err := c.halves(ctx, rows[len(rows)/2:])
	return append(first, second...), err
}

// apart asks again, each by itself, about the rows of an answer whose forward failed. Their later answers hold.
func (c *chunk) apart(ctx context.Context, whole answered) ([]answered, error) {
	all := []answered{whole}
	if len(whole.rows) == 1 {
		return all, nil
	}
	i := -1
	for of := range whole.Errors() {
		if i++; of == nil || of.Code != fault.CodeRun {
			continue
		}
		own, err := c.halves(ctx, whole.rows[i:i+1])
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	return all, nil
}

// patiently asks, and waits as long as the queue is full. It tells what of an answer passes as if all had.
func (c *chunk) patiently(ctx context.Context, rows []int) (rewards.Answer, error) {
	request, err := c.request(rows)
	if err != nil {
		return rewards.Answer{}, err
	}
	request.Caller, request.Expect = models.Caller{Name: c.work.caller(c.task.Job.Caller).name, Bulk: true}, c.held
	for {
		answer, err := c.work.s.engine.Ask(ctx, request)
		why := failure.Of(err)
		if err == nil {
			for of := range answer.Errors() {
				if of != nil && of.Code != failure.CodeInternal && c.again(of) {
					why = of
					break
				}
			}
			if why == nil {
				c.record(rows, &request, &answer)
				return answer, nil
			}
		}
		if ctx.Err() != nil || why.Code != failure.CodeQueueFull {
			return rewards.Answer{}, why
		}
		select {
		case <-ctx.Done():
			return rewards.Answer{}, ctx.Err()
		case <-time.After(min(max(why.RetryAfter, 100*time.Millisecond), 5*time.Second)):
		}
	}
}

// take puts answers into their rows, and counts them.
func (c *chunk) take(ctx context.Context, all ...answered) error {
	for i := range all {
		answer := &all[i].Answer
		facts := &jobs.Facts{Model: answer.Model, Digest: answer.Digest, Transforms: answer.Transforms, Threshold: answer.Threshold.Pointer()}
		if c.facts == nil {
			c.facts = facts
		} else if c.facts.Digest != facts.Digest {
			return failure.New(failure.CodeInternal, "the model was replaced while a chunk was computed")
		}
		c.tokens += int64(answer.Usage.Tokens)
		c.fill(all[i].rows, answer)
	}
	for i := range all {
		c.work.s.account(ctx, c.task.Job.ID, c.work.caller(c.task.Job.Caller), &all[i].Answer)
	}
	return nil
}

// answer is the chunk's lines.
func (c *chunk) answer() (jobs.Answer, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	answer := jobs.Answer{Facts: c.facts, Tokens: c.tokens}
	for i := range c.rows {
		row := &c.rows[i]
		if err := encoder.Encode(row.line(c.task.First + i)); err != nil {
			return jobs.Answer{}, err
		}
		if row.failed || row.why != nil {
			answer.Failed++
		}
		answer.Ignored = append(answer.Ignored, row.ignored...)
	}
	slices.Sort(answer.Ignored)
	answer.Ignored = slices.Compact(answer.Ignored)
	answer.Text = text.Bytes()
	c.work.s.metrics.jobRows.WithLabelValues("failed").Add(float64(answer.Failed))
	c.work.s.metrics.jobRows.WithLabelValues("answered").Add(float64(len(c.rows) - answer.Failed))
	return answer, nil
}
