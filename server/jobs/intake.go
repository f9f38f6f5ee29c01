package jobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

const (
	chunkBytes = 1 << 20         // after so many bytes a chunk is full, however few its rows are
	silentFor  = 5 * time.Minute // after which an upload whose sender does nothing is given up
)

// Asked is a job that begins: who asks, and what.
type Asked struct {
	Caller   string
	Key      string // the caller's own name of the job: sent again it is the same job; empty: each is another
	Question string
	Head     []byte // what is asked of every row, which [Work] understands
	Chunk    int    // rows of a chunk
}

// head is what is kept of an upload beside its rows.
type head struct {
	Text   []byte `json:"text"`
	Starts []int  `json:"starts"` // the first row of each chunk
}

// Intake takes the rows of a job. It is for one goroutine, and ends with Commit or Abort.
type Intake struct {
	store *Store
	job   Job
	known bool // the job is there already: what is sent is compared with it, and not kept
	head  head
	most  int // rows of a chunk
	sum   hash.Hash
	rows  bytes.Buffer // of the chunk that is being filled, each with its line feed
	count int          // of those rows
}

// Begin begins to receive a job.
func (s *Store) Begin(ctx context.Context, of *Asked) (*Intake, error) {
	if most := s.limits.Head; len(of.Head) > most {
		return nil, problem.New(problem.CodeBodyTooLarge, "line 1: has %d bytes, and the first line of a job, which says what is asked, may have %d",
			len(of.Head), most)
	}
	id, now := idOf(of), time.Now().UTC()
	i := &Intake{
		store: s, head: head{Text: of.Head}, most: of.Chunk, sum: sha256.New(),
		job: Job{
			ID: id, Caller: of.Caller, Question: of.Question, Upload: strings.ToLower(rand.Text()), Status: receiving,
			Created: now, Touched: now, Bytes: int64(len(of.Head)) + 1,
		},
	}
	i.sum.Write(of.Head)
	i.sum.Write([]byte{'\n'})
	old, revision, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case revision > 0 && old.Status == deleting:
		return nil, conflict("it is being removed")
	case revision > 0 && old.Status != receiving:
		i.job, i.known = old, true
		return i, nil
	case revision == 0:
		if err := s.roomFor(ctx, of.Caller); err != nil {
			return nil, err
		}
	}
	saved, err := s.save(ctx, &i.job, revision)
	if err == nil && !saved {
		err = conflict("it is being sent by another request")
	}
	if err == nil && revision > 0 { // whoever sent it before has given up
		if err := s.abandon(ctx, old.Upload); err != nil {
			s.log.WarnContext(ctx, "jobs: what was received of a job before is still there", "job", id, "upload", old.Upload, "error", err)
		}
	}
	return i, err
}

// idOf is a job's id: of the caller's own name for it, where there is one.
func idOf(of *Asked) string {
	if of.Key == "" {
		return strings.ToLower(rand.Text())
	}
	sum := sha256.Sum256([]byte(of.Caller + "\x00" + of.Key))
	return hex.EncodeToString(sum[:13])
}

func conflict(why string) error {
	return problem.New(problem.CodeJobConflict, "Idempotency-Key: the job has been sent before, and %s", why)
}

// roomFor refuses a job beyond those that may be kept.
func (s *Store) roomFor(ctx context.Context, caller string) error {
	all, err := s.all(ctx)
	if err != nil {
		return err
	}
	own := 0
	for i := range all {
		if all[i].Caller == caller {
			own++
		}
	}
	switch {
	case own >= s.limits.Each:
		return full("this caller has %d jobs, and may have %d; DELETE /v1/jobs/{job} removes one", own, s.limits.Each)
	case len(all) >= s.limits.Jobs:
		return full("%d jobs are kept, and the limit is %d", len(all), s.limits.Jobs)
	}
	return nil
}

func full(format string, args ...any) *problem.Problem {
	p := problem.New(problem.CodeJobsFull, format, args...)
	p.RetryAfter = time.Minute
	return p
}

