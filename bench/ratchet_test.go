package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// report is of one load with one check.
func reportOf(c Check) Report {
	return Report{Results: []Result{{Name: "load", Checks: []Check{c}}}}
}

func TestTheRatchetAsksForMostOfTheLastFigure(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		now, last Check
		limit     float64
	}{
		{"nothing was asked", Check{Rounds: 3, Figure: 1}, Check{Rounds: 3, Figure: 2}, 1.9},
		{"more than the fixed limit", Check{Rounds: 3, Figure: 1, Limit: 0.9}, Check{Rounds: 2, Figure: 1}, 0.95},
		{"less than the fixed limit", Check{Rounds: 3, Figure: 1, Limit: 0.97}, Check{Rounds: 2, Figure: 1}, 0.97},
		{"at most, nothing was asked", Check{Rounds: 3, AtMost: true}, Check{Rounds: 2, AtMost: true, Figure: 95}, 100},
		{"at most, less than the fixed limit", Check{Rounds: 3, AtMost: true, Limit: 120}, Check{Rounds: 2, AtMost: true, Figure: 95}, 100},
		{"at most, more than the fixed limit", Check{Rounds: 3, AtMost: true, Limit: 90}, Check{Rounds: 2, AtMost: true, Figure: 95}, 90},
		{"one round is no figure", Check{Rounds: 3, Figure: 1}, Check{Rounds: 1, Figure: 2}, 0},
		{"a count is no figure", Check{AtMost: true, Must: true}, Check{AtMost: true, Figure: 3, Rounds: 2}, 0},
	} {
		now := reportOf(row.now)
		now.tighten(reportOf(row.last))
		if got := now.Results[0].Checks[0].Limit; got != row.limit {
			t.Errorf("%s: limit %g, want %g", row.name, got, row.limit)
		}
	}
	void := reportOf(Check{Rounds: 2, Figure: 9})
	void.Results[0].Void = "disturbed"
	now := reportOf(Check{Rounds: 2, Figure: 1})
	if now.tighten(void); now.Results[0].Checks[0].Limit != 0 {
		t.Error("a disturbed figure is asked for")
	}
	lost := reportOf(Check{Rounds: 3, Figure: 1.8})
	if lost.tighten(reportOf(Check{Rounds: 3, Figure: 2})); lost.Results[0].Verdict() != "miss" {
		t.Errorf("a tenth less than the last figure is a %s", lost.Results[0].Verdict())
	}
}

func TestTheLastCommittedReportIsOfTheSameKind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	git := func(arguments ...string) {
		t.Helper()
		arguments = append([]string{"-c", "user.name=x", "-c", "user.email=x@x"}, arguments...)
		if out, err := exec.CommandContext(t.Context(), "git", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", arguments, err, out)
		}
	}
	like := Report{Device: Device{CPU: "cpu", Cores: 2}}
	if _, file, err := lastCommitted(t.Context(), "results", like); file != "" || err != nil {
		t.Errorf("outside a checkout: %q, %v", file, err)
	}
	git("init", "-q")
	save := func(day int, change func(r *Report)) {
		t.Helper()
		r := like
		r.Time, r.Seconds = time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC), float64(day)
		change(&r)
		if _, err := r.Save(filepath.Join(dir, "results")); err != nil {
			t.Fatal(err)
		}
	}
	save(3, func(*Report) {})
	save(5, func(*Report) {})
	save(6, func(r *Report) { r.Settings.Short = true })
	save(7, func(r *Report) { r.Device.Cores = 4 })
	save(8, func(r *Report) { r.Settings.Before = true })
	git("add", ".")
	git("commit", "-q", "-m", "x")
	save(9, func(*Report) {}) // not committed
	if err := os.Remove(filepath.Join(dir, "results", "2026-01-05-cpu-2c.json")); err != nil {
		t.Fatal(err)
	}
	if last, file, err := lastCommitted(t.Context(), "results", like); file != "results/2026-01-05-cpu-2c.json" || last.Seconds != 5 || err != nil {
		t.Errorf("%q of day %g, %v; want that of day 5, which is committed", file, last.Seconds, err)
	}
}
