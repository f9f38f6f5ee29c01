package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeCommand stands in for `assay score --in FILE --out FILE`: it takes half a millisecond a row. Of a
// bundle "off:X" every score is off by X, and of one "short" the last row is missing.
func fakeCommand() {
	value := func(flag string) string { return os.Args[slices.Index(os.Args, flag)+1] }
	text, err := os.ReadFile(value("--in"))
	if err != nil || value("--activation") != "none" || !slices.Contains(os.Args, "--restart") {
		fmt.Println("want --in, --activation none and --restart")
		os.Exit(1)
	}
	off, bundle := 0.0, ""
	if slices.Contains(os.Args, "--bundle") {
		bundle = value("--bundle")
		by, _ := strings.CutPrefix(bundle, "off:")
		off, _ = strconv.ParseFloat(by, 64)
	} else if !strings.HasPrefix(value("--url"), "http://127.0.0.1") || value("--model") != remoteModel {
		fmt.Println("want --bundle, or --url and --model")
		os.Exit(1)
	}
	var out []byte
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if bundle == "short" {
		lines = lines[1:]
	}
	for i, line := range lines {
		var row struct{ Text string }
		if json.Unmarshal([]byte(line), &row) != nil {
			os.Exit(1)
		}
		out = fmt.Appendf(out, `{"row": %d, "score": %g, "tokens": %d}`+"\n", i+1, fakeScore(row.Text)+off, len(strings.Fields(row.Text)))
	}
	if os.MkdirAll(value("--out")+".part", 0o700) != nil || os.WriteFile(value("--out")+".part/0.log", nil, 0o600) != nil {
		os.Exit(1)
	}
	time.Sleep(time.Duration(len(lines)) * 500 * time.Microsecond)
	if os.RemoveAll(value("--out")+".part") != nil || os.WriteFile(value("--out"), out, 0o600) != nil {
		os.Exit(1)
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
	b := fakeBench(t, map[string]float64{serverMain: 0})
	if got := b.measure(t.Context(), scenario(t, "files")); !strings.Contains(got.Failed, "no -assay") {
		t.Errorf("%+v without the program", got)
	}
	b.command = commandOf(os.Args[0])
	got := b.measure(t.Context(), scenario(t, "files"))
	if got.Failed != "" || len(got.Series) != 5 || got.Series[0].Name != "ideal padded 2048" || !got.Checks[0].quotable() || got.Checks[2].Figure != 0 {
		t.Fatalf("%+v", got)
	}
	b.Rounds = 1
	for bundle, want := range map[string]string{"off:0.01": "wrong", "short": "failed"} {
		b.bundle = bundle
		if got := b.measure(t.Context(), scenario(t, "files")); got.Verdict() != want {
			t.Errorf("%s: %s, want %s: %+v", bundle, got.Verdict(), want, got)
		}
	}
	b.command, b.bundle = commandOf("/no/such/program"), ""
	if got := b.measure(t.Context(), scenario(t, "files")); got.Verdict() != "failed" {
		t.Errorf("a program that is not there: %+v", got)
	}
}
