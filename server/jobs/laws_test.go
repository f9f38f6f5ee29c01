package jobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/assay-rm/assay/server/problem"
)

// beside is another process's store of the same jobs.
func beside(t *testing.T, s *Store) *Store {
	t.Helper()
	other := &Store{limits: s.limits, log: s.log, message: s.message, ackWait: s.ackWait, firstTry: s.firstTry, coder: s.coder}
	other.turns.prepare()
	other.turns.rest = s.turns.rest
	var err error
	if other.conn, err = nats.Connect(nats.DefaultURL, nats.InProcessServer(s.embedded.server)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.conn.Close)
	if other.js, err = jetstream.New(other.conn); err != nil {
		t.Fatal(err)
	}
	if err := other.declareWith(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return other
}

// quick is a store whose waits are short.
func quick(t *testing.T, limits Limits) *Store {
	t.Helper()
	s := open(t, t.TempDir(), limits)
	s.ackWait, s.firstTry, s.turns.rest, s.message = 400*time.Millisecond, time.Millisecond, 5*time.Millisecond, 64<<10
	return s
}

// left is how many messages the queue and the results have.
func left(t *testing.T, s *Store) (input, output uint64) {
	t.Helper()
	in, err := s.input.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.output.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in.State.Msgs, out.State.Msgs
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return problem.Of(err).Code
}

// TestWhateverFailsEveryRowOnce: of workers some fail now and then, and some die with a chunk in work and never say so.
// Every job has each of its rows once, in order, all the same.
func TestWhateverFailsEveryRowOnce(t *testing.T) {
	s := quick(t, Limits{})
	var tries atomic.Int64
	flaky := echo{func(_ context.Context, task *Task) (Answer, error) {
		if tries.Add(1)%3 == 0 {
			return Answer{}, errors.New("for now")
		}
		return echoed(task), nil
	}}
	running(t, s, flaky)
	running(t, beside(t, s), echo{})
	for range 10 {
		seed := mathrand.Uint64()
		r := mathrand.New(mathrand.NewPCG(seed, 0))
		all := make([]string, 1+r.IntN(60))
		for i := range all {
			all[i] = strings.Repeat("x", r.IntN(200)) + strconv.Itoa(i)
		}
		dying := beside(t, s)
		ctx, die := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			dying.Run(ctx, echo{func(ctx context.Context, _ *Task) (Answer, error) {
				dying.conn.Close() // so that it gives nothing back
				<-ctx.Done()
				return Answer{}, ctx.Err()
			}})
		})
		job := sent(t, s, Asked{Caller: "a", Question: "score", Head: []byte("h"), Chunk: 1 + r.IntN(20)}, all...)
		job = until(t, s, &job, done)
		die()
		group.Wait()
		if got := result(t, s, &job); job.Status != Done || job.DoneRows != len(all) || got != wanted(all) {
			t.Errorf("seed %d: %+v\n%.500s", seed, job, got)
		}
		if err := s.Delete(t.Context(), "a", job.ID); err != nil {
			t.Error(err)
		}
	}
	if in, out := left(t, s); in+out > 0 {
		t.Errorf("of jobs that were removed %d chunks and %d results are left", in, out)
	}
}

