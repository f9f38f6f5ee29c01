package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestABodyIsJudgedByTheLaw(t *testing.T) {
	fine := outcome{
		sent: mib, growth: growthFixed + growthPerByte*mib, took: maxRefusal, status: 413,
		answer: maxAnswer,
	}
	change := func(do func(*outcome)) outcome {
		o := fine
		do(&o)
		return o
	}
	for _, c := range []struct {
		name    string
		attack  hostile
		outcome outcome
		slack   float64
		fault   string // part of the one fault; empty: none
	}{
		{"at every limit", hostile{}, fine, 1, ""},
		{"one byte of memory too many", hostile{}, change(func(o *outcome) { o.growth++ }), 1, "memory grew"},
		{"a late refusal", hostile{}, change(func(o *outcome) { o.took++ }), 1, "refused after"},
		{"a late refusal on a slow machine", hostile{}, change(func(o *outcome) { o.took++ }), 2, ""},
		{
			"a late answer that is no refusal",
			hostile{},
			change(func(o *outcome) { o.status, o.took = 200, time.Hour }), 1, "",
		},
		{"a large answer", hostile{}, change(func(o *outcome) { o.answer++ }), 1, "an answer of"},
		{"a problem that shows what was sent", hostile{brief: true}, fine, 1, "an answer of"},
		{"no answer", hostile{}, change(func(o *outcome) { o.broken = "unexpected EOF" }), 1, "no whole answer"},
		{"a fault of the server", hostile{}, change(func(o *outcome) { o.status = 500 }), 1, "at fault"},
		{"a full queue", hostile{}, change(func(o *outcome) { o.status = 503 }), 1, ""},
		{"another refusal than the law's", hostile{want: []int{400, 415}}, fine, 1, "400 or 415"},
		{
			"what should be refused is answered",
			hostile{want: refusal},
			change(func(o *outcome) { o.status = 200 }), 1,
			"status 200",
		},
	} {
		got := strings.Join(c.attack.judge(c.outcome, c.slack), "; ")
		if (c.fault == "") != (got == "") || !strings.Contains(got, c.fault) || strings.Contains(got, "; ") {
			t.Errorf("%s: faults %q, want %q", c.name, got, c.fault)
		}
	}
}

func TestSizesReadWell(t *testing.T) {
	got := map[int64]string{}
	for _, n := range []int64{0, 1023, 1024, 62 * kib, 999 * kib, 1023 * kib, 4 * mib, 1229 * mib, 1 << 50} {
		got[n] = size(n)
	}
	want := map[int64]string{
		0:    "0 B",
		1023: "1023 B", 1024: "1.0 KiB", 62 * kib: "62 KiB", 999 * kib: "999 KiB",
		1023 * kib: "1.0 MiB", 4 * mib: "4.0 MiB",
		1229 * mib: "1.2 GiB", 1 << 50: "1048576 GiB",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The run must have what the project promises: so many attacks, no two of one name, and every kind of route misused.
func TestTheAttacksAreAsManyAsPromised(t *testing.T) {
	seen := map[string]bool{}
	once := func(name string) {
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
	}
	short := 0
	for _, h := range hostileBodies() {
		once(shown(h.method, h.path) + " " + h.name)
		if !h.long {
			short++
		}
	}
	if short < 25 {
		t.Errorf("%d hostile bodies in the short form, and 25 are promised", short)
	}
	everywhere := 0
	for _, r := range rudeConnections() {
		once(r.name)
		if len(r.states) == 0 {
			t.Errorf("%s: no state that ends it", r.name)
		}
		if r.where == nil {
			everywhere++
		}
	}
	if everywhere < 12 {
		t.Errorf("%d ways to misuse every kind of route, and 12 are promised", everywhere)
	}
}
