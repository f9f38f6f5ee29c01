// Package runs keeps, for each training run that a client names, what its rewards look like: how they are distributed,
// how they go with length, which groups tell nothing, where they saturate, and how far they have drifted.
//
// Those are the signs of reward hacking that people look for when a run has gone wrong. Nothing here is kept of a text,
// and every list has a limit: of runs, of components of a run, of codes. A run is forgotten when nobody has named it
// for a time, or to make room; callers with few runs keep theirs.
package runs

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Limits bound a store. A limit of 0 stands for its default.
type Limits struct {
	Runs       int           // of all callers
	Components int           // of a run, the lengths not counted; what comes beyond is counted as left out
	Models     int           // of a run, each digest by itself; what comes beyond is not listed
	Idle       time.Duration // after which a run that nobody names is forgotten
}

// Defaults of [Limits].
const (
	DefaultRuns       = 64
	DefaultComponents = 32
	DefaultModels     = 16
	DefaultIdle       = 24 * time.Hour
)

// Key names a run: each caller has names of its own.
type Key struct{ Caller, Run string }

// Store keeps runs. Its methods are safe for concurrent use; it owns no goroutine.
type Store struct {
	limits Limits

	mu   sync.Mutex
	runs map[Key]*run // guarded by mu
}

// New makes an empty store.
func New(limits Limits) *Store {
	return &Store{runs: map[Key]*run{}, limits: Limits{
		Runs: cmp.Or(limits.Runs, DefaultRuns), Components: cmp.Or(limits.Components, DefaultComponents),
		Models: cmp.Or(limits.Models, DefaultModels), Idle: cmp.Or(limits.Idle, DefaultIdle),
	}}
}

// Record takes what an answer to a run's request gave.
func (s *Store) Record(key Key, batch *Batch, now time.Time) {
	r := s.touch(key, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(batch, &s.limits)
}

// Refused counts a request of a run that was refused as a whole.
func (s *Store) Refused(key Key, code string, now time.Time) {
	r := s.touch(key, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	r.refused[code]++
}

// Report tells of a run, and false where there is none of that name.
func (s *Store) Report(key Key, now time.Time) (Report, bool) {
	r, last := s.find(key, now)
	if r == nil {
		return Report{}, false
	}
	return r.report(key, last), true
}

// Summary is as Report.
func (s *Store) Summary(key Key, now time.Time) (Summary, bool) {
	r, last := s.find(key, now)
	if r == nil {
		return Summary{}, false
	}
	return r.summary(key, last), true
}

// find gives a run and when it was named last, and nil where there is none of that name.
func (s *Store) find(key Key, now time.Time) (*run, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	r := s.runs[key]
	if r == nil {
		return nil, time.Time{}
	}
	return r, r.last
}

// Names lists a caller's runs, the latest first.
func (s *Store) Names(caller string, now time.Time) []Key {
	return slices.DeleteFunc(s.Latest(s.limits.Runs, now), func(k Key) bool { return k.Caller != caller })
}

// Latest lists at most n runs of all callers, the latest first.
func (s *Store) Latest(n int, now time.Time) []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	keys := make([]Key, 0, len(s.runs))
	for key := range s.runs {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(s.runs[b].last.Compare(s.runs[a].last), cmp.Compare(a.Run, b.Run), cmp.Compare(a.Caller, b.Caller))
	})
	return keys[:min(n, len(keys))]
}

// touch gives a run, which is new or was named last now.
func (s *Store) touch(key Key, now time.Time) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	r := s.runs[key]
	if r == nil {
		if len(s.runs) >= s.limits.Runs {
			delete(s.runs, s.least(key.Caller))
		}
		r = newRun(now)
		s.runs[key] = r
	}
	r.last = now
	return r
}

// forget drops the runs that nobody has named for long. The store is locked.
func (s *Store) forget(now time.Time) {
	for key, r := range s.runs {
		if now.Sub(r.last) >= s.limits.Idle {
			delete(s.runs, key)
		}
	}
}

// least is the run that makes room for a new one: of the caller with the most runs, the asking one where it has as many
// with the new one, that which was named longest ago. The store is locked.
func (s *Store) least(asking string) Key {
	has := map[string]int{asking: 1}
	for key := range s.runs {
		has[key.Caller]++
	}
	var least Key
	var of *run
	for key, r := range s.runs {
		more := of == nil || has[key.Caller] > has[least.Caller]
		if more || has[key.Caller] == has[least.Caller] && r.last.Before(of.last) {
			least, of = key, r
		}
	}
	return least
}
