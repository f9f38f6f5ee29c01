package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// table prints rows as they come, so that a person sees how far the run is, and again at its end those that break the
// law, so that whoever has the end of a log has them.
type table struct {
	out    io.Writer
	broken []string // rows that break the law, with their faults
}

// title begins a part of the table.
func (t *table) title(name, law string) {
	t.printf("\n%s\n%s\n\n", name, law)
	t.printf("%-6s %-14s %-46s %9s %9s %9s %9s %9s %6s %9s\n", "", "route", "attack", "sent", "grew", "allowed",
		"took", "due", "status", "answer")
}

// row prints what an attack did, when a refusal or an end was due, and below it each fault.
func (t *table) row(route, name string, o outcome, due time.Duration, faults []string) {
	status := "-"
	if o.status > 0 {
		status = strconv.Itoa(o.status)
	}
	t.line(route, name, faults, fmt.Sprintf("%9s %9s %9s %9s %9s %6s %9s", size(o.sent), size(o.growth),
		size(o.allowed()), seconds(o.took), seconds(due), status, size(o.answer)))
}

// loads begins the part of the table that is about hostile bundles.
func (t *table) loads(law string) {
	t.printf("\nhostile bundles\n%s\n\n", law)
	t.printf("%-6s %-6s %-56s %9s %9s %6s  %s\n", "", "", "bundle", "took", "peak", "status", "line")
}

// load prints how a command ended that was given a hostile bundle, and what it said.
func (t *table) load(command string, h hostileBundle, e ending, said string, faults []string) {
	if first, rest, more := strings.Cut(said, "\n"); more || len(first) > 100 {
		said = fmt.Sprintf("%.100s… (%d bytes)", first, len(first)+len(rest))
	}
	t.judged(faults, fmt.Sprintf("%-6s %-56s %9s %9s %6d  %s", command, h.name, seconds(e.took), size(e.peak),
		e.status, said))
}

// check prints what was asked of a whole server.
func (t *table) check(name string, faults ...string) { t.line("", name, faults, "") }

func (t *table) line(route, name string, faults []string, figures string) {
	t.judged(faults, fmt.Sprintf("%-14s %-46s %s", route, name, figures))
}

// judged prints a row behind its verdict, and below it each fault.
func (t *table) judged(faults []string, row string) {
	if len(faults) == 0 {
		t.printf("%-6s %s\n", "ok", row)
		return
	}
	var broken strings.Builder
	fmt.Fprintf(&broken, "%-6s %s\n", "BROKEN", row)
	for _, fault := range faults {
		fmt.Fprintf(&broken, "       ^ %s\n", fault)
	}
	t.broken = append(t.broken, broken.String())
	t.printf("%s", broken.String())
}

// conclude says how the run ended.
func (t *table) conclude(rows string, took time.Duration) error {
	if len(t.broken) == 0 {
		t.printf("\n%s in %s: the law holds\n", rows, took.Round(time.Second))
		return nil
	}
	t.printf("\n%s in %s: %d break the law\n\n%s", rows, took.Round(time.Second), len(t.broken),
		strings.Join(t.broken, ""))
	return fmt.Errorf("%d of %s break the law", len(t.broken), rows)
}

func (t *table) printf(format string, args ...any) {
	fmt.Fprintf(t.out, format, args...) //nolint:errcheck // a table that cannot be printed is missed by its reader
}
