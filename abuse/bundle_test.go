package main

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

func TestALoadIsJudgedByTheLaw(t *testing.T) {
	fine := ending{took: maxLoad, peak: maxLoadSize, status: 1, stderr: strings.Repeat("é", maxLine) + "\n"}
	change := func(do func(*ending)) ending {
		e := fine
		do(&e)
		return e
	}
	honest := hostileBundle{passes: []string{"serve"}}
	for _, c := range []struct {
		name    string
		bundle  hostileBundle
		command string
		ending  ending
		fault   string // part of the one fault; empty: none
	}{
		{"at every limit", hostileBundle{}, "verify", fine, ""},
		{"late", hostileBundle{}, "verify", change(func(e *ending) { e.took++ }), "ended after"},
		{"large", hostileBundle{}, "verify", change(func(e *ending) { e.peak++ }), "of memory"},
		{
			"killed",
			hostileBundle{},
			"verify", change(func(e *ending) { e.killed, e.status = "still running", -1 }),
			"still running",
		},
		{"a crash", hostileBundle{}, "verify", change(func(e *ending) { e.status = 2 }), "status 2"},
		{"two lines", hostileBundle{}, "verify", change(func(e *ending) { e.stderr = "a\nb\n" }), "2 lines"},
		{
			"a long line",
			hostileBundle{},
			"verify",
			change(func(e *ending) { e.stderr = strings.Repeat("a", maxLine+1) }), "501 characters",
		},
		{"no word", hostileBundle{}, "verify", change(func(e *ending) { e.stderr = "" }), "of 0 characters"},
		{"accepted", hostileBundle{}, "verify", change(func(e *ending) { e.status = 0 }), "accepted"},
		{"started", hostileBundle{}, "serve", change(func(e *ending) { e.ready = true }), "accepted"},
		{
			"an honest one is served", honest, "serve",
			change(func(e *ending) { e.status, e.ready, e.stderr = 0, true, "a\nb\n" }), "",
		},
		{"an honest one is refused", honest, "serve", fine, "refused"},
		{"what serve accepts, verify does not", honest, "verify", fine, ""},
	} {
		got := strings.Join(c.bundle.judge(c.ending, c.command, maxLoad), "; ")
		if (c.fault == "") != (got == "") || !strings.Contains(got, c.fault) || strings.Contains(got, "; ") {
			t.Errorf("%s: faults %q, want %q", c.name, got, c.fault)
		}
	}
}

// A command that goes on is ended when its time is up, and one that ends by itself is waited for.
func TestACommandIsFollowedToItsEnd(t *testing.T) {
	e, err := load(t.Context(), time.Hour, "/bin/sh", "-c", "echo out; echo why >&2; exit 3")
	if err != nil || e.status != 3 || e.stderr != "why\n" || e.ready || e.killed != "" {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = load(t.Context(), time.Millisecond, "/bin/sleep", "3600")
	if err != nil || e.status != -1 || !strings.Contains(e.killed, "still running") {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = load(t.Context(), time.Hour, "/bin/sh", "-c",
		`trap "exit 7" TERM; echo assay is ready on http://127.0.0.1:1 with; while :; do sleep 0.01; done`)
	if err != nil || e.status != 7 || !e.ready {
		t.Errorf("%+v, %v", e, err)
	}
}

// A nested graph has the depth that its name says, each level inside the one before.
func TestNestedGraphsAreAsDeepAsTheySay(t *testing.T) {
	rest := nested(1000)
	levels := 0
	for ; len(rest) > 0; levels++ {
		for _, field := range []protowire.Number{1, 5, 6} { // node, attribute, graph
			rest = last(t, rest, field)
		}
	}
	if levels != 1000 {
		t.Errorf("%d levels", levels)
	}
}

// last is the content of a message's last field, which has that number.
func last(t *testing.T, data []byte, want protowire.Number) []byte {
	t.Helper()
	for {
		field, kind, tag := protowire.ConsumeTag(data)
		length := protowire.ConsumeFieldValue(field, kind, data[tag:])
		if tag < 0 || length < 0 {
			t.Fatalf("damaged: %d, %d", tag, length)
		}
		if len(data) == tag+length {
			if field != want {
				t.Fatalf("field %d, want %d", field, want)
			}
			content, _ := protowire.ConsumeBytes(data[tag:])
			return content
		}
		data = data[tag+length:]
	}
}

func TestTheBundlesAreAsManyAsPromised(t *testing.T) {
	seen := map[string]bool{}
	hostile := 0
	for _, h := range hostileBundles() {
		if seen[h.name] {
			t.Errorf("%s is there twice", h.name)
		}
		seen[h.name] = true
		if len(h.passes) < 2 {
			hostile++
		}
	}
	if hostile < 60 {
		t.Errorf("%d hostile bundles are judged, and 60 are promised", hostile)
	}
}
