package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// subject is the server under attack: one process after the other, all started alike.
type subject struct {
	binary, folder string
	arguments      []string
	token          string
	slack          float64
	settle         time.Duration // how long what was left behind may take to end
	scores         []uint64      // what every process answers an honest client

	process    *process // nil: none runs
	calm       int64    // its resident memory when nothing was asked yet
	goroutines int      // and its goroutines, usually
	files      int      // and its open files
}

const (
	keptMemory  = 96 << 20 // over the calm server's, from which on a fresh one takes its place
	deadlyBytes = 3 << 30  // over the memory at an attack's beginning, at which the server is killed
)

// client asks politely.
func (s *subject) client() client { return client{s.process.address, s.token} }

// ready gives a server that is as calm as a fresh one. What it says of the server before it are faults of that one.
func (s *subject) ready(ctx context.Context) (faults []string, err error) {
	if s.process != nil && s.process.alive() {
		now, _, err := s.process.resident()
		if err == nil && now < s.calm+keptMemory {
			return nil, nil
		}
		faults = s.finish(ctx)
	}
	return faults, s.fresh(ctx)
}

// fresh starts a process, warms it with honest requests and notes what it holds.
func (s *subject) fresh(ctx context.Context) (err error) {
	var environment []string
	if s.token != "" {
		environment = []string{"ASSAY_TOKEN=" + s.token}
	}
	if s.process, err = start(ctx, s.binary, s.folder, environment, s.arguments); err != nil {
		return err
	}
	scores, err := s.client().scores(ctx)
	if err != nil {
		return err
	}
	if s.scores == nil {
		s.scores = scores
	}
	if !slices.Equal(s.scores, scores) {
		return errors.New("a fresh server gives other scores than the one before")
	}
	if s.goroutines, err = s.client().usualGoroutines(ctx); err != nil {
		return err
	}
	if s.files, err = s.process.files(); err != nil {
		return err
	}
	s.calm, _, err = s.process.resident()
	return err
}

// attack is a row of the table: what is done to a server, when its refusal or its end is due, and the law for it.
type attack struct {
	route, name string
	due         time.Duration
	act         func(address string) outcome
	judge       func(done outcome) (faults []string)
}

// row attacks a calm server and prints what came of it.
func (s *subject) row(ctx context.Context, t *table, a attack) error {
	faults, err := s.ready(ctx)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		t.check("the server before", faults...)
	}
	done, err := s.measure(a.act)
	if err != nil {
		return err
	}
	t.row(a.route, a.name, done, a.due, a.judge(done))
	return nil
}

// measure does something to the process and adds what became of its memory.
func (s *subject) measure(act func(address string) outcome) (outcome, error) {
	now, _, err := s.process.resident()
	if err != nil {
		return outcome{}, err
	}
	grown, err := s.process.watch(now + deadlyBytes)
	if err != nil {
		return outcome{}, err
	}
	done := act(s.process.address)
	done.growth = grown()
	if !s.process.alive() {
		done.broken = "the server is dead: " + s.process.lastWords()
	}
	return done, nil
}

// end holds the last process to what must be so after all attacks, and ends it.
func (s *subject) end(ctx context.Context, t *table) error {
	if s.process != nil {
		t.check("goroutines, files, scores and SIGTERM", s.finish(ctx)...)
	}
	return ctx.Err()
}

// finish holds the process to what must be so after all attacks, and ends it.
func (s *subject) finish(ctx context.Context) (faults []string) {
	p := s.process
	s.process = nil
	if !p.alive() {
		return []string{"the server is dead: " + p.lastWords()}
	}
	asks := client{p.address, s.token}
	if scores, err := asks.scores(ctx); err != nil {
		faults = append(faults, err.Error())
	} else if !slices.Equal(scores, s.scores) {
		faults = append(faults, "scores have other bits than before")
	}
	var goroutines, files int
	var err error
	for end := time.Now().Add(s.settle + stretched(endGrace, s.slack)); ; time.Sleep(50 * time.Millisecond) {
		if goroutines, err = asks.goroutines(ctx); err == nil {
			files, err = p.files()
		}
		if err == nil && goroutines <= s.goroutines && files <= s.files || time.Now().After(end) {
			break
		}
	}
	switch {
	case err != nil:
		faults = append(faults, err.Error())
	case goroutines > s.goroutines:
		faults = append(faults, fmt.Sprintf("%d goroutines, and there were %d", goroutines, s.goroutines))
	case files > s.files:
		faults = append(faults, fmt.Sprintf("%d open files, and there were %d", files, s.files))
	}
	if err := p.stop(); err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

// abandon ends the process of a run that is broken off.
func (s *subject) abandon() {
	if s.process != nil {
		s.process.kill()
	}
}
