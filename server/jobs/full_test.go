package jobs

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assay-rm/assay/server/problem"
)

// TestNoHeadFillsTheStore: the largest heads of as many jobs as may be kept leave room for what becomes of the jobs.
func TestNoHeadFillsTheStore(t *testing.T) {
	s := open(t, t.TempDir(), Limits{Jobs: 4, Rows: 1})
	most := s.limits.Head
	if _, err := send(t, s, Asked{Caller: "a", Head: bytes.Repeat([]byte("x"), most+1)}, "x"); code(err) != problem.CodeBodyTooLarge ||
		!strings.Contains(err.Error(), "line 1: has 262145 bytes") || !strings.Contains(err.Error(), "may have 262144") {
		t.Errorf("a head over the limit: %v", err)
	}
	all := make([]Job, s.limits.Jobs)
	for i := range all {
		all[i] = sent(t, s, Asked{Caller: "a", Head: []byte(noise(most))}, "x")
	}
	running(t, s, echo{})
	for i := range all {
		if job := until(t, s, &all[i], done); job.Status != Done {
			t.Errorf("%+v", job)
		}
	}
}

// TestAFullBucketIsMadeRoomIn: a job can be removed, and expires, though nothing more can be said of it.
func TestAFullBucketIsMadeRoomIn(t *testing.T) {
	s := open(t, t.TempDir(), Limits{Jobs: 2})
	first, second := sent(t, s, Asked{Caller: "a"}, "x"), sent(t, s, Asked{Caller: "a"}, "x")
	for size := jobRoom; size > 0; size /= 2 { // somebody else has filled it, to the last byte
		for n := 0; ; n++ {
			if _, err := s.jobs.Put(t.Context(), fmt.Sprintf("other.%d.%d", size, n), []byte(noise(size))); err != nil {
				if !isFull(err) {
					t.Fatal(err)
				}
				break
			}
		}
	}
	if _, err := s.Cancel(t.Context(), "a", first.ID); code(err) != problem.CodeJobsFull {
		t.Errorf("the bucket is not full: %v", err)
	}
	if err := s.Delete(t.Context(), "a", first.ID); err != nil {
		t.Error(err)
	}
	if err := s.expire(t.Context(), second.Created.Add(MostKept)); err != nil {
		t.Error(err)
	}
	if all, err := s.List(t.Context(), "a"); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if in, out := left(t, s); in+out > 0 {
		t.Errorf("%d chunks and %d results are left", in, out)
	}
}

// TestWhatWasCommittedMeanwhileStays, though it was still arriving when its removal was decided.
func TestWhatWasCommittedMeanwhileStays(t *testing.T) {
	s := open(t, t.TempDir(), Limits{})
	silent := func(j *Job) bool { return j.Status == receiving }
	i, err := s.Begin(t.Context(), &Asked{Caller: "a", Chunk: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Row(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	arriving := i.job
	job, _, err := i.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.remove(t.Context(), &arriving, silent); err != nil {
		t.Error(err)
	}
	running(t, s, echo{})
	if job = until(t, s, &job, done); job.Status != Done {
		t.Errorf("%+v", job)
	}
}

// TestManyColumns: each row of a chunk may have columns of its own, and the job names the first of them all.
func TestManyColumns(t *testing.T) {
	s := open(t, t.TempDir(), Limits{})
	running(t, s, echo{func(_ context.Context, task *Task) (Answer, error) {
		a := echoed(task)
		for i := range 64 * 256 {
			a.Ignored = append(a.Ignored, fmt.Sprintf("%05d", i)+strings.Repeat("\x01", 75))
		}
		return a, nil
	}})
	job := sent(t, s, Asked{Caller: "a"}, "x")
	if job = until(t, s, &job, done); job.Status != Done || len(job.Ignored) != mostIgnored || !strings.HasPrefix(job.Ignored[mostIgnored-1], "00063") {
		t.Errorf("%s, %d columns", job.Status, len(job.Ignored))
	}
}
