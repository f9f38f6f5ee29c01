package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeIdeal takes 2048/budget seconds for any round, and says a token is a word.
type fakeIdeal struct{ texts []string }

func (f *fakeIdeal) Load(texts []string) ([]int, error) {
	f.texts = texts
	var tokens []int
	for _, text := range texts {
		tokens = append(tokens, len(strings.Fields(text)))
	}
	return tokens, nil
}

func (f *fakeIdeal) Run(budget int) (IdealPass, error) {
	pass := IdealPass{Seconds: 2048 / float64(budget)}
	for _, text := range f.texts {
		pass.Scores = append(pass.Scores, fakeScore(text))
	}
	return pass, nil
}

func fakeBench(t *testing.T, off float64) *bench {
	t.Helper()
	client := NewClient(16)
	t.Cleanup(client.Close)
	b := &bench{
		Settings: Settings{Rounds: 3, Clients: 16, Seed: 1, Tolerance: 1e-4},
		ideal:    &fakeIdeal{}, budgets: []int{512, 2048, 1024}, client: client,
		targets: bothTargets(t, fakeServer(t, off).URL), progress: t.Logf,
	}
	if err := b.calibrate(); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMeasureOfARightServer(t *testing.T) {
	t.Parallel()
	b := fakeBench(t, 0)
	if b.tokensPerWord != 1 {
		t.Errorf("%g tokens per word, want 1", b.tokensPerWord)
	}
	got, err := b.measure(t.Context(), loads[0])
	if err != nil {
		t.Fatal(err)
	}
	if got.Ideal != 2048 || got.Items != 128 || len(got.Ideals) != 3 || len(got.Served) != 2 {
		t.Errorf("got %+v, want the best budget 2048, 128 items, 3 budgets, 2 servers", got)
	}
	for _, served := range got.Served {
		if served.Wrong != 0 || served.Share <= 0 || served.ShareLow > served.Share || served.ShareHigh < served.Share {
			t.Errorf("got %+v", served)
		}
	}
	if spared := got.Served[0].Spared; spared < 0.4 || spared > 0.5 {
		t.Errorf("%g of the tokens spared by a server that says half", spared)
	}
}

func TestMeasureCountsWrongScores(t *testing.T) {
	t.Parallel()
	got, err := fakeBench(t, 0.01).measure(t.Context(), loads[2])
	if err != nil {
		t.Fatal(err)
	}
	report := Report{Loads: []LoadResult{got}}
	if wrong := report.Wrong("assay"); wrong != 3*64 {
		t.Errorf("%d wrong answers, want all of 3 rounds of 64", wrong)
	}
	if err := (options{}).conclude(report, io.Discard); err == nil || !strings.Contains(err.Error(), "192 scores differ") {
		t.Errorf("the run of a wrong server ended with %v", err)
	}
}

func TestSummaryIsOfTheSameRounds(t *testing.T) {
	t.Parallel()
	second := []time.Duration{time.Second}
	rounds := []round{
		{tokens: 100, ideal: []float64{2, 1}, served: []float64{2}, latency: [][]time.Duration{second}, checked: make([]Checked, 1)},
		{tokens: 100, ideal: []float64{4, 2}, served: []float64{2.5}, latency: [][]time.Duration{second}, checked: make([]Checked, 1)},
		{tokens: 100, ideal: []float64{9, 3}, served: []float64{5}, latency: [][]time.Duration{second}, checked: make([]Checked, 1)},
	}
	b := bench{budgets: []int{512, 1024}, targets: []Target{{Name: "assay"}}}
	got := b.summarise(Load{Target: 0.7}, rounds)
	served := got.Served[0]
	if got.Ideal != 1024 || served.Share != 0.6 || served.ShareLow != 0.5 || served.ShareHigh != 0.8 || served.TokensPerSecond != 40 ||
		served.P50 != 1000 {
		t.Errorf("got %+v", got)
	}
	if unsteady := (Report{Loads: []LoadResult{got}}).Unsteady(); len(unsteady) != 1 || !strings.Contains(unsteady[0], "33 to 100") {
		t.Errorf("rounds of 33 to 100 tokens/s: unsteady %q", unsteady)
	}
	if missed := (Report{Loads: []LoadResult{got}}).Missed("assay"); len(missed) != 1 {
		t.Errorf("0.6 of 0.7 asked for: missed %q", missed)
	}
}

func TestReportIsWrittenAndPrinted(t *testing.T) {
	t.Parallel()
	report := Report{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Commit: "abc", Device: Device{CPU: "Intel(R) Xeon(R) CPU @ 2.0", Cores: 2},
		Loads: []LoadResult{{
			Name: "short-35", Target: 0.85, Ideals: []IdealResult{{512, 4000, 3900, 4100}, {1024, 5000, 4900, 5100}}, Ideal: 1024,
			Served: []ServedResult{{Server: "assay", TokensPerSecond: 4500, Share: 0.9, Spared: 0.5}},
		}},
	}
	path, err := report.Save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(path, "/2026-01-02-intel-xeon-cpu-2-0-2c.json") {
		t.Errorf("written to %s", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Loads[0].Served[0] != report.Loads[0].Served[0] {
		t.Errorf("read back %+v, %v", back, err)
	}
	var table strings.Builder
	if err := report.Print(&table); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	want := []string{"short-35", "5000", "1024", "assay", "4500", "0.90", "0.00–0.00", "0.85", "0", "0", "50%", "0"}
	if got := strings.Fields(lines[len(lines)-1]); !slices.Equal(got, want) {
		t.Errorf("last row %q, want %q", got, want)
	}
}
