package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeCommand stands in for `assay score --in FILE --out FILE`, and says that it took a millisecond a row. Of a bundle
// "off:X" every score is off by X, and of one "short" the last row is missing.
func fakeCommand(_ context.Context, out string, flags ...string) (fileRun, error) {
	value := func(flag string) string {
		at := slices.Index(flags, flag)
		if at < 0 {
			return ""
		}
		return flags[at+1]
	}
	text, err := os.ReadFile(value("--in"))
	if err != nil || value("--activation") != "none" || value("--out") != out || !slices.Contains(flags, "--restart") {
		return fileRun{}, fmt.Errorf("flags %q, %w", flags, err)
	}
	if value("--url") != "" && value("--model") != serverFloat32 || value("--url") == "" && !slices.Contains(flags, "--bundle") {
		return fileRun{}, fmt.Errorf("flags %q", flags)
	}
	by, _ := strings.CutPrefix(value("--bundle"), "off:")
	off, _ := strconv.ParseFloat(by, 64)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if value("--bundle") == "short" {
		lines = lines[1:]
	}
	var answers []byte
	for i, line := range lines {
		var row struct{ Text string }
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return fileRun{}, err
		}
		answers = fmt.Appendf(answers, `{"row": %d, "score": %g, "tokens": %d}`+"\n", i+1, fakeScore(row.Text)+off, len(strings.Fields(row.Text)))
	}
	return fileRun{start: 5, seconds: 0.2 + 1e-3*float64(len(lines))}, os.WriteFile(out, answers, 0o600)
}

// fakeProgram is a process that begins a log and lives on for a second, or that fails.
func fakeProgram() {
	if os.Args[2] == "fail" {
		fmt.Fprintln(os.Stderr, "no such model")
		os.Exit(1)
	}
	if os.Args[2] != "no log" {
		if os.Mkdir(os.Args[2], 0o700) != nil || os.WriteFile(os.Args[2]+"/0.log", nil, 0o600) != nil {
			os.Exit(1)
		}
		time.Sleep(time.Second)
	}
}

func TestTheClockStartsWithTheLog(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "scores.jsonl")
	run := commandOf(os.Args[0])
	if got, err := run(t.Context(), out, "score", out+".part"); err != nil || got.start <= 0 || got.seconds <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	for how, want := range map[string]string{"fail": "no such model", "no log": "no log was seen"} {
		if _, err := run(t.Context(), filepath.Join(t.TempDir(), "scores.jsonl"), "score", how); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", how, err)
		}
	}
	if _, err := commandOf("/no/such/program")(t.Context(), out); err == nil {
		t.Error("a program that is not there ran")
	}
}

func TestADisturbedRunOverAFileIsVoid(t *testing.T) {
	t.Parallel()
	f := &files{ways: []string{"packed 1024"}, best: []float64{100, 101}, sides: []filesSide{
		{name: "rows here", asked: filesHere, rates: []float64{99, 98}, start: []float64{2, 2}},
		{name: "rows by a server", asked: filesRemote, rates: []float64{99, 140}, start: []float64{0.1, 0.1}},
	}}
	if got := f.result(); !strings.Contains(got.Void, "rows by a server: tokens/s between 99 and 140") || got.Checks[0].Figure < 0.97 || !got.Checks[0].Pass() {
		t.Errorf("%+v", got)
	}
}

func TestRowsOfFiles(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, map[string]float64{serverFloat32: 0})
	if got := b.measure(t.Context(), scenario(t, "files")); !strings.Contains(got.Failed, "no -assay") {
		t.Errorf("%+v without the program", got)
	}
	b.command = fakeCommand
	got := b.measure(t.Context(), scenario(t, "files"))
	if got.Failed != "" || len(got.Series) != 5 || got.Series[0].Name != "ideal padded 2048, packed 1024" || !got.Checks[0].quotable() || got.Checks[2].Figure != 0 {
		t.Fatalf("%+v", got)
	}
	// What a run takes beside its rows is in no rate: a millisecond a row of about 150 tokens.
	if rate := got.Series[1].Rate; rate < 140e3 || rate > 200e3 || got.Series[2].Rate != 5 {
		t.Errorf("%+v", got.Series)
	}
	for bundle, want := range map[string]string{"off:0.01": "wrong", "short": "failed"} {
		b.bundle = bundle
		if got := b.measure(t.Context(), scenario(t, "files")); got.Verdict() != want {
			t.Errorf("%s: %s, want %s: %+v", bundle, got.Verdict(), want, got)
		}
	}
}
