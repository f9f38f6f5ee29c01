package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	workers  = 2                // chunks that one process computes at a time, so that the model never waits for the store
	mostTry  = 64               // deliveries of a chunk, after which its job fails
	firstTry = time.Second      // from a try that failed to the next
	lastTry  = 60 * time.Second // between two tries, at most
)

// Work computes chunks. Its methods are safe for concurrent use.
type Work interface {
	// May tells whether a caller's rows may be computed now.
	May(caller string) bool
	// Answer computes the rows of a chunk. The same rows must have the same text, whenever and wherever they are
	// computed. An error is of this try, after which the chunk waits and is tried again; what makes no sense of the
	// job as a whole is the failure of the answer.
	Answer(ctx context.Context, task *Task) (Answer, error)
}

// Task is a chunk that is to be computed.
type Task struct {
	Job   *Job
	Head  []byte   // what is asked of every row
	First int      // the number of the first row
	Rows  [][]byte // each is a line without its line feed
	Try   int      // 1: the chunk is computed for the first time
}

// Answer is what came of a chunk.
type Answer struct {
	Text    []byte // one line for each row, in order, each with its line feed
	Failed  int    // rows
	Tokens  int64  // that were read
	Ignored []string
	Facts   *Facts   // nil: no row was asked
	Failure *Failure // of the job; the rest means nothing then
}

// Run computes chunks until ctx ends. What is being computed then goes back into the queue, and Run returns at once.
func (s *Store) Run(ctx context.Context, work Work) {
	var group sync.WaitGroup
	group.Go(func() { s.watch(ctx) })
	group.Go(func() { s.sweep(ctx) })
	for range workers {
		group.Go(func() {
			for {
				job, msg, err := s.next(ctx, work)
				if err != nil {
					return
				}
				s.handle(ctx, work, &job, msg)
			}
		})
	}
	group.Wait()
}

// handle computes a chunk and acknowledges it, or gives it back.
func (s *Store) handle(ctx context.Context, work Work, job *Job, msg jetstream.Msg) {
	about, err := msg.Metadata()
	if err != nil {
		s.log.ErrorContext(ctx, "jobs: a message that is no chunk", "subject", msg.Subject(), "error", err)
		return
	}
	computing, cancel := context.WithCancel(ctx)
	defer cancel()
	var beats sync.WaitGroup
	beats.Go(func() { s.beat(computing, cancel, job, msg) })
	if about.NumDelivered > mostTry {
		err = s.fail(ctx, job, &Failure{Code: "internal", Detail: fmt.Sprintf("chunk %s was tried %d times, and no try came to its end; see the server's log",
			lastToken(msg.Subject()), mostTry)})
	} else {
		err = s.compute(computing, work, job, msg, int(min(about.NumDelivered, mostTry))) //nolint:gosec // it is small
	}
	stopped := computing.Err() != nil
	cancel()
	beats.Wait()
	switch {
	case err == nil:
		err = msg.Ack()
	case errors.Is(err, errGone): // what was stored of it after its removal is removed now
		err = errors.Join(s.scrub(context.WithoutCancel(ctx), job.Upload), msg.Ack())
	case ctx.Err() != nil || stopped && errors.Is(err, context.Canceled):
		err = msg.Nak()
	default:
		wait := min(lastTry, s.firstTry*time.Duration(math.Exp2(float64(min(about.NumDelivered, 10)-1))))
		s.log.WarnContext(ctx, "jobs: a chunk is tried again later", "job", job.ID, "subject", msg.Subject(), "try", about.NumDelivered, "after", wait, "error", err)
		err = msg.NakWithDelay(wait)
	}
	if err != nil { // the queue gives it to somebody else, when nothing is heard of it
		s.log.WarnContext(ctx, "jobs: a chunk could not be acknowledged", "job", job.ID, "error", err)
	}
}

// beat tells the queue that the chunk is being computed, and cancels it when its job has ended.
func (s *Store) beat(ctx context.Context, cancel func(), job *Job, msg jetstream.Msg) {
	for tick := 0; sleep(ctx, s.ackWait/20) == nil; tick++ {
		if s.turns.ends(job) {
			cancel()
			return
		}
		if tick%5 == 4 {
			_ = msg.InProgress() // where it is not heard, the chunk is computed twice, which does no harm
		}
	}
}

