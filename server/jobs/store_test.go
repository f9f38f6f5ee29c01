package jobs

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers each row with its number and the row.
type echo struct {
	answer func(ctx context.Context, task *Task) (Answer, error)
}

func (echo) May(string) bool { return true }

func (e echo) Answer(ctx context.Context, task *Task) (Answer, error) {
	if e.answer != nil {
		return e.answer(ctx, task)
	}
	return echoed(task), nil
}

func echoed(task *Task) Answer {
	a := Answer{Facts: &Facts{Model: "echo", Digest: "sha256:1", Transforms: []string{}}}
	var text bytes.Buffer
	for i, row := range task.Rows {
		fmt.Fprintf(&text, "%d %s %s\n", task.First+i, task.Head, row)
		a.Tokens += int64(len(row))
		if bytes.Contains(row, []byte("bad")) {
			a.Failed++
		}
	}
	a.Text = text.Bytes()
	return a
}

func open(t *testing.T, dir string, limits Limits) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, limits, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// send sends a job of rows.
func send(t *testing.T, s *Store, of Asked, rows ...string) (Job, error) {
	t.Helper()
	if of.Chunk == 0 {
		of.Chunk = 7
	}
	i, err := s.Begin(t.Context(), &of)
	if err != nil {
		return Job{}, err
	}
	defer i.Abort(t.Context())
	for _, row := range rows {
		if err := i.Row(t.Context(), []byte(row)); err != nil {
			return Job{}, err
		}
	}
	job, _, err := i.Commit(t.Context())
	return job, err
}

func sent(t *testing.T, s *Store, of Asked, rows ...string) Job {
	t.Helper()
	job, err := send(t, s, of, rows...)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// running runs until the test or stop ends it.
func running(t *testing.T, s *Store, work Work) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx, work) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

// until waits for a job to be so.
func until(t *testing.T, s *Store, of *Job, is func(*Job) bool) Job {
	t.Helper()
	for {
		job, err := s.Get(t.Context(), of.Caller, of.ID)
		if err != nil {
			t.Fatal(err)
		}
		if is(&job) {
			return job
		}
		if err := sleep(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatalf("%v: %+v", err, job)
		}
	}
}

func done(j *Job) bool { return !j.Active() }

// result is the whole result of a job.
func result(t *testing.T, s *Store, job *Job) string {
	t.Helper()
	var all bytes.Buffer
	for chunk := range job.Chunks {
		text, err := s.Result(t.Context(), job, chunk)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

func rows(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("row %d", i)
	}
	return all
}

func wanted(rows []string) string {
	var all bytes.Buffer
	for i, row := range rows {
		fmt.Fprintf(&all, "%d h %s\n", i, row)
	}
	return all.String()
}

func TestEveryRowOnceInOrder(t *testing.T) {
	s := open(t, t.TempDir(), Limits{})
	running(t, s, echo{})
	all := rows(1000)
	all[17] = "bad"
	job := sent(t, s, Asked{Caller: "a", Question: "score", Head: []byte("h")}, all...)
	job = until(t, s, &job, done)
	if job.Status != Done || job.DoneRows != 1000 || job.FailedRows != 1 || job.Facts.Digest != "sha256:1" {
		t.Errorf("%+v", job)
	}
	if got := result(t, s, &job); got != wanted(all) {
		t.Errorf("%.300s", got)
	}
}