// TestAJobStaysInItsDirectory when the process ends, and what was half sent does not.
func TestAJobStaysInItsDirectory(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Limits{})
	if _, err := Open(t.Context(), dir, Limits{}, s.log); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a directory that is held: %v", err)
	}
	job := sent(t, s, Asked{Caller: "a", Key: "k", Head: []byte("h")}, rows(100)...)
	half, err := s.Begin(t.Context(), &Asked{Caller: "a", Head: []byte("h"), Chunk: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows(3) {
		if err := half.Row(t.Context(), []byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, Limits{})
	if all, err := s.List(t.Context(), "a"); err != nil || len(all) != 1 || all[0].ID != job.ID {
		t.Errorf("%+v, %v", all, err)
	}
	if in, _ := left(t, s); in != uint64(job.Chunks) {
		t.Errorf("%d chunks in the queue, and the job has %d", in, job.Chunks)
	}
	if again := sent(t, s, Asked{Caller: "a", Key: "k", Head: []byte("h")}, rows(100)...); again.ID != job.ID {
		t.Errorf("%+v", again)
	}
	running(t, s, echo{})
	job = until(t, s, &job, done)
	if got := result(t, s, &job); got != wanted(rows(100)) {
		t.Errorf("%.300s", got)
	}
}

// TestAJobThatIsSentAgain while its first sender still sends is the second one's, whole.
func TestAJobThatIsSentAgain(t *testing.T) {
	s := quick(t, Limits{})
	of := Asked{Caller: "a", Key: "k", Head: []byte("h"), Chunk: 2}
	first, err := s.Begin(t.Context(), &of)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows(5) {
		if err := first.Row(t.Context(), []byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	job := sent(t, s, of, rows(9)...)
	if _, _, err := first.Commit(t.Context()); code(err) != problem.CodeJobConflict {
		t.Errorf("%v", err)
	}
	first.Abort(t.Context())
	if heads := headsOf(t, s); len(heads) != 1 || heads[0] != headKey(job.Upload) {
		t.Errorf("the heads %q, and the job is %s", heads, job.Upload)
	}
	if in, _ := left(t, s); in != uint64(job.Chunks) {
		t.Errorf("%d chunks in the queue, and the job has %d", in, job.Chunks)
	}
	if _, err := send(t, s, of, rows(10)...); code(err) != problem.CodeJobConflict {
		t.Errorf("another body: %v", err)
	}
	running(t, s, echo{})
	job = until(t, s, &job, done)
	if got := result(t, s, &job); got != wanted(rows(9)) {
		t.Errorf("%.300s", got)
	}
}

// TestWhatASenderLeft is removed with what else there was of it, the head that it had stored among it.
func TestWhatASenderLeft(t *testing.T) {
	s := quick(t, Limits{})
	of := Asked{Caller: "a", Key: "k", Head: []byte("h"), Chunk: 2}
	first, err := s.Begin(t.Context(), &of)
	if err == nil {
		err = first.putHead(t.Context()) // and died
	}
	if err != nil {
		t.Fatal(err)
	}
	job := sent(t, s, of, "x")
	if heads := headsOf(t, s); len(heads) != 1 || heads[0] != headKey(job.Upload) {
		t.Errorf("the heads %q, and the job is %s", heads, job.Upload)
	}
	s.message = 64
	if _, err := send(t, s, Asked{Caller: "a", Head: []byte(noise(100))}, "x"); code(err) != problem.CodeBodyTooLarge || !strings.Contains(err.Error(), "line 1: has 100 bytes") {
		t.Errorf("a head that is larger than a message: %v", err)
	}
}

func headsOf(t *testing.T, s *Store) []string {
	t.Helper()
	keys, err := s.jobs.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.HasPrefix(key, "head.") })
}

// TestNoSecretOfAnAddress is in an error.
func TestNoSecretOfAnAddress(t *testing.T) {
	for _, where := range []string{"nats://SECRET@host:1", "nats://user:SECRET@host:1, tls://SECRET@other:2", "nats://us er:SECRET@host"} {
		if got := redacted(where); strings.Contains(got, "SECRET") {
			t.Errorf("%s is shown as %s", where, got)
		}
	}
	if _, err := Open(t.Context(), "nats://SECRET@[::1", Limits{}, logger(t)); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("an address that is none: %v", err)
	}
	if got := redacted("nats://host:1,nats://u:SECRET@host"); got != "nats://host:1,nats://u:xxxxx@host" {
		t.Error(got)
	}
}

// blocking blocks until it is released, or its context ends.
type blocking struct {
	entered chan struct{}
	release chan struct{}
}

func newBlocking() blocking { return blocking{make(chan struct{}, 1000), make(chan struct{})} }

func (blocking) May(string) bool { return true }

func (b blocking) Answer(ctx context.Context, task *Task) (Answer, error) {
	b.entered <- struct{}{}
	select {
	case <-b.release:
		return echoed(task), nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// TestWhatIsCancelledIsNotComputed any more, and what is deleted leaves nothing.
func TestWhatIsCancelledIsNotComputed(t *testing.T) {
	s := quick(t, Limits{})
	work := newBlocking()
	stop := running(t, s, work)
	job := sent(t, s, Asked{Caller: "a", Chunk: 5}, rows(100)...)
	<-work.entered
	cancelled, err := s.Cancel(t.Context(), "a", job.ID)
	if err != nil || cancelled.Status != Cancelled {
		t.Fatalf("%+v, %v", cancelled, err)
	}
	gone := sent(t, s, Asked{Caller: "a", Chunk: 5}, rows(100)...) // is computed only when the workers are free
	for range workers {
		<-work.entered
	}
	if err := s.Delete(t.Context(), "a", gone.ID); err != nil {
		t.Fatal(err)
	}
	close(work.release)
	last := sent(t, s, Asked{Caller: "a"}, rows(10)...)
	until(t, s, &last, done)
	stop()
	if again, err := s.Cancel(t.Context(), "a", job.ID); err != nil || again.Status != Cancelled || !again.Ended.Equal(cancelled.Ended) {
		t.Errorf("cancelled twice: %+v, %v", again, err)
	}
	for _, id := range []string{job.ID, last.ID} {
		if err := s.Delete(t.Context(), "a", id); err != nil {
			t.Error(err)
		}
	}
	if err := s.Delete(t.Context(), "a", job.ID); code(err) != problem.CodeUnknownJob {
		t.Errorf("deleted twice: %v", err)
	}
	if in, out := left(t, s); in+out > 0 {
		t.Errorf("%d chunks and %d results are left", in, out)
	}
	if keys, err := s.jobs.Keys(t.Context()); !errors.Is(err, jetstream.ErrNoKeysFound) {
		t.Errorf("%q, %v", keys, err)
	}
}

// TestCallersTakeTurns: a long job of one does not hold up a short one of another.
func TestCallersTakeTurns(t *testing.T) {
	s := quick(t, Limits{})
	long := sent(t, s, Asked{Caller: "a", Chunk: 1}, rows(60)...)
	short := sent(t, s, Asked{Caller: "b", Chunk: 1}, rows(3)...)
	running(t, s, echo{})
	short, long = until(t, s, &short, done), until(t, s, &long, done)
	if !short.Ended.Before(long.Ended) {
		t.Errorf("the short job ended at %s, and the long one at %s", short.Ended, long.Ended)
	}
}

func TestLimits(t *testing.T) {
	s := quick(t, Limits{Jobs: 3, Each: 2, Rows: 5, Bytes: 100, Row: 30})
	for name, of := range map[string][]string{"rows": rows(6), "bytes": {strings.Repeat("x", 29), strings.Repeat("x", 29), strings.Repeat("x", 29), strings.Repeat("x", 29)}, "row": {strings.Repeat("x", 31)}} {
		if _, err := send(t, s, Asked{Caller: "a"}, of...); code(err) != problem.CodeBodyTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := send(t, s, Asked{Caller: "a"}); code(err) != "invalid_field" {
		t.Errorf("no rows: %v", err)
	}
	if in, _ := left(t, s); in > 0 {
		t.Errorf("%d chunks of what was refused are left", in)
	}
	sent(t, s, Asked{Caller: "a"}, "x")
	mine := sent(t, s, Asked{Caller: "a"}, "x")
	if _, err := send(t, s, Asked{Caller: "a"}, "x"); code(err) != problem.CodeJobsFull || !strings.Contains(err.Error(), "may have 2") {
		t.Errorf("%v", err)
	}
	sent(t, s, Asked{Caller: "b"}, "x")
	if _, err := send(t, s, Asked{Caller: "c"}, "x"); code(err) != problem.CodeJobsFull || !strings.Contains(err.Error(), "limit is 3") {
		t.Errorf("%v", err)
	}
	if err := s.Delete(t.Context(), "a", mine.ID); err != nil {
		t.Fatal(err)
	}
	sent(t, s, Asked{Caller: "a"}, "x")
}

// noise is a line of bytes that does not get smaller.
func noise(size int) string {
	raw := make([]byte, size)
	_, _ = rand.Read(raw)
	return string(bytes.ReplaceAll(raw, []byte{'\n'}, []byte{'x'}))
}

// TestAFullStore refuses rows, and keeps results waiting until there is room.
func TestAFullStore(t *testing.T) {
	s := quick(t, Limits{Store: 400 << 10})
	if _, err := send(t, s, Asked{Caller: "a", Chunk: 1}, noise(40<<10), noise(40<<10), noise(40<<10), noise(40<<10), noise(40<<10), noise(40<<10)); code(err) != problem.CodeJobsFull {
		t.Errorf("%v", err)
	}
	if in, _ := left(t, s); in > 0 {
		t.Errorf("%d chunks of what was refused are left", in)
	}
	large := echo{func(_ context.Context, task *Task) (Answer, error) {
		a := echoed(task)
		a.Text = append(a.Text, noise(120<<10)+"\n"...)
		return a, nil
	}}
	running(t, s, large)
	first := sent(t, s, Asked{Caller: "a"}, "x")
	until(t, s, &first, done)
	second := sent(t, s, Asked{Caller: "a"}, "x")
	until(t, s, &second, func(j *Job) bool { return j.Status == Running || !j.Active() }) // it is asked, and has no room
	if second, err := s.Get(t.Context(), "a", second.ID); err != nil || second.Status != Running || second.DoneRows > 0 {
		t.Fatalf("%+v, %v", second, err)
	}
	if err := s.Delete(t.Context(), "a", first.ID); err != nil {
		t.Fatal(err)
	}
	if second = until(t, s, &second, done); second.Status != Done {
		t.Errorf("%+v", second)
	}
}

// TestALargeResult is kept in parts, and comes back whole.
func TestALargeResult(t *testing.T) {
	s := quick(t, Limits{})
	text := noise(400<<10) + "\n"
	running(t, s, echo{func(_ context.Context, task *Task) (Answer, error) {
		return Answer{Text: []byte(text), Facts: &Facts{Digest: "1"}}, nil
	}})
	job := sent(t, s, Asked{Caller: "a"}, "x")
	job = until(t, s, &job, done)
	if got := result(t, s, &job); got != text {
		t.Errorf("%d bytes of %d", len(got), len(text))
	}
	if _, out := left(t, s); out < 3 {
		t.Errorf("%d messages", out)
	}
	if err := s.Delete(t.Context(), "a", job.ID); err != nil {
		t.Fatal(err)
	}
	if _, out := left(t, s); out > 0 {
		t.Errorf("%d messages are left", out)
	}
}

// TestAResultIsStoredOnce: of two that differ the first holds, whole, whatever their sizes.
func TestAResultIsStoredOnce(t *testing.T) {
	s := quick(t, Limits{})
	job := sent(t, s, Asked{Caller: "a"}, rows(3)...)
	one, two := []byte(noise(200<<10)), []byte(noise(300<<10))
	for _, text := range [][]byte{one, two} {
		of, err := s.keep(t.Context(), job.Upload, 0, text, &counts{rows: 3, failed: len(text) >> 10, ignored: []string{"c"}})
		if err != nil || of.failed != 200 || of.rows != 3 || len(of.ignored) != 1 {
			t.Errorf("%+v, %v", of, err)
		}
	}
	if got, err := s.Result(t.Context(), &job, 0); err != nil || !bytes.Equal(got, one) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestJobsFail for what they are, for a model that was replaced, and when no try succeeds.
func TestJobsFail(t *testing.T) {
	for name, test := range map[string]struct {
		work func(ctx context.Context, task *Task) (Answer, error)
		code string
		says string
	}{
		"their own": {func(context.Context, *Task) (Answer, error) {
			return Answer{Failure: &Failure{"bad_activation", "so it is"}}, nil
		}, "bad_activation", "so it is"},
		"replaced": {func(_ context.Context, task *Task) (Answer, error) {
			a := echoed(task)
			a.Facts.Digest = strconv.Itoa(task.First)
			return a, nil
		}, "digest_differs", "send the job again"},
		"every try": {func(context.Context, *Task) (Answer, error) { return Answer{}, errors.New("never") }, "internal", "tried 64 times"},
	} {
		t.Run(name, func(t *testing.T) {
			s := quick(t, Limits{})
			s.firstTry = time.Microsecond
			running(t, s, echo{test.work})
			job := sent(t, s, Asked{Caller: "a", Chunk: 1}, rows(2)...)
			job = until(t, s, &job, done)
			if job.Status != Failed || job.Failure.Code != test.code || !strings.Contains(job.Failure.Detail, test.says) {
				t.Errorf("%+v %+v", job, job.Failure)
			}
		})
	}
}

// TestWhatHasEndedExpires, and what is computed does not.
func TestWhatHasEndedExpires(t *testing.T) {
	s := quick(t, Limits{Keep: time.Hour})
	waiting := sent(t, s, Asked{Caller: "a"}, "x")
	ended := sent(t, s, Asked{Caller: "a"}, "x")
	ended, err := s.Cancel(t.Context(), "a", ended.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		at   time.Time
		kept int
	}{{s.Expires(&ended).Add(-time.Second), 2}, {s.Expires(&ended), 1}, {waiting.Created.Add(MostKept), 0}} {
		if err := s.expire(t.Context(), test.at); err != nil {
			t.Fatal(err)
		}
		if all, err := s.List(t.Context(), "a"); err != nil || len(all) != test.kept {
			t.Errorf("at %s: %d jobs, %v", test.at, len(all), err)
		}
	}
	if in, out := left(t, s); in+out > 0 {
		t.Errorf("%d chunks and %d results are left", in, out)
	}
}
