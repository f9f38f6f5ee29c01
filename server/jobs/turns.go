package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// turns says whose chunk is computed next: that of the caller who was served longest ago, of the oldest of this
// caller's jobs that has one to give. So a long job of one caller does not hold up another's.
type turns struct {
	fetching sync.Mutex // one worker at a time looks for a chunk
	wake     chan struct{}
	rest     time.Duration // shorter in tests

	mu     sync.Mutex
	jobs   map[string]Job // as they were last heard of, by their key
	served map[string]int // callers, by when they were served last
	count  int
	rests  map[string]time.Time          // uploads that had no chunk to give, until when they are not asked again
	queues map[string]jetstream.Consumer // of uploads
}

// rest is for how long a job is not asked again that had no chunk to give. Its chunks are all being computed then, or
// wait for their next try.
const rest = 250 * time.Millisecond

func (t *turns) prepare() {
	t.rest = rest
	t.wake, t.jobs, t.served = make(chan struct{}, 1), map[string]Job{}, map[string]int{}
	t.rests, t.queues = map[string]time.Time{}, map[string]jetstream.Consumer{}
}

// heard notes what became of a job.
func (t *turns) heard(key string, job *Job) {
	t.mu.Lock()
	old, there := t.jobs[key]
	if job == nil || there && old.Upload != job.Upload || !job.Active() {
		delete(t.rests, old.Upload)
		delete(t.queues, old.Upload)
	}
	if job == nil {
		delete(t.jobs, key)
	} else {
		t.jobs[key] = *job
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// ends tells whether nothing more is to be computed of an upload, as far as was heard.
func (t *turns) ends(job *Job) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	of, there := t.jobs[jobKey(job.ID)]
	return !there || of.Upload != job.Upload || !of.Active()
}

// order is the jobs that may have a chunk to give, in the order of their turns.
func (t *turns) order(now time.Time) []Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	var active []Job
	for _, job := range t.jobs {
		if job.Active() && !now.Before(t.rests[job.Upload]) {
			active = append(active, job)
		}
	}
	slices.SortFunc(active, func(a, b Job) int {
		return cmp.Or(cmp.Compare(t.served[a.Caller], t.served[b.Caller]), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return active
}

// gave notes that a job gave a chunk, or that it had none to give and is not asked again for so long.
func (t *turns) gave(job *Job, chunk bool, pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if chunk {
		t.count++
		t.served[job.Caller] = t.count
	} else {
		t.rests[job.Upload] = time.Now().Add(pause)
	}
}

// next waits for a chunk. Its error is the context's.
func (s *Store) next(ctx context.Context, work Work) (Job, jetstream.Msg, error) {
	for ctx.Err() == nil {
		if job, msg := s.try(ctx, work); msg != nil {
			return job, msg, nil
		}
		select {
		case <-ctx.Done():
		case <-s.turns.wake:
		case <-time.After(s.turns.rest):
		}
	}
	return Job{}, nil, ctx.Err()
}

// try takes a chunk of the first job that has one to give.
func (s *Store) try(ctx context.Context, work Work) (Job, jetstream.Msg) {
	s.turns.fetching.Lock()
	defer s.turns.fetching.Unlock()
	for _, job := range s.turns.order(time.Now()) {
		if ctx.Err() != nil {
			return Job{}, nil
		}
		if !work.May(job.Caller) {
			continue
		}
		msg, err := s.take(ctx, &job)
		pause := s.turns.rest
		if err != nil && ctx.Err() == nil {
			pause *= 20
			s.log.WarnContext(ctx, "jobs: no chunk could be taken from the queue", "job", job.ID, "again", pause, "error", err)
		}
		s.turns.gave(&job, msg != nil, pause)
		if msg != nil {
			return job, msg
		}
	}
	return Job{}, nil
}

// take takes a chunk of a job from the queue; nil where none is there.
func (s *Store) take(ctx context.Context, job *Job) (jetstream.Msg, error) {
	queue, err := s.queue(ctx, job)
	if err != nil {
		return nil, err
	}
	batch, err := queue.FetchNoWait(1)
	if err != nil {
		return nil, err
	}
	for msg := range batch.Messages() {
		return msg, nil
	}
	err = batch.Error()
	if err != nil {
		s.turns.mu.Lock()
		delete(s.turns.queues, job.Upload) // it may have been lost with its server
		s.turns.mu.Unlock()
	}
	return nil, err
}

// queue is the consumer of an upload's chunks, which is made where it is not there.
func (s *Store) queue(ctx context.Context, job *Job) (jetstream.Consumer, error) {
	s.turns.mu.Lock()
	queue := s.turns.queues[job.Upload]
	s.turns.mu.Unlock()
	if queue != nil {
		return queue, nil
	}
	queue, err := s.input.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: job.Upload, FilterSubject: fmt.Sprintf("%s.%s.*", inputs, job.Upload), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: s.ackWait, MaxDeliver: -1,
	})
	if err != nil {
		return nil, err
	}
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	s.turns.queues[job.Upload] = queue
	return queue, nil
}

// watch hears of jobs until ctx ends.
func (s *Store) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.hear(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "jobs: the list of jobs broke off, and is read again", "error", err)
			_ = sleep(ctx, time.Second)
		}
	}
}

func (s *Store) hear(ctx context.Context) error {
	watcher, err := s.jobs.Watch(ctx, jobKey("*"))
	if err != nil {
		return err
	}
	defer watcher.Stop() //nolint:errcheck // nobody listens any more
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry, open := <-watcher.Updates():
			if !open {
				return errors.New("it was closed")
			}
			if entry == nil {
				continue // all that was there is heard
			}
			if entry.Operation() != jetstream.KeyValuePut {
				s.turns.heard(entry.Key(), nil)
				continue
			}
			var job Job
			if err := json.Unmarshal(entry.Value(), &job); err != nil {
				return fmt.Errorf("%s: %w", strings.ToValidUTF8(entry.Key(), "?"), err)
			}
			s.turns.heard(entry.Key(), &job)
		}
	}
}

// Heard is the jobs of all callers as Run last heard of them.
func (s *Store) Heard() []Job {
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.turns.jobs)), func(j Job) bool { return j.Status == receiving || j.Status == deleting })
}