// compute computes a chunk whose job still wants it. Each of its steps may have been done before.
func (s *Store) compute(ctx context.Context, work Work, known *Job, msg jetstream.Msg, try int) error {
	job, revision, err := s.load(ctx, known.ID)
	if err != nil {
		return err
	}
	chunk, err := strconv.Atoi(lastToken(msg.Subject()))
	switch {
	case err != nil:
		return err
	case revision == 0 || job.Upload != known.Upload || job.Status == deleting:
		return errGone
	case !job.Active() || job.Has(chunk):
		return nil
	}
	task, err := s.task(ctx, &job, chunk, msg.Data())
	if err != nil {
		return err
	}
	task.Try = try
	answer, err := work.Answer(ctx, task)
	switch {
	case err != nil:
		return err
	case answer.Failure != nil:
		return s.fail(ctx, &job, answer.Failure)
	}
	if answer.Facts != nil {
		if failed, err := s.hold(ctx, &job, answer.Facts); failed || err != nil {
			return err
		}
	}
	of := &counts{rows: len(task.Rows), failed: answer.Failed, tokens: answer.Tokens, ignored: answer.Ignored}
	return s.finish(ctx, &job, chunk, answer.Text, of)
}

// task is a chunk as it came from the queue.
func (s *Store) task(ctx context.Context, job *Job, chunk int, stored []byte) (*Task, error) {
	of, err := s.head(ctx, job)
	if err != nil {
		return nil, err
	}
	text, err := s.coder.unsqueeze(stored)
	if err != nil {
		return nil, fmt.Errorf("the rows of chunk %d: %w", chunk, err)
	}
	if chunk >= len(of.Starts) {
		return nil, fmt.Errorf("chunk %d of %d", chunk, len(of.Starts))
	}
	return &Task{Job: job, Head: of.Text, First: of.Starts[chunk], Rows: bytes.Split(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\n'})}, nil
}

// hold makes the facts of the first answer those of the job. Where it has others, it fails.
func (s *Store) hold(ctx context.Context, job *Job, facts *Facts) (failed bool, err error) {
	held, err := s.change(ctx, job.ID, job.Upload, func(j *Job) error {
		if j.Facts != nil || !j.Active() {
			return errSame
		}
		j.Facts, j.Status, j.Started = facts, Running, time.Now().UTC()
		return nil
	})
	if err != nil || held.Facts == nil || held.Facts.Digest == facts.Digest {
		return false, err
	}
	return true, s.fail(ctx, job, &Failure{Code: "digest_differs", Detail: fmt.Sprintf(
		"its first rows were answered by %q with the digest %q, and now that has the digest %q; no result is of both: send the job again",
		held.Facts.Model, held.Facts.Digest, facts.Digest)})
}

// finish stores the result of a chunk and counts it.
func (s *Store) finish(ctx context.Context, job *Job, chunk int, text []byte, of *counts) error {
	there, err := s.keep(ctx, job.Upload, chunk, text, of)
	for isFull(err) { // until somebody deletes a job, or one expires; nothing is lost meanwhile
		s.log.WarnContext(ctx, "jobs: no room for a result; --jobs-store is the limit", "job", job.ID)
		if err := sleep(ctx, s.ackWait); err != nil {
			return err
		}
		there, err = s.keep(ctx, job.Upload, chunk, text, of)
	}
	if err != nil {
		return err
	}
	after, err := s.change(ctx, job.ID, job.Upload, func(j *Job) error {
		if !j.Active() || j.Has(chunk) {
			return errSame
		}
		if j.Status == Queued { // no row of it was asked so far
			j.Status, j.Started = Running, time.Now().UTC()
		}
		if j.count(chunk, there) {
			j.end(Done, time.Now().UTC())
		}
		return nil
	})
	if err == nil && after.Status == deleting {
		err = errGone
	}
	if err == nil && after.Status == Done {
		s.dropped(ctx, job.Upload)
	}
	return err
}

// fail ends a job that cannot be answered.
func (s *Store) fail(ctx context.Context, job *Job, why *Failure) error {
	_, err := s.change(ctx, job.ID, job.Upload, func(j *Job) error {
		if !j.Active() {
			return errSame
		}
		j.Failure = why
		j.end(Failed, time.Now().UTC())
		return nil
	})
	if err == nil {
		s.log.WarnContext(ctx, "jobs: a job failed", "job", job.ID, "code", why.Code, "detail", why.Detail)
		s.dropped(ctx, job.Upload)
	}
	return err
}

// lastToken is what stands behind the last dot of a subject.
func lastToken(subject string) string { return subject[strings.LastIndexByte(subject, '.')+1:] }

// sleep waits; its error is the context's.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