// Row takes a row, which has no line feed in it.
func (i *Intake) Row(ctx context.Context, row []byte) error {
	limits := &i.store.limits
	n := i.job.Rows
	if !i.known {
		i.job.Bytes += int64(len(row)) + 1
	}
	i.sum.Write(row)
	i.sum.Write([]byte{'\n'})
	switch {
	case i.known:
		return nil
	case len(row) > limits.Row:
		return problem.New(problem.CodeBodyTooLarge, "row %d: has %d bytes, and a row may have %d", n, len(row), limits.Row)
	case n >= limits.Rows:
		return problem.New(problem.CodeBodyTooLarge, "the body has more rows than the cap of %d", limits.Rows)
	case i.job.Bytes > limits.Bytes:
		return problem.New(problem.CodeBodyTooLarge, "the body has more bytes than the cap of %d", limits.Bytes)
	}
	if i.count == i.most || i.count > 0 && i.rows.Len()+len(row) > chunkBytes {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	i.rows.Write(row)
	i.rows.WriteByte('\n')
	i.count++
	i.job.Rows++
	return nil
}

// flush puts a chunk into the queue, where it stays until the job is there.
func (i *Intake) flush(ctx context.Context) error {
	s, text := i.store, i.store.coder.squeeze(i.rows.Bytes())
	if len(text) > s.message {
		return problem.New(problem.CodeBodyTooLarge, "row %d: has %d bytes, and %d once it is compressed; the NATS server takes messages of %d",
			i.job.Rows-1, i.rows.Len(), len(text), s.message)
	}
	_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: fmt.Sprintf("%s.%s.%d", inputs, i.job.Upload, i.job.Chunks), Data: text})
	if err != nil {
		return stored(err)
	}
	i.head.Starts = append(i.head.Starts, i.job.Rows-i.count)
	i.job.Chunks++
	i.rows.Reset()
	i.count = 0
	return i.touch(ctx, func(j *Job) error { j.Touched = time.Now().UTC(); return nil })
}

// touch changes the job that is being received.
func (i *Intake) touch(ctx context.Context, how func(*Job) error) error {
	_, err := i.store.change(ctx, i.job.ID, i.job.Upload, how)
	if errors.Is(err, errGone) {
		return conflict("by another request while this one arrived")
	}
	return err
}

// stored is the problem of what could not be stored. Where the stream has no room, isFull tells that of it too.
func stored(err error) error {
	if !isFull(err) {
		return away(err)
	}
	p := full("what is kept of jobs has no room for more; --jobs-store is the limit, and DELETE /v1/jobs/{job} makes room")
	p.Cause = err
	return p
}

// isFull tells the error of a stream that has no room.
func isFull(err error) bool {
	api, is := errors.AsType[*jetstream.APIError](err)
	return is && (api.ErrorCode == storeFailed || api.ErrorCode == resourcesExceeded)
}

// Codes of JetStream's errors that its client has no names for.
const (
	resourcesExceeded jetstream.ErrorCode = 10047
	storeFailed       jetstream.ErrorCode = 10077 // of a stream that is at its limit
)

// Commit ends the rows: from now on the job is computed, whatever becomes of its sender. It tells whether the job is
// new, and not one that was sent before.
func (i *Intake) Commit(ctx context.Context) (job Job, fresh bool, err error) {
	sum := "sha256:" + hex.EncodeToString(i.sum.Sum(nil))
	switch {
	case i.known && i.job.Sum == sum:
		return i.job, false, nil
	case i.known:
		return Job{}, false, conflict("with another body; give each job a key of its own")
	case i.job.Rows == 0:
		return Job{}, false, problem.New(wire.CodeInvalidField, "body: has no row behind its first line, which says what is asked")
	case i.count > 0:
		if err := i.flush(ctx); err != nil {
			return Job{}, false, err
		}
	}
	if err := i.putHead(ctx); err != nil {
		return Job{}, false, err
	}
	job = i.job
	job.Status, job.Sum = Queued, sum
	if err := i.touch(ctx, func(j *Job) error { *j = job; return nil }); err != nil {
		return Job{}, false, err
	}
	i.job = job
	return job, true, nil
}

// putHead stores what is kept beside the rows.
func (i *Intake) putHead(ctx context.Context) error {
	text, err := json.Marshal(i.head)
	if err != nil {
		return err
	}
	text = i.store.coder.squeeze(text)
	if len(text) > i.store.message {
		return problem.New(problem.CodeBodyTooLarge, "line 1: has %d bytes, and %d once it is compressed with the first row of each chunk; the NATS server takes messages of %d",
			len(i.head.Text), len(text), i.store.message)
	}
	_, err = i.store.jobs.Put(ctx, headKey(i.job.Upload), text)
	return stored(err)
}

// Abort gives up what was received. It does nothing to a job that is committed, or that was there before.
func (i *Intake) Abort(ctx context.Context) {
	if i.known || i.job.Status != receiving {
		return
	}
	job, _, err := i.store.load(ctx, i.job.ID)
	switch {
	case err != nil: // nobody knows whether the job was committed by a request whose answer was lost
	case job.Upload == i.job.Upload:
		err = i.store.remove(ctx, &job, func(j *Job) bool { return j.Status == receiving })
	default:
		err = i.store.abandon(ctx, i.job.Upload)
	}
	if err != nil {
		i.store.log.WarnContext(ctx, "jobs: what was received of a job stays until it is given up", "job", i.job.ID, "error", err)
	}
}
