package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/server/problem"
)

func jobKey(id string) string      { return "job." + id }
func headKey(upload string) string { return "head." + upload }

// errSame is what a change returns that changes nothing.
var errSame = errors.New("nothing changes")

// load reads a job; the revision is 0 where there is none.
func (s *Store) load(ctx context.Context, id string) (job Job, revision uint64, err error) {
	entry, err := s.jobs.Get(ctx, jobKey(id))
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return Job{}, 0, nil
	}
	if err != nil {
		return Job{}, 0, away(err)
	}
	if err := json.Unmarshal(entry.Value(), &job); err != nil {
		return Job{}, 0, fmt.Errorf("job %s: %w", id, err)
	}
	return job, entry.Revision(), nil
}

// save writes a job that had that revision; 0: that was not there. It tells whether nobody was faster.
func (s *Store) save(ctx context.Context, job *Job, revision uint64) (bool, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return false, err
	}
	if revision == 0 {
		_, err = s.jobs.Create(ctx, jobKey(job.ID), text)
	} else {
		_, err = s.jobs.Update(ctx, jobKey(job.ID), text, revision)
	}
	switch {
	case err == nil:
		return true, nil
	case outrun(err):
		return false, nil
	}
	return false, stored(err)
}

// outrun tells the error of a write whose writer was not the first.
func outrun(err error) bool {
	api, is := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, jetstream.ErrKeyExists) || is &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// errGone is of a job that is not there any more, or that was sent again.
var errGone = errors.New("the job is gone")

// change changes a job that is still the given upload, as often as somebody else is faster. What it returns is the job
// as it is then.
func (s *Store) change(ctx context.Context, id, upload string, how func(*Job) error) (Job, error) {
	for try := time.Millisecond; ; try = min(2*try, 100*time.Millisecond) {
		job, revision, err := s.load(ctx, id)
		switch {
		case err != nil:
			return Job{}, err
		case revision == 0 || job.Upload != upload:
			return Job{}, errGone
		}
		if err := how(&job); errors.Is(err, errSame) {
			return job, nil
		} else if err != nil {
			return job, err
		}
		if saved, err := s.save(ctx, &job, revision); saved || err != nil {
			return job, err
		}
		if err := sleep(ctx, try); err != nil {
			return Job{}, err
		}
	}
}

// all reads every job.
func (s *Store) all(ctx context.Context) ([]Job, error) {
	watcher, err := s.jobs.Watch(ctx, jobKey("*"), jetstream.IgnoreDeletes())
	if err != nil {
		return nil, away(err)
	}
	defer watcher.Stop() //nolint:errcheck // all is read
	var all []Job
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return nil, away(errors.New("the list of jobs broke off"))
			}
			if entry == nil {
				return all, nil
			}
			var job Job
			if err := json.Unmarshal(entry.Value(), &job); err != nil {
				return nil, fmt.Errorf("%s: %w", entry.Key(), err)
			}
			all = append(all, job)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(askWait):
			return nil, away(errors.New("no answer"))
		}
	}
}

// away is the problem of a store that does not answer.
func away(err error) error {
	if errors.Is(err, context.Canceled) || err == nil {
		return err
	}
	p := problem.New(problem.CodeJobsFailed, "the store of the jobs does not answer")
	p.Cause, p.RetryAfter = err, time.Second
	return p
}

// unknown is the problem of a job that is not there, or that is another caller's.
func unknown(id string) error {
	return problem.New(problem.CodeUnknownJob, "there is no job %q of this caller, or it was removed", fault.Short(id))
}

func (j *Job) seenBy(caller string) bool {
	return j.Caller == caller && j.Status != receiving && j.Status != deleting
}

// Get is a job of a caller.
func (s *Store) Get(ctx context.Context, caller, id string) (Job, error) {
	job, _, err := s.load(ctx, id)
	if err == nil && !job.seenBy(caller) {
		err = unknown(id)
	}
	return job, err
}

// List is the jobs of a caller, the latest first.
func (s *Store) List(ctx context.Context, caller string) ([]Job, error) {
	all, err := s.all(ctx)
	all = slices.DeleteFunc(all, func(j Job) bool { return !j.seenBy(caller) })
	slices.SortFunc(all, func(a, b Job) int { return b.Created.Compare(a.Created) })
	return all, err
}

// Cancel ends a job; one that has ended stays as it is. What is computed of it stays.
func (s *Store) Cancel(ctx context.Context, caller, id string) (Job, error) {
	job, err := s.Get(ctx, caller, id)
	if err != nil {
		return Job{}, err
	}
	job, err = s.change(ctx, id, job.Upload, func(j *Job) error {
		if !j.Active() {
			return errSame
		}
		j.end(Cancelled, time.Now())
		return nil
	})
	if errors.Is(err, errGone) {
		return Job{}, unknown(id)
	}
	if err == nil {
		s.dropped(ctx, job.Upload)
	}
	return job, err
}

// Delete ends a job and removes everything of it.
func (s *Store) Delete(ctx context.Context, caller, id string) error {
	job, err := s.Get(ctx, caller, id)
	if err != nil {
		return err
	}
	return s.remove(ctx, &job, func(*Job) bool { return true })
}
