package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const sweepEvery = time.Minute

// sweep removes what nobody needs any more, until ctx ends. Several processes may do it at once.
func (s *Store) sweep(ctx context.Context) {
	for {
		err := errors.Join(s.forgetUploads(ctx, silentFor), s.expire(ctx, time.Now()), s.jobs.PurgeDeletes(ctx))
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "jobs: what is not needed any more could not be removed", "error", err)
		}
		if sleep(ctx, sweepEvery) != nil {
			return
		}
	}
}

// forgetUploads removes jobs whose senders have said nothing for so long.
func (s *Store) forgetUploads(ctx context.Context, silent time.Duration) error {
	return s.removeWhere(ctx, func(j *Job) bool { return j.Status == receiving && time.Since(j.Touched) >= silent })
}

// expire removes jobs that have been kept for long enough, and those whose removal was interrupted.
func (s *Store) expire(ctx context.Context, now time.Time) error {
	return s.removeWhere(ctx, func(j *Job) bool {
		return j.Status == deleting || !j.Ended.IsZero() && now.Sub(j.Ended) >= s.limits.Keep || now.Sub(j.Created) >= MostKept
	})
}

func (s *Store) removeWhere(ctx context.Context, is func(*Job) bool) error {
	all, err := s.all(ctx)
	for i := range all {
		if is(&all[i]) {
			err = errors.Join(err, s.remove(ctx, &all[i], is))
		}
	}
	return err
}

// remove removes everything of a job that is still so. It is marked first, so that a removal that is interrupted is
// known as one; a full store, which does not take the mark, is made room in without it.
func (s *Store) remove(ctx context.Context, job *Job, is func(*Job) bool) error {
	now, err := s.change(ctx, job.ID, job.Upload, func(j *Job) error {
		if j.Status == deleting || !is(j) {
			return errSame
		}
		j.Status = deleting
		return nil
	})
	switch {
	case errors.Is(err, errGone) || err == nil && now.Status != deleting:
		return nil
	case err != nil && !isFull(err):
		return err
	}
	if err := s.scrub(ctx, job.Upload); err != nil {
		return err
	}
	if err := s.purge(ctx, headKey(job.Upload)); err != nil {
		return err
	}
	err = s.jobs.Purge(ctx, jobKey(job.ID)) // which also tells those who watch
	if isFull(err) {
		if err := s.purge(ctx, jobKey(job.ID)); err != nil {
			return err
		}
		err = s.jobs.Purge(ctx, jobKey(job.ID)) // now that what it had has made room
	}
	return away(err)
}

// purge removes a key without a message that says so, for which a full bucket has no room.
func (s *Store) purge(ctx context.Context, key string) error {
	return away(s.bucket.Purge(ctx, jetstream.WithPurgeSubject("$KV."+s.jobs.Bucket()+"."+key)))
}

// scrub removes the chunks and the results of an upload.
func (s *Store) scrub(ctx context.Context, upload string) error {
	err := s.drop(ctx, upload)
	for _, of := range []string{outputs, parts} {
		err = errors.Join(err, away(s.output.Purge(ctx, jetstream.WithPurgeSubject(fmt.Sprintf("%s.%s.>", of, upload)))))
	}
	return err
}

// abandon removes the chunks and the head of an upload that no job has.
func (s *Store) abandon(ctx context.Context, upload string) error {
	return errors.Join(s.drop(ctx, upload), s.purge(ctx, headKey(upload)))
}

// drop takes the chunks of an upload out of the queue.
func (s *Store) drop(ctx context.Context, upload string) error {
	err := s.input.DeleteConsumer(ctx, upload)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		err = nil
	}
	return away(errors.Join(err, s.input.Purge(ctx, jetstream.WithPurgeSubject(fmt.Sprintf("%s.%s.>", inputs, upload)))))
}

// dropped is drop where what is left, when it fails, may stay until the job is removed.
func (s *Store) dropped(ctx context.Context, upload string) {
	if err := s.drop(ctx, upload); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "jobs: what an ended job had in the queue is still there", "upload", upload, "error", err)
	}
}
